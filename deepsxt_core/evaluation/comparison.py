"""A whole segmentation against the truth, slab by slab, as one data set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import calibration
from deepsxt_core.evaluation.calibration import Calibration
from deepsxt_core.evaluation.precision_recall import ScoreHistogram
from deepsxt_core.evaluation.scores import BoundaryCounts, PixelCounts
from deepsxt_core.evaluation.surface_distances import SurfaceDistances, SurfacePair, surface
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import MARKED_CODE, Labels, Mask, Score, Threshold, VoxelSize

_SLAB_VOXELS = 2**23


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateParams:
    """How a segmentation is compared with the truth.

    Attributes
    ----------
    threshold : float
        Above which a score counts as membrane; of no effect on a mask.
    tolerance_px : float
        Voxels this near to each other within a slice count as agreeing in the tolerant scores:
        people do not draw a membrane to the pixel.
    tolerance_nm : float or None
        The same in nm; given, it takes the place of `tolerance_px`.
    ignore_label : int or None
        Value of the truth where nobody has judged; such voxels count for neither side.
    true_labels : tuple of int
        Values of the truth that count, where it holds several classes; left out, all above 0. Of
        an annotation, the objects count that have the class of the score, where its model names
        classes.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range.
    """

    threshold: Threshold = 0.0
    tolerance_px: Annotated[float, Limits(least=0, unit="px")] = 3.0
    tolerance_nm: Annotated[float | None, Limits(least=0, unit="nm")] = None
    ignore_label: int | None = None
    true_labels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checked(self)
        if self.ignore_label == 0:
            raise InvalidParameterError(
                "ignore_label is 0, which means background: nothing but membrane would be left."
            )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a segmentation agrees with the truth.

    Attributes
    ----------
    params : EvaluateParams
    pixels : PixelCounts
        At the threshold.
    boundary : BoundaryCounts
        Within the tolerance, at the threshold.
    tolerance_px, tolerance_nm : float or None
        The tolerance in both units; None where it cannot be told.
    histogram : ScoreHistogram or None
        Of the score; None for a mask.
    distances : SurfaceDistances or None
        None where there is no surface on one side.
    unit : {"nm", "voxel"}
        Of the distances.
    ignored : int
        Voxels that nobody has judged.
    slices : tuple of PixelCounts
        At the threshold, of each slice of the segmentation.
    """

    params: EvaluateParams
    pixels: PixelCounts
    boundary: BoundaryCounts
    tolerance_px: float | None
    tolerance_nm: float | None
    histogram: ScoreHistogram | None
    distances: SurfaceDistances | None
    unit: Literal["nm", "voxel"]
    ignored: int
    slices: tuple[PixelCounts, ...]

    def report(self, carried: Calibration | None = None) -> dict[str, Any]:
        """Return all numbers, ready for JSON; `carried` is the calibration of the model."""
        return asdict(self.pixels.scores()) | {
            "tolerant_precision": self.boundary.precision,
            "tolerant_recall": self.boundary.recall,
            "tolerant_f1": self.boundary.f1,
            "tolerance_px": self.tolerance_px,
            "tolerance_nm": self.tolerance_nm,
            "surface_distances": self.distances and {"unit": self.unit, **asdict(self.distances)},
            "precision_recall": self.histogram and _curve_report(self.histogram),
            "calibration": self.histogram and calibration.report(self.histogram, carried),
            "voxels": asdict(self.pixels) | {"ignored": self.ignored},
            "slices": [asdict(counts) for counts in self.slices],
            "threshold": None if self.histogram is None else self.params.threshold,
            "ignore_label": self.params.ignore_label,
        }


def _curve_report(histogram: ScoreHistogram) -> dict[str, Any]:
    curve, best = histogram.curve(), histogram.best_threshold()
    return {
        "best_threshold": best,
        "best_f1": histogram.counts(best).scores().f1,
        "average_precision": curve.average_precision,
        "thresholds": curve.thresholds.round(4).tolist(),
        "precision": curve.precision.round(6).tolist(),
        "recall": curve.recall.round(6).tolist(),
    }


def compare(
    prediction: Score | Mask,
    truth: Mask,
    params: EvaluateParams | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a segmentation with the truth, as one data set.

    Memory is bounded by the slab; surface distances take 8 bytes per voxel of scratch space on
    disk.

    Parameters
    ----------
    prediction : Score or Mask
        A score of some of the tomogram's slices is compared with those slices of the truth.
    truth : Mask
        Of the whole tomogram, or of the scored slices.
    params : EvaluateParams, optional
    progress : Progress, optional

    Raises
    ------
    InvalidParameterError
        If the shapes do not fit, a tolerance in nm meets an unknown voxel size, or the truth marks
        every voxel that is judged.
    DeepSXTError
        If there is no scratch space.
    """
    params = params or EvaluateParams()
    progress = progress or NoProgress()
    first_slice(prediction, truth)  # before scratch space is made
    size = prediction.volume.voxel_size_nm or truth.volume.voxel_size_nm
    tolerance, pixel = _tolerance(params, size)
    depth, height, width = prediction.volume.shape

    histogram, boundary, ignored = ScoreHistogram.empty(), BoundaryCounts(), 0
    slices: list[PixelCounts] = []
    progress.stage("Comparing", depth, "slice")
    with SurfacePair(size or (1.0, 1.0, 1.0)) as surfaces:
        for first, end in prediction.volume.slabs(max(1, _SLAB_VOXELS // (height * width))):
            # A slice more on either side, for the faces between slices.
            low, high = max(0, first - 1), min(depth, end + 1)
            labels, unknown = read_truth(prediction, truth, params, low, high)
            true = (labels > 0) & ~unknown
            codes = _codes(prediction, low, high)
            marked = (codes >= Score.threshold_code(_threshold(prediction, params))) & ~unknown
            marked_surface, true_surface = surface(marked, unknown), surface(true, unknown)
            inner = slice(first - low, end - low)
            known = ~unknown[inner]
            ignored += int(np.count_nonzero(unknown[inner]))
            histogram += ScoreHistogram.of(codes[inner][known], true[inner][known])
            for z in range(first - low, end - low):
                judged = ~unknown[z]
                slices.append(PixelCounts.of(marked[z][judged], true[z][judged]))
                boundary += BoundaryCounts.of(marked[z], true[z], tolerance, pixel)
                surfaces.add(marked_surface[z], true_surface[z])
                progress.advance()
        distances = surfaces.distances(progress)
    _require_both_kinds(histogram)
    edge = size.x if size and size.x == size.y else None
    in_nm = params.tolerance_nm
    return Evaluation(
        params=params,
        pixels=histogram.counts(_threshold(prediction, params)),
        boundary=boundary,
        tolerance_px=params.tolerance_px if in_nm is None else edge and in_nm / edge,
        tolerance_nm=edge and params.tolerance_px * edge if in_nm is None else in_nm,
        histogram=histogram if isinstance(prediction, Score) else None,
        distances=distances,
        unit="nm" if size else "voxel",
        ignored=ignored,
        slices=tuple(slices),
    )


def _require_both_kinds(histogram: ScoreHistogram) -> None:
    counts = histogram.counts(0.0)
    negative = counts.true_negative + counts.false_positive
    if not negative and counts.true_positive + counts.false_negative:
        raise InvalidParameterError(
            "The truth marks every voxel that is judged, none is 0: whatever is marked counts as "
            "right. If its labels are counted from 1, as in ilastik, save it with 0 outside."
        )


def first_slice(prediction: Score | Mask, truth: Mask) -> int:
    """Return which slice of the truth belongs to the first of the prediction.

    Raises
    ------
    InvalidParameterError
        If the shapes do not fit.
    """
    shape, true_shape = prediction.volume.shape, truth.volume.shape
    offset = prediction.first_slice if isinstance(prediction, Score) else 0
    if shape[0] == true_shape[0]:
        offset = 0
    if shape[1:] != true_shape[1:] or offset + shape[0] > true_shape[0]:
        raise InvalidParameterError(
            f"Prediction and truth must show the same slices: got {shape} from slice {offset} on, "
            f"and {true_shape}."
        )
    return offset


def _tolerance(
    params: EvaluateParams, size: VoxelSize | None
) -> tuple[float, tuple[float, float] | None]:
    """Return the tolerance and the pixel size (y, x) in its unit; None where that is pixels."""
    if params.tolerance_nm is None:
        return params.tolerance_px, None
    if size is None:
        raise InvalidParameterError(
            f"A tolerance of {params.tolerance_nm:g} nm needs the voxel size, which neither file "
            "tells. Give the voxel size, or the tolerance in pixels."
        )
    return params.tolerance_nm, (size.y, size.x)


def read_truth(
    prediction: Score | Mask, truth: Mask, params: EvaluateParams, z0: int, z1: int
) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return the labels of slices z0 to z1 of `prediction`, and where nobody has judged.

    Labels that do not count, see `EvaluateParams.true_labels`, are 0.

    Raises
    ------
    InvalidParameterError
        If the shapes do not fit, or an annotation has no object of the class of a score.
    """
    offset = first_slice(prediction, truth)
    labels = truth.volume.read(z0 + offset, z1 + offset)
    unknown = labels < 0
    if params.ignore_label is not None:
        unknown |= labels == params.ignore_label
    if isinstance(truth, Labels):
        unknown |= truth.not_judged(z0 + offset, z1 + offset)
    if isinstance(prediction, Labels):
        unknown |= prediction.not_judged(z0, z1)
    counted = params.true_labels or _ids_of_class(prediction, truth)
    return labels if counted is None else np.where(np.isin(labels, counted), labels, 0), unknown


def _ids_of_class(prediction: Score | Mask, truth: Mask) -> Sequence[int] | None:
    """Return which objects of an annotation have the class of a score; None if all count."""
    name = prediction.class_name if isinstance(prediction, Score) else None
    if name is None or not isinstance(truth, Labels):
        return None
    found = [number for number, tag in truth.tags.items() if tag.class_name == name]
    if not found:
        classes = ", ".join(sorted({tag.class_name for tag in truth.tags.values()})) or "none"
        raise InvalidParameterError(
            f"The score is for {name}, and the annotation has no object of that class: it has "
            f"{classes}. Compare the score of another class."
        )
    return found


def _codes(prediction: Score | Mask, first: int, end: int) -> NDArray[np.uint8]:
    """Return slices as score codes; a mask has the lowest and the highest only."""
    if isinstance(prediction, Score):
        return prediction.volume.read(first, end)
    return prediction.read_mask(first, end) * np.uint8(MARKED_CODE)


def _threshold(prediction: Score | Mask, params: EvaluateParams) -> float:
    return params.threshold if isinstance(prediction, Score) else 0.0
