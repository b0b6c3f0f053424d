"""How far a job is, as its worker writes it down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, Self

import psutil

from deepsxt_core.jobs.processes import find_process

JobState = Literal["queued", "running", "cancelling", "cancelled", "failed", "interrupted", "done"]

ACTIVE_STATES: tuple[JobState, ...] = ("queued", "running", "cancelling")
"""States in which a job waits for its turn, or a worker is at work."""

NEVER_FULL = 0.99
"""The largest share that is told of a job that has not ended."""


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
        For the rest of the job, counted from `updated`, once it can be told.
    share : float
        How much of the job is done, by time; below 1 as long as anything is left.
    error : str or None
        Why it failed, for people.
    result : str or None
        Id of the result, once done.
    pid : int or None
        Process of the worker.
    process_mark : str or None
        Tells that process from any other of the same id; see `processes.process_mark`.
    process_created : float or None
        Of earlier versions, which had no mark: when it began, in seconds since 1970.
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
    share: float = 0.0
    error: str | None = None
    result: str | None = None
    pid: int | None = None
    process_mark: str | None = None
    process_created: float | None = None
    submitted: datetime | None = None
    peak_memory_bytes: int | None = None

    @property
    def units_per_s(self) -> float | None:
        """The pace within the stage, once it can be told."""
        return 1 / self.seconds_per_unit if self.seconds_per_unit else None

    def carried_on(self, now: datetime) -> Self:
        """Return `share` and `remaining_s` as they will be at a moment if all goes as it did."""
        if self.updated is None or not self.remaining_s:
            return self
        left = max(0.0, self.remaining_s - (now - self.updated).total_seconds())
        share = 1 - (1 - self.share) * left / self.remaining_s
        return replace(self, remaining_s=left, share=min(max(self.share, NEVER_FULL), share))

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
        return find_process(self.pid, self.process_mark, self.process_created)
