"""Measuring a network on what is held back from its training, and whether that can choose.

Pixels of one membrane are right or wrong together, so what counts is how many regions there are
that show different things. If whole regions were right or wrong, the F1 of N of them would have a
standard error of sqrt(F1 (1 - F1) / N), at most 0.5 / sqrt(N): 0.1 with 25 regions, and less for
the difference of two steps, which err on the same regions. With fewer, the best of many
measurements is the luckiest rather than the best, and the last weights of the schedule are the
better choice.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.training.class_table import IGNORED, marked, of_class
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.splits import Block

TOLERANCE_PX = 3.0
_MAX_SLICES = 24
_GLANCES = 8
_GLANCE_PX = 512
_HALO_PX = 64
# As a crop of the training, about an organelle wide, and as the gap between slices in a split.
_REGION_PX = 128
_REGION_SLICES = 8
_ENOUGH_REGIONS = 25


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels that are right and wrong, and those near; they add up."""

    pixels: PixelCounts = field(default_factory=PixelCounts)
    boundary: BoundaryCounts = field(default_factory=BoundaryCounts)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.pixels + other.pixels, self.boundary + other.boundary)

    def scores(self) -> dict[str, float]:
        """Return ``accuracy, precision, recall, f1, iou`` and, within 3 px, ``tolerant_f1``."""
        return asdict(self.pixels.scores()) | {"tolerant_f1": self.boundary.f1}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `dataclasses.asdict` has made a mapping of."""
        return cls(PixelCounts(**content["pixels"]), BoundaryCounts(**content["boundary"]))


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of each class by its name; they add up."""

    of_class: Mapping[str, Counts]

    def __add__(self, other: "Tally") -> "Tally":
        names = dict.fromkeys([*self.of_class, *other.of_class])
        nothing = Counts()
        return Tally(
            {
                name: self.of_class.get(name, nothing) + other.of_class.get(name, nothing)
                for name in names
            }
        )

    def scores(self) -> dict[str, float]:
        """Return the scores of `Counts`; of several classes their means, and each ``f1 NAME``."""
        found = {name: counts.scores() for name, counts in self.of_class.items()}
        first, *others = found.values()
        if not others:
            return first
        means = {key: math.fsum(one[key] for one in found.values()) / len(found) for key in first}
        return means | {f"f1 {name}": one["f1"] for name, one in found.items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `dataclasses.asdict` has made a mapping of."""
        return cls({name: Counts.from_json(one) for name, one in content["of_class"].items()})


def measure(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> dict[str, float]:
    """Score blocks as `count`, and return the scores of `Tally`."""
    return count(network, data, blocks).scores()


def count(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> Tally:
    """Score blocks at threshold 0, as one data set; a class that a network lacks is never marked.

    Slices are scored whole, as in use, and compared inside the blocks where labels are known. Of
    more than 24 blocks, 24 are taken, evenly spread.
    """
    predictor = Predictor(network, precision="float32")

    def score(block: Block) -> NDArray[np.float32]:
        run = data.sources[block.source].read_run(block.z, predictor.context)
        whole = predictor.score(run, (predictor.context,) * 2)[0]
        return whole[block.y0 : block.y1, block.x0 : block.x1]

    return _compare(network, data, _spread(blocks, _MAX_SLICES), score)


def glance(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> dict[str, float]:
    """Score as `measure` does, in a time that is small against that of the training.

    Of more than 8 blocks, 8 are taken; of large ones, the middle 512 × 512 pixels.
    """
    predictor = Predictor(network, precision="float32")

    def score(block: Block) -> NDArray[np.float32]:
        run = data.sources[block.source].read_run(block.z, predictor.context)
        _, height, width = run.shape
        y0, x0 = max(0, block.y0 - _HALO_PX), max(0, block.x0 - _HALO_PX)
        y1, x1 = min(height, block.y1 + _HALO_PX), min(width, block.x1 + _HALO_PX)
        around = np.ascontiguousarray(run[:, y0:y1, x0:x1])
        found = predictor.score(around, (predictor.context,) * 2)[0]
        y, x = block.y0 - y0, block.x0 - x0
        return found[y : y + block.y1 - block.y0, x : x + block.x1 - block.x0]

    return _compare(network, data, _glanced(blocks), score).scores()


def can_choose(data: TrainingSet, blocks: Sequence[Block]) -> bool:
    """Whether `glance` sees enough of these blocks to tell one step of a training from another."""
    return count_regions(data, blocks) >= _ENOUGH_REGIONS


def count_regions(data: TrainingSet, blocks: Sequence[Block]) -> int:
    """Count the regions with membranes that `glance` sees, 128 × 128 pixels and 8 slices each."""
    found = set()
    for block in _glanced(blocks):
        labels = data.sources[block.source].read_labels(block.z)
        membrane = np.argwhere(marked(labels[block.y0 : block.y1, block.x0 : block.x1]))
        for y, x in np.unique(membrane // _REGION_PX, axis=0).tolist():
            found.add((block.source, block.z // _REGION_SLICES, block.y0, block.x0, y, x))
    return len(found)


def _glanced(blocks: Sequence[Block]) -> list[Block]:
    return [_middle(block) for block in _spread(blocks, _GLANCES)]


def _compare(
    network: Any,
    data: TrainingSet,
    blocks: Sequence[Block],
    score: Callable[[Block], NDArray[np.float32]],
) -> Tally:
    found = Tally({name: Counts() for name in data.classes})
    channels = {name: n for n, name in enumerate(network.deepsxt_config.classes)}
    for block in blocks:
        labels = data.sources[block.source].read_labels(block.z)
        labels = labels[block.y0 : block.y1, block.x0 : block.x1]
        known = labels != IGNORED
        scores = score(block).reshape(*labels.shape, -1)
        found += Tally(
            {
                name: _counts(scores, channels.get(name), known, of_class(labels, number))
                for number, name in enumerate(data.classes)
            }
        )
    return found


def _counts(
    scores: NDArray[np.float32],
    channel: int | None,
    known: NDArray[np.bool_],
    true: NDArray[np.bool_],
) -> Counts:
    found = np.zeros(known.shape, bool) if channel is None else (scores[..., channel] > 0) & known
    return Counts(
        PixelCounts.of(found[known], true[known]), BoundaryCounts.of(found, true, TOLERANCE_PX)
    )


def _spread(blocks: Sequence[Block], most: int) -> list[Block]:
    chosen = np.unique(np.linspace(0, len(blocks) - 1, most).round().astype(int))
    return [blocks[i] for i in chosen]


def _middle(block: Block) -> Block:
    height, width = (min(n, _GLANCE_PX) for n in (block.y1 - block.y0, block.x1 - block.x0))
    y0 = (block.y0 + block.y1 - height) // 2
    x0 = (block.x0 + block.x1 - width) // 2
    return replace(block, y0=y0, y1=y0 + height, x0=x0, x1=x0 + width)
