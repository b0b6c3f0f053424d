"""Reconstruction of surfaces as a job."""

from pathlib import Path

from deepsxt_core.jobs.requests import ReconstructRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Tomogram


def _identity(tomogram: Tomogram, request: ReconstructRequest) -> Identity:
    from deepsxt_core.workflow import steps

    if request.score is not None:
        tomogram.require_same_input(tomogram.result("scores", request.score))
    segmented = tomogram.segmentation(request.score)
    return steps.reconstruct_identity(tomogram, request.score, segmented, request.params)


def _run(tomogram: Tomogram, request: ReconstructRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workflow import steps

    scored = None
    if request.score is not None:
        # The part that was scored, for the mean grey value in each object.
        scored = tomogram.volume(tomogram.result("scores", request.score).region)
    steps.make_surfaces(
        tomogram.segmentation(request.score),
        request.params,
        out,
        progress,
        tomogram=scored,
        views=True,
    )


RECONSTRUCT = Task(
    title="Surface",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="surfaces",
)
