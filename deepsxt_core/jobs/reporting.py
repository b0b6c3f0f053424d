"""The progress of a job, told through its status file."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepsxt_core.errors import CancelledError
from deepsxt_core.jobs.processes import process_mark
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import cancel_requested, load_status, write_status
from deepsxt_core.workflow.preflight import peak_memory_bytes

_WRITE_INTERVAL_S = 0.2


class JobProgress:
    """Writes the status of the job that this process works on, and hears when it shall stop.

    Parameters
    ----------
    folder : Path
        Of the job.

    Raises
    ------
    CancelledError
        By `stage`, `advance` and `check`, once the user asked the job to stop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0.0
        self._first: tuple[float, int] | None = None
        self._status = Status(
            stage="Waiting",
            pid=os.getpid(),
            process_mark=process_mark(os.getpid()),
            submitted=load_status(folder).submitted,
        )
        self._write()

    def begin(self) -> None:
        """Say that the wait is over and the work begins."""
        self.check()
        self._status = replace(
            self._status, state="running", stage="Starting", started=datetime.now(UTC)
        )
        self._write()

    def stage(self, name: str, total: int, unit: str) -> None:
        """Begin a stage."""
        self.check()
        self._first = None
        self._status = replace(
            self._status,
            stage=name,
            unit=unit,
            done=0,
            total=total,
            seconds_per_unit=None,
            remaining_s=None,
        )
        self._write()

    def advance(self, n: int = 1) -> None:
        """Count `n` more units of the stage."""
        self.check()
        now = time.monotonic()
        done = self._status.done + n
        self._status = replace(self._status, done=done)
        if self._first is None:
            # The first unit carries the compilation; a pace counted from its end is truer.
            self._first = now, done
        else:
            begun, before = self._first
            pace = (now - begun) / (done - before) if done > before else None
            left = max(self._status.total - done, 0)
            self._status = replace(
                self._status,
                seconds_per_unit=pace,
                remaining_s=None if pace is None else pace * left,
            )
        if now - self._written >= _WRITE_INTERVAL_S or done >= self._status.total:
            self._write()

    def check(self) -> None:
        """Raise `CancelledError` if the user asked the job to stop."""
        if cancel_requested(self._folder):
            raise CancelledError("The job was cancelled.")

    def finish(self, **outcome: Any) -> None:
        """Write the last status: its `state`, and `error` or `result`."""
        self._status = replace(self._status, remaining_s=None, **outcome)
        self._write()

    def _write(self) -> None:
        self._status = replace(
            self._status,
            updated=datetime.now(UTC),
            peak_memory_bytes=peak_memory_bytes(),
        )
        write_status(self._folder, self._status)
        self._written = time.monotonic()
