"""Devices that the jobs of several workspaces share: one queue for all, a fair turn for each."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from deepsxt_core.access import Access
from deepsxt_core.child_process import workspace_variables
from deepsxt_core.errors import BusyError
from deepsxt_core.jobs.facts import task_of
from deepsxt_core.jobs.request_files import UnreadableRequest
from deepsxt_core.jobs.store import list_jobs
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.people.registry import people_of
from deepsxt_core.workspace import Workspace

MOST_ACTIVE = 20
"""How many jobs may wait or work in a workspace, where several people share a server."""


def require_turn(workspace: Workspace) -> None:
    """Do nothing if one more job may wait in a workspace.

    Raises
    ------
    BusyError
        If it shares a server, and `MOST_ACTIVE` wait or work already.
    """
    if people_of(workspace.folder) is not None:
        active = sum(job.active for job in list_jobs(workspace))
        if active >= MOST_ACTIVE:
            raise BusyError(f"{active} of your jobs wait or work. Wait until some are done.")


def workspaces(workspace: Workspace) -> list[Workspace]:
    """Return the workspaces whose jobs share the devices with those of this one, itself too."""
    people = people_of(workspace.folder)
    return [workspace] if people is None else people.workspaces()


def locks_folder(workspace: Workspace) -> Path:
    """Return where the locks of devices lie."""
    people = people_of(workspace.folder)
    folder = workspace.jobs_folder if people is None else people.folder / "devices"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def starting_lock(workspace: Workspace) -> FileLock:
    """Return the lock that is held while jobs are started."""
    return FileLock(locks_folder(workspace) / "start.lock")


def worker_variables(folder: Path) -> dict[str, str]:
    """Return what a worker is told of the workspace in `folder`, where others are beside it."""
    people = people_of(folder)
    if people is None:
        return {}
    return workspace_variables(Access(folder=folder, quota_bytes=people.quota_bytes(folder)))


def next_turns(beside: Iterable[Workspace]) -> list[Path]:
    """Return the folders of the jobs whose turn it is.

    Of each device the next free slot goes to the workspace that has the fewest of its slots, and
    there to the job that has waited longest.
    """
    working: Counter[str] = Counter()
    own: Counter[tuple[str, Path]] = Counter()
    waiting = []
    for workspace in beside:
        for job in list_jobs(workspace):
            if not job.active or job.kind not in TASKS:
                continue
            device = task_of(job).device
            if not job.is_waiting:
                working[device.name] += 1
                own[device.name, workspace.folder] += 1
            elif not isinstance(job.request, UnreadableRequest):
                waiting.append((device, workspace.folder, job))
    chosen = []
    while waiting:
        first = min(waiting, key=lambda each: (own[each[0].name, each[1]], each[2].ticket))
        waiting.remove(first)
        device, folder, job = first
        if working[device.name] < device.slots:
            working[device.name] += 1
            own[device.name, folder] += 1
            chosen.append(job.folder)
    return chosen
