"""What a run of a page reads of the workspace: each job, result and header once.

The frame takes a snapshot at the beginning of a run and drops it at the end. A fragment that runs
alone afterwards, such as one that shows how far a job is, reads what is there now.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from deepsxt_core import jobs
from deepsxt_core.geometry import Region
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, ResultKind, Tomogram, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.annotations import annotations as kept_annotations


@dataclass(slots=True)
class _Snapshot:
    known_jobs: list[jobs.Job] | None = None
    results: dict[Any, list[Result]] = field(default_factory=dict)
    volumes: dict[Any, Volume] = field(default_factory=dict)
    annotations: dict[str, list[KeptAnnotation]] = field(default_factory=dict)


# Each session runs in a thread of its own.
_taken: ContextVar[_Snapshot | None] = ContextVar("snapshot", default=None)


@contextmanager
def taken() -> Iterator[None]:
    """Keep what is read until the run of the page has ended."""
    token = _taken.set(_Snapshot())
    try:
        yield
    finally:
        _taken.reset(token)


def _now() -> _Snapshot:
    return _taken.get() or _Snapshot()


def known_jobs(tomogram: Tomogram | None = None) -> list[jobs.Job]:
    """Return the jobs, of one tomogram or all, newest first."""
    now = _now()
    if now.known_jobs is None:
        now.known_jobs = jobs.list_jobs(Workspace())
    if tomogram is None:
        return now.known_jobs
    return [job for job in now.known_jobs if job.tomogram == tomogram.id]


def job(job_id: str) -> jobs.Job:
    """Return a job.

    Raises
    ------
    JobError
        If the id is malformed or unknown.
    """
    known = (one for one in _now().known_jobs or () if one.id == job_id)
    return next(known, None) or jobs.read_job(Workspace(), job_id)


def results(tomogram: Tomogram, kind: ResultKind) -> list[Result]:
    """Return the results of one kind that can be read, newest first."""
    known, key = _now().results, (tomogram.id, kind)
    if key not in known:
        known[key] = tomogram.readable_results(kind)
    return known[key]


def annotations(tomogram: Tomogram) -> list[KeptAnnotation]:
    """Return the annotations of a tomogram, newest first."""
    known = _now().annotations
    if tomogram.id not in known:
        known[tomogram.id] = kept_annotations(tomogram)
    return known[tomogram.id]


def volume(tomogram: Tomogram, region: Region | None = None) -> Volume:
    """Return the tomogram, or a part of it, as `Tomogram.volume` does.

    Raises
    ------
    VolumeError
        If the file is gone or cannot be read.
    InvalidParameterError
        If the region does not lie in the tomogram.
    """
    known, key = _now().volumes, (tomogram, region)
    if key not in known:
        known[key] = tomogram.volume(region)
    return known[key]
