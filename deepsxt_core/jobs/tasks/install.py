"""Download of a model as a job."""

from pathlib import Path
from typing import Any

from deepsxt_core.errors import ModelError
from deepsxt_core.files import write_json
from deepsxt_core.jobs.tasks.task import DOWNLOAD, Params, Task, required
from deepsxt_core.network.catalogue import CATALOGUE, CatalogueEntry, install
from deepsxt_core.network.models import find_model
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Workspace


def _entry(params: Params) -> CatalogueEntry:
    name, _ = required(params, "name", "a model of the catalogue")
    if name not in CATALOGUE:
        raise ModelError(f"{name!r} is not in the catalogue: {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def _recipe(_workspace: Workspace, params: Params) -> dict[str, Any]:
    entry = _entry(params)
    return {"step": "install", "name": entry.name, "url": entry.url}


def _run(_workspace: Workspace, params: Params, out: Path, progress: Progress) -> None:
    entry = _entry(params)
    install(entry, progress)
    info = find_model(entry.name)
    write_json(out / "run.json", {"model": info.name, "sha256": info.sha256()})


INSTALL = Task(
    title="Download",
    device=DOWNLOAD,
    recipe=_recipe,
    run=_run,
    subject_name=lambda params: str(params.get("name", "")),
)
