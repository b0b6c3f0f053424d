"""Precision and recall at every threshold, from counts of the 256 score codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.evaluation.scores import PixelCounts
from deepsxt_core.volume import SCORE_LEVELS, Score

_CODES = SCORE_LEVELS + 1
_THRESHOLDS = tuple(round(i / 100, 2) for i in range(-100, 100))


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores at the 255 thresholds that tell codes apart, ascending.

    Attributes
    ----------
    thresholds, precision, recall, f1 : ndarray
        float64 (255,). Where nothing is marked the precision is 1.
    """

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """The sum of the precisions, each weighted with the recall that its threshold adds.

        As `sklearn.metrics.average_precision_score` defines it: without interpolation.
        """
        added = -np.diff(self.recall, append=0.0)
        return float(np.sum(added * self.precision))


@dataclass(frozen=True, slots=True, eq=False)
class ScoreHistogram:
    """How often each score code occurs on and off the membranes; histograms add up.

    Attributes
    ----------
    membrane, background : ndarray
        int64 (256,), numbers of voxels that are true and that are not, by their code.
    """

    membrane: NDArray[np.int64]
    background: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """Return the histogram of no voxels."""
        return cls(np.zeros(_CODES, np.int64), np.zeros(_CODES, np.int64))

    @classmethod
    def of(cls, codes: NDArray[np.uint8], truth: NDArray[np.bool_]) -> Self:
        """Count codes (uint8) by the truth (bool), arrays of one shape."""
        membrane = np.bincount(codes[truth], minlength=_CODES)
        return cls(membrane, np.bincount(codes.ravel(), minlength=_CODES) - membrane)

    @classmethod
    def from_json(cls, content: Mapping[str, Sequence[int]]) -> Self:
        """Return the histogram that `to_json` wrote."""
        return cls(*(np.array(content[name], np.int64) for name in ("membrane", "background")))

    def to_json(self) -> dict[str, list[int]]:
        """Return all counts, ready for JSON."""
        return {"membrane": self.membrane.tolist(), "background": self.background.tolist()}

    def __add__(self, other: "ScoreHistogram") -> "ScoreHistogram":
        return ScoreHistogram(self.membrane + other.membrane, self.background + other.background)

    def __sub__(self, part: "ScoreHistogram") -> "ScoreHistogram":
        return ScoreHistogram(self.membrane - part.membrane, self.background - part.background)

    def counts(self, threshold: float) -> PixelCounts:
        """Return how many voxels are rightly and wrongly marked above a threshold in [-1, 1)."""
        code = Score.threshold_code(threshold)
        hit, wrong = int(self.membrane[code:].sum()), int(self.background[code:].sum())
        missed, left = int(self.membrane[:code].sum()), int(self.background[:code].sum())
        return PixelCounts(hit, wrong, missed, left)

    def curve(self) -> Curve:
        """Return precision and recall at every threshold that makes a difference."""
        hit = np.cumsum(self.membrane[::-1])[::-1][1:]
        marked = hit + np.cumsum(self.background[::-1])[::-1][1:]
        true = self.membrane.sum()
        # Half a code below each: a threshold that was rounded still tells the same codes apart.
        thresholds = (np.arange(1, _CODES, dtype=np.float64) - 0.5) * (2 / SCORE_LEVELS) - 1
        return Curve(
            thresholds,
            _shares(hit, marked),
            _shares(hit, np.full_like(hit, true)),
            _shares(2 * hit, marked + true),
        )

    def best_threshold(self) -> float:
        """Return the threshold of the highest F1, in hundredths: the lowest of equals."""
        return max(_THRESHOLDS, key=lambda threshold: self.counts(threshold).scores().f1)


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.ones(len(part)), where=whole > 0)
