"""The parts of a network and what each is made of, as the published JSON files describe them."""

import logging
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast, get_args

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.network.bounds import (
    LARGEST_KERNEL,
    MOST_BRANCHES,
    MOST_FILTERS,
    MOST_REPEATS,
    MOST_STAGES,
    check_each,
    check_flags,
    check_real,
    check_whole,
)

logger = logging.getLogger(__name__)

ActivationType = Literal["relu", "leaky_relu", "softplus", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockConfig:
    """What every convolution in one part of the network is followed by."""

    activation: ActivationType = "relu"
    leak_slope: float = 0.0
    dropout_rate: float | None = None
    batch_norm: bool = True

    def __post_init__(self) -> None:
        check_real(0, 10, leak_slope=self.leak_slope)
        check_flags(batch_norm=self.batch_norm)
        if self.dropout_rate is not None:
            check_real(0, 1, dropout_rate=self.dropout_rate)
            if self.dropout_rate == 1:
                raise InvalidParameterError("The dropout rate must be below 1: got 1.")

    @classmethod
    def from_dict(cls, part: Mapping[str, Any]) -> Self:
        """Read a part of the published layout."""
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

    def to_dict(self) -> dict[str, Any]:
        """Return the part of the published layout, the inverse of `from_dict`."""
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
        check_whole(1, MOST_STAGES, n_stages=self.n_stages)
        check_each(MOST_FILTERS, "n_filters", self.n_filters)
        check_each(LARGEST_KERNEL, "kernel_sizes", self.kernel_sizes)
        check_whole(1, MOST_REPEATS, n_blocks=self.n_blocks, block_depth=self.block_depth)
        check_flags(
            add_instead_of_concat=self.add_instead_of_concat,
            use_skip_connections=self.use_skip_connections,
        )

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return len(self.n_filters) - 1

    @classmethod
    def from_dict(cls, part: Mapping[str, Any]) -> Self:
        """Read a part of the published layout."""
        config = cls(
            n_filters=tuple(part["n_filters"]),
            kernel_sizes=tuple(part["kernel_sizes"]),
            n_blocks=part["n_blocks"],
            block_depth=part["block_depth"],
            add_instead_of_concat=part["add_instead_of_concat"],
            use_skip_connections=part.get("use_skip_connections", False),
            block=BlockConfig.from_dict(part),
        )
        if part["n_stages"] != config.n_stages:
            raise InvalidParameterError(
                f"n_stages is {reprlib.repr(part['n_stages'])}, but n_filters "
                f"{list(config.n_filters)} "
                f"is for {config.n_stages}."
            )
        return config

    def to_dict(self) -> dict[str, Any]:
        """Return the part of the published layout, the inverse of `from_dict`."""
        return {
            "kernel_sizes": list(self.kernel_sizes),
            "n_stages": self.n_stages,
            "n_blocks": self.n_blocks,
            "block_depth": self.block_depth,
            "add_instead_of_concat": self.add_instead_of_concat,
            "use_skip_connections": self.use_skip_connections,
            "n_filters": list(self.n_filters),
            **self.block.to_dict(),
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
        check_whole(1, MOST_BRANCHES, branches=len(self.kernel_sizes))
        check_each(LARGEST_KERNEL, "kernel_sizes", self.kernel_sizes)
        check_whole(1, MOST_FILTERS, n_filters=self.n_filters)
        check_whole(1, MOST_REPEATS, depth=self.depth)
        check_flags(add_instead_of_concat=self.add_instead_of_concat)
