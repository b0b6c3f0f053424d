"""What is known about a job: its name for people, its places, and what it left behind."""

from pathlib import Path
from typing import Any

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import partial_folder
from deepsxt_core.inference import has_slabs
from deepsxt_core.jobs.request_files import UnreadableRequest
from deepsxt_core.jobs.store import Job
from deepsxt_core.jobs.tasks import TASKS, Task
from deepsxt_core.jobs.tasks.segment import kept_slices as finished_slices
from deepsxt_core.workflow.producing import Place
from deepsxt_core.workspace import Identity, Tomogram, Workspace

WORK_NAME = "work"
"""The folder of a job without a tomogram, inside that of the job."""


def place_of(task: Task, subject: Any, identity: Identity, job: Job) -> Place:
    """Return where a job makes what it was asked for, and where that will be."""
    if isinstance(subject, Tomogram) and task.result_kind is not None:
        return Place.of_result(subject, task.result_kind, identity, job.id)
    return Place.in_folder(job.folder / WORK_NAME, identity)


def task_of(job: Job) -> Task:
    """Return the task of a job whose kind is known."""
    return TASKS[job.kind]  # type: ignore[index]


def result_folder(task: Task, subject: Tomogram | Workspace, result_id: str) -> Path | None:
    """Return where a result is or will be; None without a tomogram."""
    if not isinstance(subject, Tomogram) or task.result_kind is None:
        return None
    return subject.folder / "results" / task.result_kind / result_id


def can_resume(workspace: Workspace, job: Job) -> bool:
    """Return whether `resume` would go on with the job."""
    if job.state not in ("interrupted", "failed", "cancelled"):
        return False
    if isinstance(job.request, UnreadableRequest):
        return False
    try:
        task_of(job).subject(workspace, job.tomogram)
    except DeepSXTError:
        return False
    return True


def title(workspace: Workspace, job: Job) -> tuple[str, str]:
    """Return what a job does and to what, for people, such as ("Segmentation", "cell 1.mrc")."""
    if job.kind not in TASKS:
        return "Job", f"of the kind '{job.kind[:40]}'"
    task = task_of(job)
    try:
        subject = task.subject(workspace, job.tomogram)
    except DeepSXTError:
        return task.title, "removed tomogram"
    if isinstance(subject, Tomogram):
        return task.title, subject.name
    if task.subject_name is None or isinstance(job.request, UnreadableRequest):
        return task.title, ""
    return task.title, task.subject_name(job.request)


def kept_slices(workspace: Workspace, job: Job) -> int:
    """Return how many finished slices of a job that has ended wait for a resume."""
    work = job_folder(workspace, job)
    return finished_slices(work) if work else 0


def kept_note(workspace: Workspace, job: Job) -> str:
    """Return what is finished of a job that ended early, for people; empty if there is nothing."""
    work = job_folder(workspace, job)
    kept = task_of(job).kept if job.kind in TASKS else None
    return "" if kept is None or work is None else kept(work)


def job_folder(workspace: Workspace, job: Job) -> Path | None:
    """Return the folder in which a job works or worked; None if its tomogram is gone."""
    if job.kind not in TASKS:
        return None
    task = task_of(job)
    try:
        subject = task.subject(workspace, job.tomogram)
    except DeepSXTError:
        return None
    final = result_folder(task, subject, job.result_id)
    return job.folder / WORK_NAME if final is None else partial_folder(final, job.id)


def can_be_continued(work: Path, task: Task) -> bool:
    """Return whether a resumed job would find something of use in its folder."""
    if task.result_kind is None:
        return work.is_dir() and any(work.iterdir())
    return has_slabs(work)
