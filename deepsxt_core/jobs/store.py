"""Jobs as files: what was asked, how far it is, how it ended.

::

    <workspace>/jobs/<id>/
      request.json    what was asked; written once
      process.json    the process that was started for it, before that says so itself
      status.json     how far it is; replaced as a whole, by the worker alone once it runs
      log.txt         what the worker printed
      cancel          present once the user wants it to stop

A job that waits for its turn has no process; `runner.start_waiting` gives it one. A worker may die
at any moment without a word. So the state that counts is not the one in the
file but the one from `read_job`, which also asks whether the process is still there.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.errors import JobError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.processes import process_mark
from deepsxt_core.jobs.request_files import UnreadableRequest, read_request, request_content
from deepsxt_core.jobs.requests import JobRequest
from deepsxt_core.jobs.status import ACTIVE_STATES, JobState, Status
from deepsxt_core.workspace import Workspace, is_id

_ID_BYTES = 9
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read.

    Attributes
    ----------
    id : str
        Unguessable and fit for a URL.
    folder : Path
        Where its files are.
    request : JobRequest or UnreadableRequest
        What was asked.
    tomogram : str or None
        Id of the tomogram in the workspace, for steps that make a result of one.
    result_id : str
        The id that the result has or will have: the hash of its identity.
    created : datetime
        When it was submitted, in UTC.
    status : Status
        How far it is.
    author : str
        What people call who submitted it, where several share the workspace; else empty.
    """

    id: str
    folder: Path
    request: JobRequest | UnreadableRequest
    tomogram: str | None
    result_id: str
    created: datetime
    status: Status
    author: str = ""

    @property
    def kind(self) -> str:
        """The step."""
        return self.request.kind

    @property
    def is_waiting(self) -> bool:
        """Whether it is in the queue and no process was started for it yet."""
        return self.state == "queued" and self.status.pid is None

    @property
    def state(self) -> JobState:
        """Where the job is in its life."""
        return self.status.state

    @property
    def ticket(self) -> tuple[datetime, str]:
        """Its place in the queue: lower comes first."""
        return self.status.submitted or self.created, self.id

    @property
    def active(self) -> bool:
        """Whether it waits for its turn, works or is about to stop."""
        return self.state in ACTIVE_STATES


def create_job(
    workspace: Workspace,
    request: JobRequest,
    result_id: str,
    status: Status,
    tomogram: str | None = None,
) -> Job:
    """Write a new job to disk; starts nothing."""
    folder = workspace.jobs_folder / secrets.token_hex(_ID_BYTES)
    folder.mkdir(parents=True)
    write_status(folder, status)
    # Last, because a folder without it is no job yet.
    created, author = datetime.now(UTC), access.author()
    write_json(
        folder / "request.json",
        {
            "version": _VERSION,
            "kind": request.kind,
            "tomogram": tomogram,
            "params": request_content(request),
            "recipe": result_id,
            "created": created.isoformat(),
            **({"author": author} if author else {}),
        },
    )
    return Job(folder.name, folder, request, tomogram, result_id, created, status, author)


def read_job(workspace: Workspace, job_id: str) -> Job:
    """Return a job as it is now.

    Raises
    ------
    JobError
        If the id is malformed or unknown.
    """
    job = load_job(workspace.jobs_folder / job_id) if is_id(job_id) else None
    if job is None:
        raise JobError(
            f"There is no job '{job_id[:64]}' in this workspace. "
            "It may have been removed; start the step again."
        )
    return job


def list_jobs(workspace: Workspace, tomogram_id: str | None = None) -> list[Job]:
    """Return the jobs, of one tomogram or all, newest first; unreadable ones are left out."""
    if not workspace.jobs_folder.is_dir():
        return []
    found = [load_job(entry) for entry in workspace.jobs_folder.iterdir() if is_id(entry.name)]
    jobs = [job for job in found if job is not None and tomogram_id in (None, job.tomogram)]
    return sorted(jobs, key=lambda job: job.created, reverse=True)


def job_log(job: Job, max_bytes: int = 20_000) -> str:
    """Return the end of what the worker printed."""
    path = job.folder / "log.txt"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - max_bytes))
        return file.read().decode(errors="replace")


def load_job(folder: Path) -> Job | None:
    """Return the job in `folder` with the state that is true now, or None if it is unreadable."""
    content = read_json(folder / "request.json")
    if content is None:
        return None
    try:
        request = read_request(content["kind"], content["params"], content.get("version", 1))
        created = datetime.fromisoformat(content["created"])
        return Job(
            folder.name,
            folder,
            request,
            content["tomogram"],
            content["recipe"],
            created,
            _status_now(folder),
            str(content.get("author", "")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def announce_process(folder: Path, pid: int) -> None:
    """Note the process that was started for the job in `folder`."""
    mark = process_mark(pid)
    if mark is not None:
        write_json(folder / "process.json", {"pid": pid, "mark": mark})


def requeue(folder: Path) -> None:
    """Make the job in `folder` one that waits to be started."""
    for name in ("cancel", "process.json"):
        (folder / name).unlink(missing_ok=True)
    write_status(folder, Status(submitted=datetime.now(UTC)))


def write_status(folder: Path, status: Status) -> None:
    """Replace the status of the job in `folder`."""
    write_json(folder / "status.json", status.to_json())


def request_cancel(folder: Path) -> None:
    """Leave the mark that asks the worker to stop."""
    (folder / "cancel").touch()


def cancel_requested(folder: Path) -> bool:
    """Return whether the user wants the job to stop."""
    return (folder / "cancel").exists()


def _status_now(folder: Path) -> Status:
    status = load_status(folder)
    if status.state not in ACTIVE_STATES:
        return status
    if status.pid is None:
        # Until the worker tells its process itself, the one counts that was started.
        known = read_json(folder / "process.json")
        if known is None:
            return status
        status = replace(
            status,
            pid=known.get("pid"),
            process_mark=known.get("mark"),
            process_created=known.get("created"),
        )
    if status.process() is None:
        # Read again: the worker may have written its last word and gone since the first reading.
        status = load_status(folder)
        if status.state not in ACTIVE_STATES:
            return status
        return replace(status, state="cancelled" if cancel_requested(folder) else "interrupted")
    return replace(status, state="cancelling") if cancel_requested(folder) else status


def load_status(folder: Path) -> Status:
    """Return the status as it is in the file, whether or not the process is still there."""
    return Status.from_json(read_json(folder / "status.json") or {})
