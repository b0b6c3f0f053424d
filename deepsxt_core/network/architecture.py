"""The published network as a Keras functional model.

One encoder, a neck of parallel branches, and two decoders: one repaints the image, one scores
membranes (Dyhr, Sadeghi et al., PNAS 2023, doi 10.1073/pnas.2209938120).

Every layer with weights is named ``{group}_{kind}_{i}``: `group` is a part of the network, `kind`
one of conv, norm, up, and `i` counts the layers of that kind in the group in the order of their
construction. `legacy_weights` relies on it.
"""

from collections import Counter
from collections.abc import Sequence

import keras
from keras import layers

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.parts import BlockConfig, CoderConfig

_INITIALIZER = "he_uniform"
CLASS_PART = "label_head_2"
"""The group of the last layer of the score, the only one that depends on the classes."""


class _Part:
    """Adds layers to one group of the network and counts them."""

    def __init__(self, group: str, block: BlockConfig, dtype: str) -> None:
        self.group = group
        self.block = block
        self.dtype = dtype
        self._counts: Counter[str] = Counter()

    def _name(self, kind: str) -> str:
        self._counts[kind] += 1
        return f"{self.group}_{kind}_{self._counts[kind] - 1}"

    def conv(
        self, x: keras.KerasTensor, filters: int, kernel: int, bias: bool, stride: int = 1
    ) -> keras.KerasTensor:
        return layers.Conv2D(
            filters,
            kernel,
            stride,
            padding="same",
            use_bias=bias,
            kernel_initializer=_INITIALIZER,
            dtype=self.dtype,
            name=self._name("conv"),
        )(x)

    def up(self, x: keras.KerasTensor, filters: int, kernel: int, stride: int) -> keras.KerasTensor:
        return layers.Conv2DTranspose(
            filters,
            kernel,
            strides=stride,
            padding="same",
            kernel_initializer=_INITIALIZER,
            dtype=self.dtype,
            name=self._name("up"),
        )(x)

    def bottleneck(
        self, x: keras.KerasTensor, filters: int, kernel: int, bias: bool, stem: int = 1
    ) -> keras.KerasTensor:
        inner = max(1, filters // 2)
        x = self.conv(x, inner, stem, bias, stem)
        x = self.conv(x, inner, kernel, bias)
        return self.conv(x, filters, 1, bias)

    def norm(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.BatchNormalization(
            epsilon=1e-3, momentum=0.99, dtype=self.dtype, name=self._name("norm")
        )(x)

    def activate(self, x: keras.KerasTensor) -> keras.KerasTensor:
        if self.block.batch_norm:
            x = self.norm(x)
        if self.block.activation == "leaky_relu":
            x = layers.LeakyReLU(negative_slope=self.block.leak_slope, dtype=self.dtype)(x)
        elif self.block.activation != "linear":
            x = layers.Activation(self.block.activation, dtype=self.dtype)(x)
        if self.block.dropout_rate is not None:
            x = layers.SpatialDropout2D(self.block.dropout_rate, dtype=self.dtype)(x)
        return x

    def merge(self, inputs: Sequence[keras.KerasTensor], add: bool) -> keras.KerasTensor:
        if len(inputs) == 1:
            return inputs[0]
        if not add:
            return layers.Concatenate(dtype=self.dtype)(inputs)
        channels = [tensor.shape[-1] for tensor in inputs]
        if len(set(channels)) > 1:
            raise InvalidParameterError(
                f"{self.group} adds tensors of {channels} channels: they must be equal. "
                "Change n_filters or set add_instead_of_concat to false."
            )
        return layers.Add(dtype=self.dtype)(inputs)

    def residual(
        self, x: keras.KerasTensor, coder: CoderConfig, filters: int, kernel: int
    ) -> keras.KerasTensor:
        result = x
        for _ in range(coder.block_depth - 1):
            result = self.activate(self.bottleneck(result, filters, kernel, bias=False))
        result = self.bottleneck(result, filters, kernel, bias=False)
        return self.activate(self.merge([x, result], coder.add_instead_of_concat))


def _encode(
    x: keras.KerasTensor, config: NetworkConfig, dtype: str
) -> tuple[keras.KerasTensor, list[keras.KerasTensor]]:
    coder = config.encoder
    part = _Part("encoder", coder.block, dtype)
    pool = layers.MaxPooling2D if config.pooling == "max" else layers.AveragePooling2D
    filters, kernel = coder.n_filters[0], coder.kernel_sizes[0]
    x = part.activate(part.bottleneck(x, filters, kernel, bias=True, stem=config.stem_factor))
    skips = []
    for filters, kernel in zip(coder.n_filters[1:], coder.kernel_sizes[1:], strict=True):
        for _ in range(coder.n_blocks):
            x = part.residual(x, coder, filters, kernel)
        skips.append(x)
        x = pool(config.pooling_factor, padding="same", dtype=dtype)(x)
    return x, skips


def _neck(x: keras.KerasTensor, config: NetworkConfig, dtype: str) -> keras.KerasTensor:
    neck = config.neck
    branches = []
    for i, kernel in enumerate(neck.kernel_sizes):
        part = _Part(f"neck_{i}", neck.block, dtype)
        branch = x
        for _ in range(neck.depth):
            branch = part.activate(part.bottleneck(branch, neck.n_filters, kernel, bias=False))
        branches.append(branch)
    return _Part("neck", neck.block, dtype).merge(branches, neck.add_instead_of_concat)


def _decode(
    x: keras.KerasTensor,
    skips: Sequence[keras.KerasTensor],
    group: str,
    coder: CoderConfig,
    stride: int,
    dtype: str,
) -> keras.KerasTensor:
    part = _Part(group, coder.block, dtype)
    stages = zip(coder.n_filters[:-1], coder.kernel_sizes[:-1], reversed(skips), strict=True)
    for filters, kernel, skip in stages:
        x = part.up(x, filters, kernel, stride)
        if coder.use_skip_connections:
            x = part.merge([skip, x], coder.add_instead_of_concat)
        for _ in range(coder.n_blocks):
            x = part.residual(x, coder, filters, kernel)
    return part.activate(
        part.bottleneck(x, coder.n_filters[-1], coder.kernel_sizes[-1], bias=False)
    )


def build_network(config: NetworkConfig, dtype: str = "float32") -> keras.Model:
    """Build the network with fresh weights.

    Parameters
    ----------
    config : NetworkConfig
    dtype : str
        Keras dtype policy of all but the last layers, for example ``"mixed_bfloat16"``.

    Returns
    -------
    keras.Model
        Input (batch, height, width, `config.slices_seen`): a slice with those above and below it,
        height and width divisible by `config.divisor`. Outputs ``[image, score]`` of the slice,
        float32 (batch, height, width, 1 and classes); score in [-1, 1].
        `config` is kept as the attribute ``deepsxt_config``.

    Raises
    ------
    InvalidParameterError
        If tensors that are to be added differ in their channels.
    """
    stem = config.stem_factor
    inputs = keras.Input((None, None, config.slices_seen), name="slice")
    encoded, skips = _encode(inputs, config, dtype)
    neck = _neck(encoded, config, dtype)

    coder = config.image_decoder
    image = _decode(neck, skips, "image_decoder", coder, config.pooling_factor, dtype)
    for i, (filters, policy) in enumerate(
        [(config.width, dtype), (config.width, dtype), (stem * stem, "float32")]
    ):
        head = _Part(f"image_head_{i}", coder.block, policy)
        image = head.bottleneck(image, filters, coder.kernel_sizes[-1], bias=True)
    if stem > 1:
        image = _Part("image_head_3", coder.block, "float32").up(image, 1, stem, stem)

    coder = config.label_decoder
    label = _decode(neck, skips, "label_decoder", coder, config.pooling_factor, dtype)
    label = _Part("label_head_0", coder.block, dtype).norm(label)
    label = _Part("label_head_1", coder.block, dtype).bottleneck(
        label, config.width, coder.kernel_sizes[-1], bias=True
    )
    last = _Part("label_head_2", coder.block, "float32")
    n = len(config.classes)
    label = last.up(label, n, stem, stem) if stem > 1 else last.conv(label, n, 1, bias=True)
    score = layers.Activation("tanh", dtype="float32", name="score")(label)
    network = keras.Model(inputs, [image, score], name="deepsxt")
    network.deepsxt_config = config
    return network


def score_network(network: keras.Model) -> keras.Model:
    """Return the part of `network` that computes the score alone, sharing its weights."""
    return keras.Model(network.input, network.outputs[1], name="deepsxt_score")
