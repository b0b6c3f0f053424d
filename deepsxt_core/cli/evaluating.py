"""``deepsxt evaluate``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core.annotation import is_annotation
from deepsxt_core.cli.opening import open_labels, open_noted, open_source
from deepsxt_core.cli.options import Outcome, VoxelSizeNm, command
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.evaluation.calibration import curves_csv
from deepsxt_core.files import keep_apart, prepare_file, written_beside
from deepsxt_core.io import is_score, mask_of
from deepsxt_core.network.calibrations import calibration_of_score
from deepsxt_core.numerals import number_text
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask

_DISTANCES = (("mean", "mean"), ("95 % within", "hausdorff_95"), ("Hausdorff", "hausdorff"))


@command
def evaluate(
    prediction: Path,
    truth: Path,
    /,
    *,
    params: EvaluateParams,
    curve: Annotated[
        Path | None,
        Parameter(help="Write the calibration curve of a score there, as CSV."),
    ] = None,
    voxel_size_nm: VoxelSizeNm = None,
    progress: Progress,
) -> Outcome:
    """Compare a score, a mask or an annotation with the truth.

    Parameters
    ----------
    prediction
        score.ome.zarr, an annotation, or a mask or label file.
    truth
        Annotation, or mask or label file; what is above 0 is membrane, below 0 not judged. What is
        not judged in an annotation counts for neither side.
    """
    from deepsxt_core.workflow.object_agreement import compare_objects
    from deepsxt_core.workflow.pipeline import evaluate as compare

    true = _truth(truth)
    predicted = open_source(prediction, None, voxel_size_nm, threshold=params.threshold)
    carried = calibration_of_score(prediction) if is_score(prediction) else None
    report = compare(predicted, true, params, progress).report(carried)
    if curve is not None:
        _write_curve(curve, report["calibration"], [prediction, truth])
    report |= {"objects": asdict(compare_objects(predicted, true, params, progress))}
    return Outcome(_text(report), report)


def _write_curve(path: Path, told: dict[str, Any] | None, read: Sequence[Path]) -> None:
    if told is None:
        raise InvalidParameterError(
            "A calibration curve needs a score; what is compared here has no probabilities."
        )
    keep_apart(read, [path])
    with written_beside(prepare_file(path)) as partial:
        partial.write_text(curves_csv(told), encoding="utf-8")


def _truth(path: Path) -> Mask:
    if is_score(path):
        raise InvalidParameterError(
            f"'{path}' is a score and no truth. Give a mask or label file, or an annotation."
        )
    if is_annotation(path):
        return open_labels(path, None)
    return mask_of(open_noted(path, None, None))


def _text(report: dict[str, Any]) -> list[str]:
    def rows(names: Sequence[str], prefix: str = "") -> list[str]:
        return [f"  {name:21}{report[prefix + name]:.3f}" for name in names]

    voxels = report["voxels"]
    lengths = ((report["tolerance_px"], "px"), (report["tolerance_nm"], "nm"))
    tolerance = " = ".join(f"{length:g} {unit}" for length, unit in lengths if length is not None)
    lines = [
        "Voxels" + (f" above {report['threshold']:g}" if report["threshold"] is not None else ""),
        *rows(("accuracy", "precision", "recall", "f1", "iou")),
        f"  {voxels['true_positive']:,} right, {voxels['false_positive']:,} wrongly marked, "
        f"{voxels['false_negative']:,} missed"
        + (f", {voxels['ignored']:,} ignored" if voxels["ignored"] else ""),
        f"Within {tolerance} in the slice",
        *rows(("precision", "recall", "f1"), "tolerant_"),
    ]
    if distances := report["surface_distances"]:
        lines += [f"Distance of the surfaces, in {distances['unit']}"]
        lines += [f"  {label:21}{number_text(distances[key])}" for label, key in _DISTANCES]
    if curve := report["precision_recall"]:
        lines += [
            f"Best F1 {curve['best_f1']:.3f} at threshold {curve['best_threshold']:.2f}; "
            f"average precision {curve['average_precision']:.3f}"
        ]
    if told := report["calibration"]:
        lines += _calibration_text(told)
    objects = report["objects"]
    entirely = sum(not one["shared"] for one in objects["missed"])
    lines += [
        f"Objects: {objects['true']:,} in the truth, {entirely:,} of them not found at all; "
        f"{objects['invented']:,} of {objects['found']:,} found ones are nowhere in the truth"
    ]
    return lines


def _calibration_text(told: dict[str, Any]) -> list[str]:
    def error(key: str) -> str:
        one = told[key]
        return (
            f"{one['expected_error']:.4f} at temperature {one['temperature']:.2f} and bias "
            f"{one['bias']:+.2f}"
        )

    lines = [
        "Calibration: by how much probabilities are wrong, on average "
        f"(expected calibration error, {told['binning']})",
        f"  {'as scored':21}{told['score']['expected_error']:.4f}",
    ]
    lines += (
        [f"  {'as the model says':21}{error('of_model')}"]
        if told["of_model"]
        else ["  the model is not calibrated, or not known"]
    )
    if told["fitted_here"]:
        lines += [f"  {'fitted on this truth':21}{error('fitted_here')}"]
    return lines
