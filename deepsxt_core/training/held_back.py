"""Measuring a network on what is held back from its training, and whether that can choose.

Pixels of one membrane are right or wrong together, so what counts is how many regions there are
that show different things. If whole regions were right or wrong, the F1 of N of them would have a
standard error of sqrt(F1 (1 - F1) / N), at most 0.5 / sqrt(N): 0.1 with 25 regions, and less for
the difference of two steps, which err on the same regions. With fewer, the best of many
measurements is the luckiest rather than the best, and the last weights of the schedule are the
better choice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.label_values import IGNORED
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


def measure(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> dict[str, float]:
    """Score blocks as `count`, and return the scores of `Counts`."""
    return count(network, data, blocks).scores()


def count(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> Counts:
    """Score blocks at threshold 0, as one data set.

    Slices are scored whole, as in use, and compared inside the blocks where labels are known. Of
    more than 24 blocks, 24 are taken, evenly spread.
    """
    predictor = Predictor(network, precision="float32")

    def score(block: Block) -> NDArray[np.float32]:
        run = data.sources[block.source].read_run(block.z, predictor.context)
        whole = predictor.score(run, (predictor.context,) * 2)[0]
        return whole[block.y0 : block.y1, block.x0 : block.x1]

    return _compare(data, _spread(blocks, _MAX_SLICES), score)


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

    return _compare(data, _glanced(blocks), score).scores()


def can_choose(data: TrainingSet, blocks: Sequence[Block]) -> bool:
    """Whether `glance` sees enough of these blocks to tell one step of a training from another."""
    return count_regions(data, blocks) >= _ENOUGH_REGIONS


def count_regions(data: TrainingSet, blocks: Sequence[Block]) -> int:
    """Count the regions with membranes that `glance` sees, 128 × 128 pixels and 8 slices each."""
    found = set()
    for block in _glanced(blocks):
        labels = data.sources[block.source].read_labels(block.z)
        membrane = np.argwhere(labels[block.y0 : block.y1, block.x0 : block.x1] == 1)
        for y, x in np.unique(membrane // _REGION_PX, axis=0).tolist():
            found.add((block.source, block.z // _REGION_SLICES, block.y0, block.x0, y, x))
    return len(found)


def _glanced(blocks: Sequence[Block]) -> list[Block]:
    return [_middle(block) for block in _spread(blocks, _GLANCES)]


def _compare(
    data: TrainingSet,
    blocks: Sequence[Block],
    score: Callable[[Block], NDArray[np.float32]],
) -> Counts:
    found = Counts()
    for block in blocks:
        labels = data.sources[block.source].read_labels(block.z)
        labels = labels[block.y0 : block.y1, block.x0 : block.x1]
        known = labels != IGNORED
        marked, true = (score(block) > 0) & known, labels == 1
        found += Counts(
            PixelCounts.of(marked[known], true[known]),
            BoundaryCounts.of(marked, true, TOLERANCE_PX),
        )
    return found


def _spread(blocks: Sequence[Block], most: int) -> list[Block]:
    chosen = np.unique(np.linspace(0, len(blocks) - 1, most).round().astype(int))
    return [blocks[i] for i in chosen]


def _middle(block: Block) -> Block:
    height, width = (min(n, _GLANCE_PX) for n in (block.y1 - block.y0, block.x1 - block.x0))
    y0 = (block.y0 + block.y1 - height) // 2
    x0 = (block.x0 + block.x1 - width) // 2
    return replace(block, y0=y0, y1=y0 + height, x0=x0, x1=x0 + width)
