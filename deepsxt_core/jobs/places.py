"""Where a job works, where its result goes, and what is left of one that ended early."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import partial_folder, read_json
from deepsxt_core.inference import CHECKPOINT_NAME, has_slabs
from deepsxt_core.jobs.store import Job
from deepsxt_core.workspace import Tomogram, Workspace

if TYPE_CHECKING:
    # Tasks import this module.
    from deepsxt_core.jobs.tasks.task import Task

RUN_NAME = "run.json"
"""The last file that a task writes: a folder with it is complete."""

WORK_NAME = "work"
"""The folder of a job without a tomogram, inside that of the job."""


def result_folder(task: "Task", subject: Tomogram | Workspace, recipe: str) -> Path | None:
    """Return where the result of a recipe (its hash) is or will be; None without a tomogram."""
    if not isinstance(subject, Tomogram) or task.result_kind is None:
        return None
    return subject.folder / "results" / task.result_kind / recipe


def work_folder(workspace: Workspace, job: Job, task: "Task") -> Path | None:
    """Return the folder in which a job works; None if its tomogram is gone."""
    try:
        subject = task.subject(workspace, job.request.tomogram)
    except DeepSXTError:
        return None
    final = result_folder(task, subject, job.recipe)
    return job.folder / WORK_NAME if final is None else partial_folder(final, job.id)


def is_complete(folder: Path) -> bool:
    """Return whether a task has written all that it makes into `folder`."""
    return read_json(folder / RUN_NAME) is not None


def can_be_continued(work: Path, task: "Task") -> bool:
    """Return whether a resumed job would find something of use in its folder."""
    if task.result_kind is None:
        return work.is_dir() and any(work.iterdir())
    return has_slabs(work)


def take_over(final: Path, producer: str) -> None:
    """Give `producer` what an earlier one finished of the same recipe; delete what is of no use."""
    left = [folder for folder in final.parent.glob(f".{final.name}.*") if has_slabs(folder)]
    if left:
        max(left, key=_last_change).rename(partial_folder(final, producer))
    for folder in final.parent.glob(f".{final.name}.*"):
        if folder != partial_folder(final, producer):
            shutil.rmtree(folder, ignore_errors=True)


def _last_change(folder: Path) -> float:
    return (folder / CHECKPOINT_NAME).stat().st_mtime
