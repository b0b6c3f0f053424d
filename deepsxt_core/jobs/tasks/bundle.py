"""The export bundle of a surface as a job."""

from pathlib import Path
from typing import Any

from deepsxt_core.files import write_json
from deepsxt_core.jobs.tasks.task import PROCESSOR, Params, Task, required
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Tomogram


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    surface, _ = required(params, "surface", "the result to bundle")
    return {"step": "bundle", "surface": tomogram.result("surfaces", surface).id}


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.export.bundle import BUNDLE_NAME
    from deepsxt_core.workspace.downloads import bundle_result

    surface, _ = required(params, "surface", "the result to bundle")
    path = bundle_result(
        tomogram, tomogram.result("surfaces", surface), out / BUNDLE_NAME, progress
    )
    write_json(out / "run.json", {"bytes": path.stat().st_size})


BUNDLE = Task(
    title="Bundle",
    device=PROCESSOR,
    recipe=_recipe,
    run=_run,
    result_kind="bundles",
)
