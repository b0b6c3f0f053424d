"""The progress of a job, told through its status file."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepsxt_core.errors import CancelledError
from deepsxt_core.jobs.outlook import Outlook, UsualStages
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
        self._outlook = Outlook(time.monotonic())
        self._status = Status(
            stage="Waiting",
            pid=os.getpid(),
            process_mark=process_mark(os.getpid()),
            submitted=load_status(folder).submitted,
        )
        self._write()

    def begin(self, usual: UsualStages = ()) -> None:
        """Say that the wait is over and the work begins, in stages that are `usual` for it."""
        self.check()
        self._outlook = Outlook(time.monotonic(), usual)
        self._status = replace(
            self._status, state="running", stage="Starting", started=datetime.now(UTC)
        )
        self._write()

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """Begin a stage."""
        self.check()
        self._outlook.stage(name, total, unit, done, time.monotonic())
        self._status = replace(self._status, stage=name, unit=unit, total=total)
        self._write()

    def advance(self, n: int = 1) -> None:
        """Count `n` more units of the stage."""
        self.check()
        now = time.monotonic()
        self._outlook.advance(n, now)
        if now - self._written >= _WRITE_INTERVAL_S or self._outlook.done >= self._status.total:
            self._write()

    def ahead(self, *, times: float = 0.0, seconds: float = 0.0) -> None:
        """Take in what follows the stage; told with the next advance."""
        self._outlook.ahead(times, seconds, time.monotonic())

    def part(self, number: int, sizes: Sequence[float]) -> None:
        """Begin a part."""
        self.check()
        self._outlook.part(number, sizes, time.monotonic())

    def check(self) -> None:
        """Raise `CancelledError` if the user asked the job to stop."""
        if cancel_requested(self._folder):
            raise CancelledError("The job was cancelled.")

    def finish(self, **outcome: Any) -> None:
        """Write the last status: its `state`, and `error` or `result`."""
        self._write(remaining_s=None, **outcome)

    def _write(self, **told: Any) -> None:
        now = {
            "done": self._outlook.done,
            "seconds_per_unit": self._outlook.pace,
            "remaining_s": self._outlook.remaining_s,
            "share": self._outlook.share,
            "updated": datetime.now(UTC),
            "peak_memory_bytes": peak_memory_bytes(),
        }
        self._status = replace(self._status, **now | told)
        write_status(self._folder, self._status)
        self._written = time.monotonic()
