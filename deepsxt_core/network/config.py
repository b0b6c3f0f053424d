"""The configuration of the network, in the layout of the published JSON files."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from deepsxt_core.errors import InvalidParameterError, ModelError

logger = logging.getLogger(__name__)

ActivationType = Literal["relu", "leaky_relu", "softplus", "linear"]


def _check_at_least(minimum: int, **values: int) -> None:
    for name, value in values.items():
        if value < minimum:
            raise InvalidParameterError(f"{name} must be at least {minimum}: got {value}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConfig:
    """What every convolution in one part of the network is followed by."""

    activation: ActivationType = "relu"
    leak_slope: float = 0.0
    dropout_rate: float | None = None
    batch_norm: bool = True

    def __post_init__(self) -> None:
        if self.dropout_rate is not None and not 0 <= self.dropout_rate < 1:
            raise InvalidParameterError(
                f"The dropout rate must be at least 0 and below 1: got {self.dropout_rate}."
            )

    @classmethod
    def _from_dict(cls, part: Mapping[str, Any]) -> Self:
        activation = part.get("activation") or {}
        kind = activation.get("type") or "linear"
        if kind not in get_args(ActivationType):
            logger.warning("Activation %r is unknown; it counts as linear, as published.", kind)
            kind = "linear"
        dropout = part.get("dropout") or {}
        batch_norm = part.get("batch_norm") or {}
        return cls(
            activation=cast(ActivationType, kind),
            leak_slope=float(activation.get("leak_slope", 0.0)),
            dropout_rate=float(dropout["rate"]) if dropout.get("active") else None,
            batch_norm=bool(batch_norm.get("active", False)),
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
                f"got {list(self.n_filters)} and {list(self.kernel_sizes)}."
            )
        for values in (self.n_filters, self.kernel_sizes):
            _check_at_least(1, **{f"value {i}": value for i, value in enumerate(values)})
        _check_at_least(1, n_blocks=self.n_blocks, block_depth=self.block_depth)

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
                f"n_stages is {part['n_stages']}, but n_filters {list(config.n_filters)} "
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
        _check_at_least(
            1, n_filters=self.n_filters, depth=self.depth, kernel=min(self.kernel_sizes)
        )


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
        If the parts do not fit each other.
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
        _check_at_least(1, m_f=self.width)
        _check_at_least(2, pooling_factor=self.pooling_factor)
        if (
            self.pixel_size_nm is not None
            and not 0 < self.pixel_size_nm[0] <= self.pixel_size_nm[1]
        ):
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
        _check_at_least(1, width=width)
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
                raise InvalidParameterError(
                    f"The pooling type must be one of {list(kinds)}: got {pooling['type']!r}."
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
                pixel_size_nm=None if pixels is None else (float(pixels[0]), float(pixels[1])),
            )
        except KeyError as error:
            raise ModelError(f"The network configuration lacks the entry {error}.") from error
        except (TypeError, AttributeError, IndexError) as error:
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
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"Cannot read the network configuration {path}: {error}.") from error
        return cls.from_dict(data)

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
