"""The process of one job: ``python -m deepsxt_core.jobs.worker JOB_FOLDER``."""

import errno
import logging
import signal
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepsxt_core.errors import CancelledError, DeepSXTError, JobError
from deepsxt_core.jobs.places import WORK_NAME
from deepsxt_core.jobs.producing import produce, work_on
from deepsxt_core.jobs.reporting import JobProgress
from deepsxt_core.jobs.runner import title
from deepsxt_core.jobs.store import Job, cancel_requested, list_jobs, read_job
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.workspace import Tomogram, Workspace, recipe_hash

_LOOK_UP_S = 0.5
"""How often a waiting job looks whether it was cancelled."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RESERVE_BYTES = 2**16
"""Kept on disk while a job works, so that a full disk leaves room for the last words."""


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
    reserve = folder / "reserve"
    try:
        reserve.write_bytes(bytes(_RESERVE_BYTES))
        with _turn(workspace, job, progress):
            progress.begin()
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
        _finish(progress, reserve, state="done", result=job.recipe)


def _finish(progress: JobProgress, reserve: Path, **outcome: Any) -> None:
    # From here on the outcome is certain; a late wish to stop must not leave it untold.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    reserve.unlink(missing_ok=True)
    progress.finish(**outcome)


def _produce(workspace: Workspace, job: Job, progress: JobProgress) -> None:
    task, params = TASKS[job.request.kind], job.request.params
    subject = task.subject(workspace, job.request.tomogram)
    recipe = task.recipe(subject, params)
    if recipe_hash(recipe) != job.recipe:
        raise JobError(
            f"What '{title(workspace, job)[1]}' is made from (the file, its voxel size, or the "
            "model) changed after this job was submitted. Start the step again."
        )
    if isinstance(subject, Tomogram):
        produce(task, subject, params, recipe, job.id, progress)
    else:
        work = job.folder / WORK_NAME
        work_on(task, subject, params, recipe, job.id, work, progress)


def _turn(workspace: Workspace, job: Job, progress: JobProgress) -> AbstractContextManager[object]:
    """Wait until the device has a free slot and no job is left that was submitted earlier."""
    device = TASKS[job.request.kind].device
    # The system frees the lock of a process that dies, however it dies.
    locks = [
        FileLock(workspace.jobs_folder / f"{device.name}-{slot}.lock")
        for slot in range(device.slots)
    ]
    while True:
        for lock in locks:
            progress.check()
            try:
                held = lock.acquire(timeout=_LOOK_UP_S / len(locks))
            except Timeout:
                continue
            if not any(
                other.state == "queued"
                and other.ticket < job.ticket
                and TASKS[other.request.kind].device.name == device.name
                for other in list_jobs(workspace)
            ):
                return held
            lock.release()
            time.sleep(_LOOK_UP_S)


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
    run_job(Path(sys.argv[1]))
