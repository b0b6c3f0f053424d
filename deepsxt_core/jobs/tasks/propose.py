"""Proposing all bodies of a tomogram as a job."""

from pathlib import Path

from deepsxt_core.annotation import Propose
from deepsxt_core.errors import AnnotationError
from deepsxt_core.files import write_json
from deepsxt_core.jobs.annotation_requests import ProposeRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation, annotation
from deepsxt_core.workspace.results import RUN_NAME


def _kept(workspace: Workspace, request: ProposeRequest) -> KeptAnnotation:
    return annotation(workspace.tomogram(request.tomogram), request.annotation)


def _wanted(request: ProposeRequest) -> Propose:
    return Propose(least_confidence=request.least_confidence, class_name=request.class_name)


def _identity(workspace: Workspace, request: ProposeRequest) -> Identity:
    _wanted(request)
    if _kept(workspace, request).score is None:
        raise AnnotationError(
            "Bodies are found by the score, and this annotation was not made from one. Segment "
            "the tomogram, and begin an annotation with its result."
        )
    return {"step": "propose", **plain(request)}


def _run(workspace: Workspace, request: ProposeRequest, out: Path, progress: Progress) -> None:
    with _kept(workspace, request).open(owner="Propose all") as opened:
        applied = opened.apply(_wanted(request), progress)
    write_json(out / RUN_NAME, {"objects": len(applied.objects)})


PROPOSE = Task(
    title="Proposals",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    subject_name=lambda request: request.class_name,
)
