"""Many tomograms of the workspace, one recipe, as one job.

The engine is that of the command line; the results are found on the pages of each tomogram.
"""

from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.requests import BatchRequest
from deepsxt_core.jobs.store import Job
from deepsxt_core.jobs.tasks.task import NETWORK, Task
from deepsxt_core.progress import Progress
from deepsxt_core.workflow.batch import SUMMARY_NAME, Row, apply_recipe, write_summary
from deepsxt_core.workflow.subjects import TomogramSubject
from deepsxt_core.workspace import Identity, Workspace
from deepsxt_core.workspace.results import RUN_NAME

_ROWS_NAME = "rows.json"


def batch_rows(job: Job) -> list[Row]:
    """Return a line per tomogram of a batch in their order, with its state so far.

    ``status`` is "done", "kept" (was there before the batch), "failed", "working" or "waiting".
    """
    if not isinstance(job.request, BatchRequest):
        return []
    rows = _kept_rows(job.folder / "work")
    found: list[Row] = []
    at_work = job.state == "running"
    for tomogram in job.request.tomograms:
        row = rows.get(tomogram)
        if row is None:
            row = {"status": "working" if at_work else "waiting", "error": None}
            at_work = False
        found.append({"tomogram": tomogram} | row)
    return found


def summary_path(job: Job) -> Path:
    """Return where a batch keeps its table; it is there once the first tomogram has ended."""
    return job.folder / "work" / SUMMARY_NAME


def _identity(_workspace: Workspace, request: BatchRequest) -> Identity:
    from deepsxt_core.network import find_installed

    if request.recipe.source == "network":
        find_installed(request.recipe.model)
    return {
        "step": "batch",
        "tomograms": list(request.tomograms),
        "recipe": request.recipe.to_dict(),
    }


def _run(workspace: Workspace, request: BatchRequest, out: Path, progress: Progress) -> None:
    subjects = [TomogramSubject(workspace.folder, each) for each in request.tomograms]
    done = apply_recipe(
        subjects,
        request.recipe,
        progress,
        scheduler=settings.scheduler(),
        producer=out.parent.name,
    )
    # What an earlier worker has finished stays in the table; what failed is tried again.
    rows = {key: row for key, row in _kept_rows(out).items() if row["status"] != "failed"}
    for number, row in done:
        tomogram = request.tomograms[number]
        rows[tomogram] = _of_this_batch(row, rows.get(tomogram))
        write_json(out / _ROWS_NAME, {"rows": rows})
        in_order = [rows[each] for each in request.tomograms if each in rows]
        write_summary(in_order, out / SUMMARY_NAME)
    failed = sum(row["status"] == "failed" for row in rows.values())
    if failed:
        raise DeepSXTError(
            f"{failed} of {len(subjects)} tomograms failed, the others are finished. The table "
            "says why; going on tries only those again."
        )
    write_json(out / RUN_NAME, {"tomograms": len(subjects)})


def _kept_rows(out: Path) -> dict[str, Row]:
    return (read_json(out / _ROWS_NAME) or {}).get("rows", {})


def _of_this_batch(row: Row, before: Row | None) -> Row:
    """Return the row of earlier where this batch itself has made what is found now."""
    if row["status"] != "kept" or before is None:
        return row
    same = all(row.get(name) == before.get(name) for name in ("score", "surface"))
    return before if same else row


def _subject(request: BatchRequest) -> str:
    count = len(request.tomograms)
    return f"{count} tomogram{'' if count == 1 else 's'}"


BATCH = Task(title="Batch", device=NETWORK, identity=_identity, run=_run, subject_name=_subject)
