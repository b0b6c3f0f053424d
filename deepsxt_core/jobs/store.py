"""Jobs as files: what was asked, how far it is, how it ended.

::

    <workspace>/jobs/<id>/
      request.json    what was asked; written once
      process.json    the process that was started for it, before that says so itself
      status.json     how far it is; replaced as a whole, by the worker alone once it runs
      log.txt         what the worker printed
      cancel          present once the user wants it to stop

A worker may die at any moment without a word. So the state that counts is not the one in the
file but the one from `read_job`, which also asks whether the process is still there.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, get_args

import psutil

from deepsxt_core.errors import InvalidParameterError, JobError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.workspace import Workspace, is_id

JobKind = Literal[
    "segment", "reconstruct", "measure", "install", "bundle", "train", "evaluate", "batch"
]
JobState = Literal["queued", "running", "cancelling", "cancelled", "failed", "interrupted", "done"]

ACTIVE_STATES: tuple[JobState, ...] = ("queued", "running", "cancelling")
"""States in which a worker is at work or about to be."""

_ID_BYTES = 9
# A worker needs seconds to import what it needs and tell its process id; one that has not done
# so after this time never started.
_START_LIMIT = timedelta(seconds=60)
# psutil derives the creation time from the time of boot, which moves when the clock is set.
_CREATION_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What a job shall do.

    Attributes
    ----------
    kind : JobKind
        The step.
    tomogram : str or None
        Id of the tomogram in the workspace, for steps that make a result of one.
    params : mapping
        What the step needs, as JSON values. For "segment": the fields of `SegmentParams` and
        ``model`` (name or folder); for "reconstruct": those of `ReconstructParams` and ``score``
        (id of the result to start from); for "measure": those of `ProcessParams` and ``surface``
        (id of the surfaces to measure); for "install": ``name`` (of a model in the catalogue);
        for "bundle": ``surface`` (id of the result to export);
        for "train": ``name`` (of the new model), ``data`` (folder), ``base`` (a model), ``fresh``
        (whether from fresh weights), ``params`` and ``reading`` (fields of `TrainingParams` and
        `DataParams`);
        for "evaluate": those of `EvaluateParams`, ``score`` and ``truth`` (path of a file);
        for "batch": ``tomograms`` (their ids) and ``recipe`` (the tables of a `Recipe`).
        What is left out has its default.
    """

    kind: JobKind
    tomogram: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in get_args(JobKind):
            raise InvalidParameterError(
                f"A job is of kind {' or '.join(get_args(JobKind))}: got '{self.kind}'."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a job is.

    Attributes
    ----------
    state : JobState
        Where it is in its life.
    stage, unit : str
        What it does now and what it counts, for people.
    done, total : int
        Finished units of the stage, and all of them.
    started, updated : datetime or None
        When the work began (after any waiting) and the last sign of life, in UTC.
    seconds_per_unit : float or None
        Within the stage, once it can be told.
    remaining_s : float or None
        For the rest of the stage, counted from `updated`.
    error : str or None
        Why it failed, for people.
    result : str or None
        Id of the result, once done.
    pid : int or None
        Process of the worker.
    process_created : float or None
        When that process began, in seconds since 1970; tells it from a later one of the same id.
    submitted : datetime or None
        When the job was put into the queue again, in UTC; None for the first time.
    peak_memory_bytes : int or None
        Most main memory that the worker has held.
    """

    state: JobState = "queued"
    stage: str = ""
    unit: str = ""
    done: int = 0
    total: int = 0
    started: datetime | None = None
    updated: datetime | None = None
    seconds_per_unit: float | None = None
    remaining_s: float | None = None
    error: str | None = None
    result: str | None = None
    pid: int | None = None
    process_created: float | None = None
    submitted: datetime | None = None
    peak_memory_bytes: int | None = None

    @property
    def units_per_s(self) -> float | None:
        """The pace within the stage, once it can be told."""
        return 1 / self.seconds_per_unit if self.seconds_per_unit else None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the status in a parsed ``status.json``; keys it does not know are ignored."""
        known = {f.name: content[f.name] for f in fields(cls) if f.name in content}
        for name in ("started", "updated", "submitted"):
            if known.get(name) is not None:
                known[name] = datetime.fromisoformat(known[name])
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        """Return the content for ``status.json``."""
        return asdict(self) | {
            name: None if moment is None else moment.isoformat()
            for name, moment in (
                ("started", self.started),
                ("updated", self.updated),
                ("submitted", self.submitted),
            )
        }

    def process(self) -> psutil.Process | None:
        """Return the process of the worker, or None if it is gone or not known yet."""
        if self.pid is None or self.process_created is None:
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_created) < _CREATION_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read.

    Attributes
    ----------
    id : str
        Unguessable and fit for a URL.
    folder : Path
        Where its files are.
    request : JobRequest
        What was asked.
    recipe : str
        Hash of the recipe; the id that the result has or will have.
    created : datetime
        When it was submitted, in UTC.
    status : Status
        How far it is.
    """

    id: str
    folder: Path
    request: JobRequest
    recipe: str
    created: datetime
    status: Status

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
        """Whether it waits, works or is about to stop."""
        return self.state in ACTIVE_STATES


def create_job(workspace: Workspace, request: JobRequest, recipe: str, status: Status) -> Job:
    """Write a new job to disk; starts nothing."""
    folder = workspace.jobs_folder / secrets.token_hex(_ID_BYTES)
    folder.mkdir(parents=True)
    write_status(folder, status)
    # Last, because a folder without it is no job yet.
    created = datetime.now(UTC)
    write_json(
        folder / "request.json",
        {
            "kind": request.kind,
            "tomogram": request.tomogram,
            "params": dict(request.params),
            "recipe": recipe,
            "created": created.isoformat(),
        },
    )
    return Job(folder.name, folder, request, recipe, created, status)


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
    jobs = [job for job in found if job is not None and tomogram_id in (None, job.request.tomogram)]
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
        request = JobRequest(
            kind=content["kind"], tomogram=content["tomogram"], params=content["params"]
        )
        created = datetime.fromisoformat(content["created"])
        return Job(
            folder.name, folder, request, content["recipe"], created, _status_now(folder, created)
        )
    except (KeyError, TypeError, ValueError):
        return None


def announce_process(folder: Path, pid: int) -> None:
    """Note the process that was started for the job in `folder`."""
    with suppress(psutil.NoSuchProcess):
        created = psutil.Process(pid).create_time()
        write_json(folder / "process.json", {"pid": pid, "created": created})


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


def _status_now(folder: Path, created: datetime) -> Status:
    status = load_status(folder)
    if status.state not in ACTIVE_STATES:
        return status
    # Until the worker tells its process itself, the one counts that was started.
    known = read_json(folder / "process.json") if status.pid is None else None
    owner = replace(status, pid=known["pid"], process_created=known["created"]) if known else status
    waited = datetime.now(UTC) - (status.submitted or created)
    starting = owner.pid is None and waited < _START_LIMIT
    if not starting and owner.process() is None:
        # Read again: the worker may have written its last word and gone since the first reading.
        status = load_status(folder)
        if status.state not in ACTIVE_STATES:
            return status
        return replace(status, state="cancelled" if cancel_requested(folder) else "interrupted")
    return replace(status, state="cancelling") if cancel_requested(folder) else status


def load_status(folder: Path) -> Status:
    """Return the status as it is in the file, whether or not the process is still there."""
    return Status.from_json(read_json(folder / "status.json") or {})
