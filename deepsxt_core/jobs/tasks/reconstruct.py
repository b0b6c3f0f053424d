"""Reconstruction of surfaces as a job."""

from pathlib import Path
from typing import Any

from deepsxt_core.jobs.requests import ReconstructRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask, Score
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.annotations import AnnotationVersion, annotation


def _segmented(tomogram: Tomogram, request: ReconstructRequest) -> Score | Mask:
    if request.annotation is not None:
        return annotation(tomogram, request.annotation.id).labels(request.annotation)
    return tomogram.segmentation(request.score)


def _identity(tomogram: Tomogram, request: ReconstructRequest) -> Identity:
    from deepsxt_core.workflow import steps

    if request.score is not None:
        tomogram.require_same_input(tomogram.result("scores", request.score))
    return steps.reconstruct_identity(
        tomogram,
        request.score,
        _segmented(tomogram, request),
        request.params,
        request.annotation,
    )


def _run(tomogram: Tomogram, request: ReconstructRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workflow import steps

    scored, told = None, {}
    if request.score is not None:
        # The part that was scored, for the mean grey value in each object.
        scored = tomogram.volume(tomogram.result("scores", request.score).region)
    if request.annotation is not None:
        told["annotation"] = _about(tomogram, request.annotation)
    steps.make_surfaces(
        _segmented(tomogram, request),
        request.params,
        out,
        progress,
        tomogram=scored,
        views=True,
        told=told,
    )


def _about(tomogram: Tomogram, version: AnnotationVersion) -> dict[str, Any]:
    """Return what the record says about an annotation, which may be gone one day."""
    kept = annotation(tomogram, version.id)
    return {
        "name": kept.name,
        "entries": kept.frozen(version).entries,
        "region": {"crop": kept.region.crop, "bin": kept.region.bin},
    }


RECONSTRUCT = Task(
    title="Surface",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="surfaces",
)
