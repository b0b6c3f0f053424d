"""Reconstruction of surfaces as a job."""

from pathlib import Path

from deepsxt_core.jobs.requests import ReconstructRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask, Score
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.annotations import annotation


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
        kept = annotation(tomogram, request.annotation.id)
        told["annotation"] = kept.record(request.annotation)
    steps.make_surfaces(
        _segmented(tomogram, request),
        request.params,
        out,
        progress,
        tomogram=scored,
        views=True,
        told=told,
        workspace=tomogram.folder.parent.parent,
    )


RECONSTRUCT = Task(
    title="Surface",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="surfaces",
)
