"""Segmentation of a tomogram as a job."""

from functools import partial
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.inference import CHECKPOINT_NAME, Checkpoint
from deepsxt_core.jobs.requests import SegmentRequest
from deepsxt_core.jobs.tasks.task import NETWORK, Task
from deepsxt_core.network import find_installed
from deepsxt_core.progress import Progress
from deepsxt_core.workflow.preflight import Estimate
from deepsxt_core.workspace import Identity, Tomogram


def segment_estimate(tomogram: Tomogram, request: SegmentRequest) -> Estimate:
    """Tell what a segmentation job will take.

    Raises
    ------
    DeepSXTError
        If the tomogram or the model is gone, or a parameter does not fit the tomogram.
    """
    from deepsxt_core.workflow import steps

    return steps.score_estimate(
        tomogram,
        find_installed(request.model),
        request.params,
        tomogram.folder,
        _workspace_folder(tomogram),
    )


def _identity(tomogram: Tomogram, request: SegmentRequest) -> Identity:
    from deepsxt_core.workflow import steps

    return steps.segment_identity(tomogram, find_installed(request.model), request.params)


def _check(tomogram: Tomogram, request: SegmentRequest) -> None:
    segment_estimate(tomogram, request).require_room()


def _workspace_folder(tomogram: Tomogram) -> Path:
    return tomogram.folder.parent.parent


def _run(tomogram: Tomogram, request: SegmentRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.network import open_model
    from deepsxt_core.workflow import steps

    steps.make_score(
        tomogram,
        partial(open_model, find_installed(request.model).folder),
        request.params,
        out,
        progress,
        scheduler=settings.scheduler(),
        workspace=_workspace_folder(tomogram),
    )


def kept_slices(work: Path) -> int:
    """Return how many finished slices lie in the folder of a job that ended early."""
    checkpoint = Checkpoint.read(work / CHECKPOINT_NAME)
    return sum(slab.end - slab.first for slab in checkpoint.slabs) if checkpoint else 0


def _kept(work: Path) -> str:
    count = kept_slices(work)
    return f"{count} finished slice{'' if count == 1 else 's'}" if count else ""


SEGMENT = Task(
    title="Segmentation",
    device=NETWORK,
    identity=_identity,
    run=_run,
    result_kind="scores",
    check=_check,
    kept=_kept,
)
