"""The making of an annotation as a job."""

from pathlib import Path

from deepsxt_core.files import write_json
from deepsxt_core.jobs.annotation_requests import AnnotateRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Workspace
from deepsxt_core.workspace.results import RUN_NAME


def _identity(workspace: Workspace, request: AnnotateRequest) -> Identity:
    tomogram = workspace.tomogram(request.tomogram)
    if request.score is not None:
        tomogram.require_same_input(tomogram.result("scores", request.score))
    return {"step": "annotate", "input_sha256": tomogram.input_sha256(), **plain(request)}


def _run(workspace: Workspace, request: AnnotateRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workspace.annotations import add_annotation

    kept = add_annotation(
        workspace.tomogram(request.tomogram),
        request.name,
        score=request.score,
        labels=None if request.labels is None else Path(request.labels),
        params=request.params,
        progress=progress,
    )
    write_json(out / RUN_NAME, {"annotation": kept.id})


ANNOTATE = Task(
    title="Annotation",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    subject_name=lambda request: request.name,
)
