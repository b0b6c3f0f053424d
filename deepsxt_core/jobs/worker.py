"""The process of one job: ``python -m deepsxt_core.jobs.worker JOB_FOLDER``."""

import errno
import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepsxt_core.errors import CancelledError, DeepSXTError, JobError
from deepsxt_core.jobs import sharing
from deepsxt_core.jobs.facts import can_be_continued, place_of, title
from deepsxt_core.jobs.reporting import JobProgress
from deepsxt_core.jobs.request_files import UnreadableRequest
from deepsxt_core.jobs.runner import start_waiting
from deepsxt_core.jobs.store import Job, cancel_requested, read_job
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.workflow.producing import produce, work_on
from deepsxt_core.workspace import Tomogram, Workspace, recipe_hash

_LOOK_UP_S = 0.5
"""How often a waiting job looks whether it was cancelled."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RESERVE_BYTES = 2**16
"""Kept on disk while a job works, so that a full disk leaves room for the last words."""


def main(folder: Path) -> None:
    """Do the job in `folder`, unless another worker does, and start the next one."""
    try:
        with FileLock(folder / "worker.lock", timeout=0):
            run_job(folder)
    except Timeout:
        return
    except Exception:
        _start_next(folder)
        raise
    _start_next(folder)


def _start_next(folder: Path) -> None:
    with suppress(DeepSXTError):
        start_waiting(Workspace(folder.parent.parent))


def run_job(folder: Path) -> None:
    """Do the job in `folder` from the wait for its device to the last status.

    Raises
    ------
    Exception
        Whatever is a bug, after the status says that the job failed: the log keeps the traceback.
    """
    _stop_on_sigterm(folder)
    progress = JobProgress(folder)
    workspace = Workspace(folder.parent.parent)
    job = read_job(workspace, folder.name)
    # That of whoever started this process may be of another job.
    os.environ["DEEPSXT_AUTHOR"] = job.author
    reserve = folder / "reserve"
    try:
        reserve.write_bytes(bytes(_RESERVE_BYTES))
        with _turn(workspace, job, progress):
            progress.begin(TASKS[job.kind].stages if job.kind in TASKS else ())
            _produce(workspace, job, progress)
    except CancelledError:
        _finish(progress, reserve, state="cancelled")
    except DeepSXTError as error:
        _finish(progress, reserve, state="failed", error=str(error))
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _DISK_FULL
        _finish(
            progress,
            reserve,
            state="failed",
            error=f"The disk of {workspace.folder} is full. Free some space and resume the job: "
            "what is finished is kept."
            if full
            else "An unexpected error ended the job. Its log says where.",
        )
        raise
    else:
        _finish(progress, reserve, state="done", result=job.result_id)


def _finish(progress: JobProgress, reserve: Path, **outcome: Any) -> None:
    # From here on the outcome is certain; a late wish to stop must not leave it untold.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    reserve.unlink(missing_ok=True)
    progress.finish(**outcome)


def _produce(workspace: Workspace, job: Job, progress: JobProgress) -> None:
    if isinstance(job.request, UnreadableRequest):
        raise JobError(f"The job cannot be done: {job.request.problem}")
    task, request = TASKS[job.request.kind], job.request
    subject = task.subject(workspace, job.tomogram)
    identity = task.identity(subject, request)
    if recipe_hash(identity) != job.result_id:
        raise JobError(
            f"What '{title(workspace, job)[1]}' is made from (the file, its voxel size, or the "
            "model) changed after this job was submitted. Start the step again."
        )
    place = place_of(task, subject, identity, job)

    def make(out: Path) -> None:
        task.run(subject, request, out, progress)

    if isinstance(subject, Tomogram):
        produce(place, job.id, make)
    else:
        keep = partial(can_be_continued, task=task)
        work_on(place.work, identity, job.id, make, keep)


def _turn(workspace: Workspace, job: Job, progress: JobProgress) -> AbstractContextManager[object]:
    """Wait until the device has a free slot: who held it may not quite have ended."""
    device = TASKS[job.kind].device  # type: ignore[index]
    # The system frees the lock of a process that dies, however it dies.
    locks = [
        FileLock(sharing.locks_folder(workspace) / f"{device.name}-{slot}.lock")
        for slot in range(device.slots)
    ]
    while True:
        for lock in locks:
            progress.check()
            with suppress(Timeout):
                return lock.acquire(timeout=_LOOK_UP_S / len(locks))


def _stop_on_sigterm(folder: Path) -> None:
    def stop(signum: int, _frame: object) -> None:
        if cancel_requested(folder):
            raise CancelledError("The job was cancelled.")
        # The system shuts down, or somebody else ends the process: not the user's wish.
        raise SystemExit(128 + signum)

    signal.signal(signal.SIGTERM, stop)


if __name__ == "__main__":
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    main(Path(sys.argv[1]))
