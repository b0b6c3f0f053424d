"""Download of a model as a job."""

from pathlib import Path

from deepsxt_core.errors import ModelError
from deepsxt_core.files import write_json
from deepsxt_core.jobs.requests import InstallRequest
from deepsxt_core.jobs.tasks.task import DOWNLOAD, Task
from deepsxt_core.network.catalogue import CATALOGUE, CatalogueEntry, install
from deepsxt_core.network.models import find_model
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Workspace
from deepsxt_core.workspace.results import RUN_NAME


def _entry(request: InstallRequest) -> CatalogueEntry:
    if request.name not in CATALOGUE:
        raise ModelError(f"{request.name!r} is not in the catalogue: {', '.join(CATALOGUE)}.")
    return CATALOGUE[request.name]


def _identity(_workspace: Workspace, request: InstallRequest) -> Identity:
    entry = _entry(request)
    return {"step": "install", "name": entry.name, "url": entry.url}


def _run(_workspace: Workspace, request: InstallRequest, out: Path, progress: Progress) -> None:
    entry = _entry(request)
    install(entry, progress)
    info = find_model(entry.name)
    write_json(out / RUN_NAME, {"model": info.name, "sha256": info.sha256()})


INSTALL = Task(
    title="Download",
    device=DOWNLOAD,
    identity=_identity,
    run=_run,
    subject_name=lambda request: request.name,
)
