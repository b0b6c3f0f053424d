"""Many tomograms of the workspace, one recipe, as one job.

Each step makes the same result that a job of its own would make: it is found again on the pages,
and what is there already is not made twice.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsxt_core.errors import CancelledError, DeepSXTError, InvalidParameterError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.places import is_complete, result_folder, take_over
from deepsxt_core.jobs.producing import produce
from deepsxt_core.jobs.store import Job
from deepsxt_core.jobs.tasks.reconstruct import RECONSTRUCT
from deepsxt_core.jobs.tasks.segment import SEGMENT
from deepsxt_core.jobs.tasks.task import NETWORK, Params, Task
from deepsxt_core.progress import Progress, Renamed
from deepsxt_core.workspace import Tomogram, Workspace, recipe_hash

if TYPE_CHECKING:
    from deepsxt_core.workflow.batch import Row
    from deepsxt_core.workflow.recipe import Recipe

logger = logging.getLogger(__name__)

_ROWS_NAME = "rows.json"


def batch_rows(job: Job) -> list["Row"]:
    """Return a line per tomogram of a batch in their order, with its state so far.

    ``status`` is "done", "kept" (was done before), "failed", "working" or "waiting".
    """
    rows = (read_json(job.folder / "work" / _ROWS_NAME) or {}).get("rows", {})
    found: list[Row] = []
    at_work = job.state == "running"
    for tomogram in job.request.params["tomograms"]:
        row = rows.get(tomogram)
        if row is None:
            row = {"status": "working" if at_work else "waiting", "error": None}
            at_work = False
        found.append({"tomogram": tomogram} | row)
    return found


def summary_path(job: Job) -> Path:
    """Return where a batch keeps its table; it is there once the first tomogram has ended."""
    from deepsxt_core.workflow.batch import SUMMARY_NAME

    return job.folder / "work" / SUMMARY_NAME


def _recipe(_workspace: Workspace, params: Params) -> dict[str, Any]:
    from deepsxt_core.network import find_installed

    recipe, tomograms = _wish(params)
    find_installed(recipe.model)
    return {"step": "batch", "tomograms": list(tomograms), "recipe": recipe.to_dict()}


def _wish(params: Params) -> tuple["Recipe", Sequence[str]]:
    from deepsxt_core.workflow.recipe import Recipe

    tomograms = params.get("tomograms")
    if not isinstance(tomograms, list | tuple) or not tomograms:
        raise InvalidParameterError("A batch needs at least one tomogram. Choose some.")
    return Recipe.from_tables(params.get("recipe", {}), "of the batch"), tomograms


def _run(workspace: Workspace, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.workflow.batch import SUMMARY_NAME, write_summary

    recipe, tomograms = _wish(params)
    rows: dict[str, Row] = {}
    for number, tomogram_id in enumerate(tomograms, 1):
        named = Renamed(progress, f"{number} of {len(tomograms)}")
        rows[tomogram_id] = _row(workspace, tomogram_id, recipe, out.parent.name, named)
        write_json(out / _ROWS_NAME, {"rows": rows})
        write_summary(list(rows.values()), out / SUMMARY_NAME)
    failed = sum(row["status"] == "failed" for row in rows.values())
    if failed:
        raise DeepSXTError(
            f"{failed} of {len(tomograms)} tomograms failed, the others are finished. The table "
            "says why; going on tries only those again."
        )
    write_json(out / "run.json", {"tomograms": len(tomograms)})


def _row(
    workspace: Workspace, tomogram_id: str, recipe: "Recipe", producer: str, progress: Progress
) -> "Row":
    row: Row = {"file": tomogram_id, "error": None}
    try:
        tomogram = workspace.tomogram(tomogram_id)
        row |= {"file": str(tomogram.source), "name": tomogram.name}
        return row | _one(tomogram, recipe, producer, progress)
    except CancelledError:
        raise
    except DeepSXTError as error:
        return row | {"status": "failed", "error": str(error)}
    except Exception as error:  # A night of work must not end with one file.
        logger.exception("Batch: %s", row["file"])
        return row | {"status": "failed", "error": f"{type(error).__name__}: {error}"}


def _one(tomogram: Tomogram, recipe: "Recipe", producer: str, progress: Progress) -> "Row":
    from deepsxt_core.surface import Surfaces
    from deepsxt_core.workflow.batch import score_facts, surface_facts
    from deepsxt_core.workspace import downloads

    begun = time.monotonic()
    segment = {"model": recipe.model, **asdict(recipe.segment)}
    if recipe.segment.invert is None:
        segment["invert"] = tomogram.invert
    made, score_folder = _produced(SEGMENT, tomogram, segment, producer, progress)
    score_result = tomogram.result("scores", score_folder.name)
    threshold = recipe.reconstruct.threshold if recipe.reconstruct else 0.0
    row: Row = {"score": score_result.id, "folder": str(score_folder)}
    row |= score_facts(tomogram.score(score_result.id), threshold)
    if recipe.export.mask:
        downloads.score_file(tomogram, score_result, f"mask.{recipe.export.mask}", threshold)
    if recipe.reconstruct is not None:
        wish = {"score": score_result.id, **asdict(recipe.reconstruct)}
        drawn, folder = _produced(RECONSTRUCT, tomogram, wish, producer, progress)
        made = made or drawn
        surface = tomogram.result("surfaces", folder.name)
        row |= {"surface": surface.id, "folder": str(folder)}
        row |= surface_facts(Surfaces.load(folder))
        for name in recipe.export.meshes:
            downloads.surface_file(surface, f"surface.{name}")
    seconds = round(time.monotonic() - begun, 2)
    return row | {"status": "done" if made else "kept", "seconds": seconds}


def _produced(
    task: Task, tomogram: Tomogram, params: Params, producer: str, progress: Progress
) -> tuple[bool, Path]:
    """Return whether a result had to be made, and its folder."""
    recipe = task.recipe(tomogram, params)
    final = result_folder(task, tomogram, recipe_hash(recipe))
    if final is not None and is_complete(final):
        return False, final
    if task.check is not None:
        task.check(tomogram, params)
    if task is SEGMENT and final is not None:
        # Nobody else works on it: this job holds the device.
        take_over(final, producer)
    return True, produce(task, tomogram, params, recipe, producer, progress)


def _subject(params: Params) -> str:
    count = len(params.get("tomograms", ()))
    return f"{count} tomogram{'' if count == 1 else 's'}"


BATCH = Task(title="Batch", device=NETWORK, recipe=_recipe, run=_run, subject_name=_subject)
