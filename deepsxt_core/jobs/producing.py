"""From a task to what it makes, complete or resumable."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsxt_core.files import partial_folder, publish, read_json, write_json
from deepsxt_core.inference import CHECKPOINT_NAME
from deepsxt_core.jobs.places import RUN_NAME, can_be_continued, is_complete, result_folder
from deepsxt_core.progress import Progress
from deepsxt_core.versions import versions
from deepsxt_core.workspace import Tomogram, Workspace, recipe_hash

if TYPE_CHECKING:
    # Tasks import this module.
    from deepsxt_core.jobs.tasks.task import Params, Task


def produce(
    task: "Task",
    tomogram: Tomogram,
    params: "Params",
    recipe: dict[str, Any],
    producer: str,
    progress: Progress,
) -> Path:
    """Make a result of a tomogram, unless it is there, and return its folder.

    `producer` names who makes it: what the same one left unfinished is continued, and what it
    leaves is kept only where it can be continued.
    """
    final = result_folder(task, tomogram, recipe_hash(recipe))
    if final is None:
        raise TypeError(f"'{task.title}' makes no result of a tomogram.")
    if is_complete(final):
        return final
    work = partial_folder(final, producer)
    work_on(task, tomogram, params, recipe, producer, work, progress)
    (work / CHECKPOINT_NAME).unlink(missing_ok=True)
    publish(work, final)
    return final


def work_on(
    task: "Task",
    subject: Tomogram | Workspace,
    params: "Params",
    recipe: dict[str, Any],
    producer: str,
    work: Path,
    progress: Progress,
) -> None:
    """Do a task in the folder `work`, unless it is complete there."""
    work.mkdir(parents=True, exist_ok=True)
    proof = work / RUN_NAME
    try:
        # It is there already if the worker died between its last two steps.
        if not is_complete(work):
            task.run(subject, params, work, progress)
        told = {"versions": versions()} | (read_json(proof) or {})
        write_json(proof, told | {"recipe": recipe, "job": producer})
    finally:
        if not (is_complete(work) or can_be_continued(work, task)):
            shutil.rmtree(work, ignore_errors=True)
