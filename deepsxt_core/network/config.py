"""The configuration of the network, in the layout of the published JSON files."""

import json
import logging
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from deepsxt_core.errors import InvalidParameterError, ModelError
from deepsxt_core.network.size import NetworkSize

logger = logging.getLogger(__name__)

ActivationType = Literal["relu", "leaky_relu", "softplus", "linear"]


# Far beyond any network that is of use here, and small enough to be built within a minute.
_MOST_FILTERS = 4096
_LARGEST_KERNEL = 31
_MOST_STAGES = 8
_MOST_REPEATS = 32
_MOST_BRANCHES = 16
_LARGEST_FACTOR = 8
_LARGEST_DIVISOR = 1024
_LARGEST_PIXEL_NM = 1e6
_MOST_CONVOLUTIONS = 600
_MOST_PARAMETERS = 250_000_000
# A saved Keras model brings a longer one, in a layout of its own.
_MOST_BYTES = 1 << 23


def _check_whole(least: int, most: int, **values: int) -> None:
    """Raise unless all values are whole numbers within the bounds.

    Raises
    ------
    TypeError
        If one is no whole number; `True` and 4.0 are none.
    InvalidParameterError
        If one is out of bounds.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {reprlib.repr(value)}")
        if value < least:
            raise InvalidParameterError(f"{name} must be at least {least}: got {_shown(value)}.")
        if value > most:
            raise InvalidParameterError(f"{name} must be at most {most}: got {_shown(value)}.")


def _check_real(least: float, most: float, **values: float) -> None:
    """Raise unless all values are finite numbers within the bounds."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number, got {reprlib.repr(value)}")
        if not (least <= value <= most):
            raise InvalidParameterError(
                f"{name} must be from {least:g} to {most:g}: got {_shown(value)}."
            )


def _check_each(most: int, name: str, values: Sequence[int]) -> None:
    for i, value in enumerate(values):
        _check_whole(1, most, **{f"value {i} of {name}": value})


def _check_flags(**values: bool) -> None:
    for name, value in values.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be true or false, got {reprlib.repr(value)}")


def _shown(value: float) -> str:
    """Return a number as text that stays on one line however large it is."""
    return reprlib.repr(value) if abs(value) < 1e40 or isinstance(value, float) else "1e40 or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConfig:
    """What every convolution in one part of the network is followed by."""

    activation: ActivationType = "relu"
    leak_slope: float = 0.0
    dropout_rate: float | None = None
    batch_norm: bool = True

    def __post_init__(self) -> None:
        _check_real(0, 10, leak_slope=self.leak_slope)
        _check_flags(batch_norm=self.batch_norm)
        if self.dropout_rate is not None:
            _check_real(0, 1, dropout_rate=self.dropout_rate)
            if self.dropout_rate == 1:
                raise InvalidParameterError("The dropout rate must be below 1: got 1.")

    @classmethod
    def _from_dict(cls, part: Mapping[str, Any]) -> Self:
        activation = part.get("activation") or {}
        kind = activation.get("type") or "linear"
        if kind not in get_args(ActivationType):
            logger.warning(
                "Activation %s is unknown; it counts as linear, as published.", reprlib.repr(kind)
            )
            kind = "linear"
        dropout = part.get("dropout") or {}
        batch_norm = part.get("batch_norm") or {}
        return cls(
            activation=cast(ActivationType, kind),
            leak_slope=activation.get("leak_slope", 0.0),
            dropout_rate=dropout["rate"] if dropout.get("active") else None,
            batch_norm=batch_norm.get("active", False),
        )

    def _to_dict(self) -> dict[str, Any]:
        activation: dict[str, Any] = {"type": self.activation}
        if self.activation == "leaky_relu":
            activation["leak_slope"] = self.leak_slope
        dropout: dict[str, Any] = {"active": self.dropout_rate is not None}
        if self.dropout_rate is not None:
            dropout["rate"] = self.dropout_rate
        return {
            "activation": activation,
            "dropout": dropout,
            "batch_norm": {"active": self.batch_norm},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CoderConfig:
    """An encoder or a decoder: a run of stages of residual blocks.

    `n_filters` and `kernel_sizes` hold one value per stage and one for the convolution outside
    the stages: the first one of an encoder, the last one of a decoder.
    """

    n_filters: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    n_blocks: int = 1
    block_depth: int = 2
    add_instead_of_concat: bool = False
    use_skip_connections: bool = False
    block: BlockConfig = BlockConfig()

    def __post_init__(self) -> None:
        if len(self.n_filters) != len(self.kernel_sizes) or len(self.n_filters) < 2:
            raise InvalidParameterError(
                "n_filters and kernel_sizes need one value per stage and one more: "
                f"got {reprlib.repr(self.n_filters)} and {reprlib.repr(self.kernel_sizes)}."
            )
        _check_whole(1, _MOST_STAGES, n_stages=self.n_stages)
        _check_each(_MOST_FILTERS, "n_filters", self.n_filters)
        _check_each(_LARGEST_KERNEL, "kernel_sizes", self.kernel_sizes)
        _check_whole(1, _MOST_REPEATS, n_blocks=self.n_blocks, block_depth=self.block_depth)
        _check_flags(
            add_instead_of_concat=self.add_instead_of_concat,
            use_skip_connections=self.use_skip_connections,
        )

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return len(self.n_filters) - 1

    @classmethod
    def _from_dict(cls, part: Mapping[str, Any]) -> Self:
        config = cls(
            n_filters=tuple(part["n_filters"]),
            kernel_sizes=tuple(part["kernel_sizes"]),
            n_blocks=part["n_blocks"],
            block_depth=part["block_depth"],
            add_instead_of_concat=part["add_instead_of_concat"],
            use_skip_connections=part.get("use_skip_connections", False),
            block=BlockConfig._from_dict(part),
        )
        if part["n_stages"] != config.n_stages:
            raise InvalidParameterError(
                f"n_stages is {reprlib.repr(part['n_stages'])}, but n_filters "
                f"{list(config.n_filters)} "
                f"is for {config.n_stages}."
            )
        return config

    def _to_dict(self) -> dict[str, Any]:
        return {
            "kernel_sizes": list(self.kernel_sizes),
            "n_stages": self.n_stages,
            "n_blocks": self.n_blocks,
            "block_depth": self.block_depth,
            "add_instead_of_concat": self.add_instead_of_concat,
            "use_skip_connections": self.use_skip_connections,
            "n_filters": list(self.n_filters),
            **self.block._to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NeckConfig:
    """The parallel branches between encoder and decoders, one per kernel size."""

    n_filters: int
    kernel_sizes: tuple[int, ...] = (1, 2, 3)
    depth: int = 4
    add_instead_of_concat: bool = False
    block: BlockConfig = BlockConfig()

    def __post_init__(self) -> None:
        if not self.kernel_sizes:
            raise InvalidParameterError("The neck needs at least one kernel size: got none.")
        _check_whole(1, _MOST_BRANCHES, branches=len(self.kernel_sizes))
        _check_each(_LARGEST_KERNEL, "kernel_sizes", self.kernel_sizes)
        _check_whole(1, _MOST_FILTERS, n_filters=self.n_filters)
        _check_whole(1, _MOST_REPEATS, depth=self.depth)
        _check_flags(add_instead_of_concat=self.add_instead_of_concat)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """A network with one encoder, a neck, an image decoder and a label decoder.

    Attributes
    ----------
    width : int
        Filters of the two heads (``m_f`` in the JSON).
    pooling : {"max", "average"}
    pooling_factor : int
        Pixels that one stage of the encoder merges, per axis.
    pixel_size_nm : tuple of float, optional
        Smallest and largest pixel that the model was made for, in nm; no part of the network
        and absent from the published layout.

    Raises
    ------
    InvalidParameterError
        If the parts do not fit each other, or the network would be larger than any of use.
    TypeError
        If an entry is of the wrong type.
    """

    width: int
    encoder: CoderConfig
    neck: NeckConfig
    image_decoder: CoderConfig
    label_decoder: CoderConfig
    pooling: Literal["max", "average"] = "max"
    pooling_factor: int = 2
    pixel_size_nm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _check_whole(1, _MOST_FILTERS, m_f=self.width)
        _check_whole(2, _LARGEST_FACTOR, pooling_factor=self.pooling_factor)
        if self.pixel_size_nm is not None:
            smallest, largest = self.pixel_size_nm
            _check_real(0, _LARGEST_PIXEL_NM, pixel_size_nm=smallest)
            _check_real(0, _LARGEST_PIXEL_NM, pixel_size_nm=largest)
            if not 0 < smallest <= largest:
                raise InvalidParameterError(
                    "pixel_size_nm must be the smallest and the largest pixel in nm, above 0: got "
                    f"{self.pixel_size_nm}."
                )
        for name in ("image_decoder", "label_decoder"):
            n_stages = getattr(self, name).n_stages
            if n_stages != self.encoder.n_stages:
                raise InvalidParameterError(
                    f"{name} has {n_stages} stages, the encoder {self.encoder.n_stages}: "
                    "they must be equal for the output to have the size of the input."
                )
        _check_whole(1, _LARGEST_DIVISOR, divisor=self.divisor)
        size = NetworkSize.of(self)
        _check_whole(1, _MOST_CONVOLUTIONS, convolutions=size.convolutions)
        _check_whole(1, _MOST_PARAMETERS, parameters=size.parameters)

    @property
    def divisor(self) -> int:
        """Number that the height and width of an input must be divisible by."""
        return self.pooling_factor**self.encoder.n_stages

    @property
    def receptive_radius_px(self) -> int:
        """Distance, in pixels of the input, from which the score at a pixel may be affected.

        An upper bound: the reaches of all layers on the longest path, each times its scale.
        """
        factor, stages = self.pooling_factor, self.encoder.n_stages

        def reach(coder: CoderConfig, kernel: int) -> int:
            return coder.n_blocks * coder.block_depth * (kernel // 2)

        radius = self.encoder.kernel_sizes[0] // 2
        for stage, kernel in enumerate(self.encoder.kernel_sizes[1:]):
            radius += (reach(self.encoder, kernel) + factor - 1) * factor**stage
        radius += self.neck.depth * (max(self.neck.kernel_sizes) // 2) * factor**stages
        decoder = self.label_decoder
        for stage, kernel in enumerate(decoder.kernel_sizes[:-1]):
            scale = factor ** (stages - stage)
            radius += -(-kernel // (2 * factor)) * scale
            radius += reach(decoder, kernel) * scale // factor
        return radius + 2 * (decoder.kernel_sizes[-1] // 2)

    @classmethod
    def published(cls, width: int = 64) -> Self:
        """Return the published architecture at another width (64 in the publication).

        Raises
        ------
        InvalidParameterError
            If `width` is below 1.
        """
        _check_whole(1, _MOST_FILTERS, width=width)
        filters = (width, width, 2 * width, 4 * width, 8 * width)
        encoder = CoderConfig(n_filters=filters, kernel_sizes=(3,) * 5)
        decoder = CoderConfig(
            n_filters=(8 * width, 4 * width, 2 * width, width, width), kernel_sizes=(3,) * 5
        )
        return cls(
            width=width,
            encoder=encoder,
            neck=NeckConfig(n_filters=16 * width),
            image_decoder=decoder,
            label_decoder=replace(decoder, n_blocks=2, use_skip_connections=True),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the published layout; `data` is not changed.

        Raises
        ------
        ModelError
            If an entry is missing or has the wrong type.
        InvalidParameterError
            If the entries do not fit each other.
        """
        try:
            pooling = data.get("pooling") or {"type": "max_pooling", "factor": 2}
            kinds: dict[str, Literal["max", "average"]] = {
                "max_pooling": "max",
                "average_pooling": "average",
            }
            if pooling["type"] not in kinds:
                told = reprlib.repr(pooling["type"])
                raise InvalidParameterError(
                    f"The pooling type must be one of {list(kinds)}: got {told}."
                )
            neck = data["neck"]
            pixels = data.get("pixel_size_nm")
            return cls(
                width=data["m_f"],
                encoder=CoderConfig._from_dict(data["encoder"]),
                neck=NeckConfig(
                    n_filters=neck["n_filters"],
                    kernel_sizes=tuple(neck["kernel_sizes"]),
                    depth=neck["depth"],
                    add_instead_of_concat=data["add_instead_of_concat_after_neck"],
                    block=BlockConfig._from_dict(neck),
                ),
                image_decoder=CoderConfig._from_dict(data["decoder_image"]),
                label_decoder=CoderConfig._from_dict(data["decoder_label"]),
                pooling=kinds[pooling["type"]],
                pooling_factor=pooling["factor"],
                pixel_size_nm=None if pixels is None else tuple(pixels),
            )
        except KeyError as error:
            raise ModelError(f"The network configuration lacks the entry {error}.") from error
        except InvalidParameterError:
            raise
        except (TypeError, AttributeError, ValueError) as error:
            raise ModelError(
                f"The network configuration has an entry of the wrong type: {error}."
            ) from error

    @classmethod
    def from_json(cls, path: str | Path) -> Self:
        """Read a JSON file in the published layout.

        Raises
        ------
        ModelError
            If the file cannot be read or is not such a configuration.
        """
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ModelError(
                f"Cannot read the network configuration {path}: {error.strerror}."
            ) from error
        return cls.from_dict(parse_description(text, str(path)))

    def to_dict(self) -> dict[str, Any]:
        """Return the published layout, the inverse of `from_dict`."""
        made_for = {} if self.pixel_size_nm is None else {"pixel_size_nm": list(self.pixel_size_nm)}
        return made_for | {
            "pooling": {"type": f"{self.pooling}_pooling", "factor": self.pooling_factor},
            "m_f": self.width,
            "add_instead_of_concat_after_neck": self.neck.add_instead_of_concat,
            "encoder": self.encoder._to_dict(),
            "neck": {
                "kernel_sizes": list(self.neck.kernel_sizes),
                "depth": self.neck.depth,
                "n_filters": self.neck.n_filters,
                **self.neck.block._to_dict(),
            },
            "decoder_image": self.image_decoder._to_dict(),
            "decoder_label": self.label_decoder._to_dict(),
        }


def parse_description(text: bytes, name: str) -> Mapping[str, Any]:
    """Return the object in a JSON text that anybody may have written.

    Raises
    ------
    ModelError
        If it holds none; the message calls it `name`.
    """
    if len(text) > _MOST_BYTES:
        raise ModelError(f"The network configuration {name} has more than {_MOST_BYTES} bytes.")
    try:
        data = json.loads(text)
    except RecursionError:
        raise ModelError(f"The network configuration {name} is nested too deeply.") from None
    except ValueError as error:
        raise ModelError(f"Cannot read the network configuration {name}: {error}.") from error
    if not isinstance(data, dict):
        raise ModelError(f"The network configuration {name} is no JSON object.")
    return data
