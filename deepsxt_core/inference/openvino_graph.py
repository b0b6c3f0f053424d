"""A score network as a graph of OpenVINO: its layers, one by one, as operations.

Nothing but the layers that `architecture` uses is known here, and neither TensorFlow nor another
backend of Keras computes anything for it. The weights are copied: what is made does not learn.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.inference.openvino_runtime import openvino, ops

_SAME = "same_upper"
_NO_PADS = [0, 0]
# OpenVINO has the channels first.
_CHANNELS = 1


def network_graph(network: keras.Model) -> Any:
    """Return a score network as a graph, (n, slices seen, y, x) to (n, classes, y, x).

    Raises
    ------
    NotImplementedError
        If a layer is none of those that `architecture` uses.
    """
    tiles = ops.parameter([-1, network.input_shape[-1], -1, -1], np.float32)
    made: dict[int, Any] = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.InputLayer):
            made[id(layer.output)] = tiles
            continue
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        made[id(layer.output)] = _operation(layer, [made[id(each)] for each in given])
    return openvino.Model([made[id(network.outputs[0])]], [tiles])


def _operation(layer: keras.layers.Layer, given: Sequence[Any]) -> Any:
    for kind, make in _OPERATIONS.items():
        if isinstance(layer, kind):
            return make(layer, *given)
    raise NotImplementedError(f"OpenVINO is not told what a {type(layer).__name__} does.")


def _conv(layer: Any, x: Any) -> Any:
    kernel = _values(layer.kernel).transpose(3, 2, 0, 1)
    x = ops.convolution(x, kernel, list(layer.strides), _NO_PADS, _NO_PADS, [1, 1], _SAME)
    return _with_bias(layer, x)


def _transposed_conv(layer: Any, x: Any) -> Any:
    """Return what becomes `strides` times as large; what is too much is cut at both ends."""
    surplus = [k - s for k, s in zip(layer.kernel_size, layer.strides, strict=True)]
    before = [max(each, 0) // 2 for each in surplus]
    after = [max(each, 0) - first for each, first in zip(surplus, before, strict=True)]
    kernel = _values(layer.kernel).transpose(3, 2, 0, 1)
    x = ops.convolution_backprop_data(
        x,
        kernel,
        list(layer.strides),
        pads_begin=before,
        pads_end=after,
        output_padding=[max(-each, 0) for each in surplus],
    )
    return _with_bias(layer, x)


def _with_bias(layer: Any, x: Any) -> Any:
    return ops.add(x, _per_channel(_values(layer.bias))) if layer.use_bias else x


def _norm(layer: Any, x: Any) -> Any:
    scale = _values(layer.gamma) / np.sqrt(_values(layer.moving_variance) + layer.epsilon)
    shift = _values(layer.beta) - scale * _values(layer.moving_mean)
    return ops.add(ops.multiply(x, _per_channel(scale)), _per_channel(shift))


def _leaky_relu(layer: Any, x: Any) -> Any:
    return ops.prelu(x, np.array([layer.negative_slope], np.float32))


def _activation(layer: Any, x: Any) -> Any:
    name = layer.activation.__name__
    if name not in _FUNCTIONS:
        raise NotImplementedError(f"OpenVINO is not told what {name} does.")
    return _FUNCTIONS[name](x)


def _max_pool(layer: Any, x: Any) -> Any:
    size = list(layer.pool_size)
    pooled = ops.max_pool(x, list(layer.strides), [1, 1], _NO_PADS, _NO_PADS, size, "floor", _SAME)
    return pooled.output(0)


def _average_pool(layer: Any, x: Any) -> Any:
    size, strides = list(layer.pool_size), list(layer.strides)
    return ops.avg_pool(x, strides, _NO_PADS, _NO_PADS, size, True, "floor", _SAME)


def _per_channel(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[np.newaxis, :, np.newaxis, np.newaxis]


def _values(weight: Any) -> NDArray[np.float32]:
    return keras.ops.convert_to_numpy(weight)


def _sum(_layer: Any, *given: Any) -> Any:
    total, *rest = given
    for each in rest:
        total = ops.add(total, each)
    return total


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu": ops.relu,
    "softplus": ops.softplus,
    "tanh": ops.tanh,
    "linear": lambda x: x,
}

_OPERATIONS: dict[type, Callable[..., Any]] = {
    # Before the convolution, of which Keras may make it a kind.
    keras.layers.Conv2DTranspose: _transposed_conv,
    keras.layers.Conv2D: _conv,
    keras.layers.BatchNormalization: _norm,
    keras.layers.LeakyReLU: _leaky_relu,
    keras.layers.Activation: _activation,
    keras.layers.MaxPooling2D: _max_pool,
    keras.layers.AveragePooling2D: _average_pool,
    keras.layers.SpatialDropout2D: lambda _layer, x: x,
    keras.layers.Concatenate: lambda _layer, *given: ops.concat(list(given), _CHANNELS),
    keras.layers.Add: _sum,
}
