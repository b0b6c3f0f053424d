"""Scores of a mask against the truth, pixel by pixel and with a tolerance.

Counts are kept apart from scores, so that a data set is scored as a whole: add up the counts of
its images, then ask for the scores. An image without any membrane then counts as it should, by
its false positives.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.errors import InvalidParameterError


def _share(part: int, whole: int) -> float:
    """Return part / whole, 1 where there was nothing to get wrong."""
    return part / whole if whole else 1.0


@dataclass(frozen=True, slots=True)
class PixelScores:
    """Scores between 0 and 1, 1 being best.

    A score without any pixel to judge by, such as the recall where the truth is empty, is 1.

    Attributes
    ----------
    accuracy : float
        Share of all pixels that are right.
    precision : float
        Share of the marked pixels that are right.
    recall : float
        Share of the true pixels that are marked.
    f1 : float
        Harmonic mean of precision and recall, also called Dice.
    iou : float
        Intersection over union, also called Jaccard index.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    iou: float


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """Numbers of pixels that are rightly and wrongly marked; they add up."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    @classmethod
    def of(cls, prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Self:
        """Count a prediction against the truth, bool arrays of one shape.

        Raises
        ------
        InvalidParameterError
            If the shapes differ.
        """
        _check_shapes(prediction, truth)
        hit = int(np.count_nonzero(prediction & truth))
        marked = int(np.count_nonzero(prediction))
        true = int(np.count_nonzero(truth))
        return cls(hit, marked - hit, true - hit, truth.size - marked - true + hit)

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        return PixelCounts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    def scores(self) -> PixelScores:
        """Return the scores that follow from the counts."""
        tp, fp, fn = self.true_positive, self.false_positive, self.false_negative
        return PixelScores(
            accuracy=_share(tp + self.true_negative, tp + fp + fn + self.true_negative),
            precision=_share(tp, tp + fp),
            recall=_share(tp, tp + fn),
            f1=_share(2 * tp, 2 * tp + fp + fn),
            iou=_share(tp, tp + fp + fn),
        )


def pixel_scores(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> PixelScores:
    """Score one prediction against the truth, bool arrays of one shape.

    Raises
    ------
    InvalidParameterError
        If the shapes differ.
    """
    return PixelCounts.of(prediction, truth).scores()


@dataclass(frozen=True, slots=True)
class BoundaryCounts:
    """Numbers of marked and of true pixels, and how many of each lie near the other.

    Attributes
    ----------
    marked, marked_near : int
        Pixels of the prediction, and those within the tolerance of a true pixel.
    true, true_near : int
        Pixels of the truth, and those within the tolerance of a marked pixel.
    """

    marked: int = 0
    marked_near: int = 0
    true: int = 0
    true_near: int = 0

    @classmethod
    def of(
        cls,
        prediction: NDArray[np.bool_],
        truth: NDArray[np.bool_],
        tolerance: float,
        pixel_size: tuple[float, ...] | None = None,
    ) -> Self:
        """Count a prediction against the truth with a tolerance.

        Parameters
        ----------
        prediction, truth : ndarray
            bool, of one shape and any number of axes.
        tolerance : float
            Largest Euclidean distance that counts as agreement; 0 asks for the very pixel.
        pixel_size : tuple of float, optional
            Edges of a pixel, one per axis, in the unit of the tolerance. Default: the tolerance
            is in pixels.

        Raises
        ------
        InvalidParameterError
            If the shapes differ or the tolerance is negative.
        """
        _check_shapes(prediction, truth)
        if not tolerance >= 0:
            raise InvalidParameterError(f"A tolerance must be at least 0: got {tolerance}.")
        return cls(
            marked=int(np.count_nonzero(prediction)),
            marked_near=int(np.count_nonzero(prediction & _near(truth, tolerance, pixel_size))),
            true=int(np.count_nonzero(truth)),
            true_near=int(np.count_nonzero(truth & _near(prediction, tolerance, pixel_size))),
        )

    def __add__(self, other: "BoundaryCounts") -> "BoundaryCounts":
        return BoundaryCounts(
            self.marked + other.marked,
            self.marked_near + other.marked_near,
            self.true + other.true,
            self.true_near + other.true_near,
        )

    @property
    def precision(self) -> float:
        """Share of the marked pixels with a true pixel near."""
        return _share(self.marked_near, self.marked)

    @property
    def recall(self) -> float:
        """Share of the true pixels with a marked pixel near."""
        return _share(self.true_near, self.true)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def tolerant_f1(
    prediction: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance_px: float
) -> float:
    """Return the F1 score where pixels within `tolerance_px` of each other agree.

    Raises
    ------
    InvalidParameterError
        If the shapes differ or the tolerance is negative.
    """
    return BoundaryCounts.of(prediction, truth, tolerance_px).f1


def _near(
    mask: NDArray[np.bool_], tolerance: float, pixel_size: tuple[float, ...] | None
) -> NDArray[np.bool_]:
    if not mask.any():
        return np.zeros_like(mask)
    return ndimage.distance_transform_edt(~mask, pixel_size) <= tolerance


def _check_shapes(prediction: NDArray, truth: NDArray) -> None:
    if prediction.shape != truth.shape:
        raise InvalidParameterError(
            f"Prediction and truth must have one shape: got {prediction.shape} and {truth.shape}."
        )
