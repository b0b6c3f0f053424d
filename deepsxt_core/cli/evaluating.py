"""``deepsxt evaluate``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.annotation import is_annotation
from deepsxt_core.cli.opening import open_labels, open_noted, open_source
from deepsxt_core.cli.options import Outcome, VoxelSizeNm, command
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.io import is_score, mask_of
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
    report = compare(predicted, true, params, progress).report()
    report |= {"objects": asdict(compare_objects(predicted, true, params, progress))}
    return Outcome(_text(report), report)


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
        lines += [f"  {label:21}{distances[key]:.4g}" for label, key in _DISTANCES]
    if curve := report["precision_recall"]:
        lines += [
            f"Best F1 {curve['best_f1']:.3f} at threshold {curve['best_threshold']:.2f}; "
            f"average precision {curve['average_precision']:.3f}"
        ]
    objects = report["objects"]
    entirely = sum(not one["shared"] for one in objects["missed"])
    lines += [
        f"Objects: {objects['true']:,} in the truth, {entirely:,} of them not found at all; "
        f"{objects['invented']:,} of {objects['found']:,} found ones are nowhere in the truth"
    ]
    return lines
