"""Put jobs into the queue, start them when their turn comes, and stop them.

A job that waits is a folder and no process. `start_waiting` starts as many as there are slots of
their device; it is called by whoever submits, by each worker that ends, by whoever waits for the
process that it started, by the server from time to time (`keep_queue_going`) and by the command
line. So the queue goes on whichever of these is killed.
"""

import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from filelock import FileLock

from deepsxt_core.child_process import child_environment
from deepsxt_core.errors import DeepSXTError, JobError
from deepsxt_core.files import delete_folder
from deepsxt_core.jobs.facts import can_be_continued, job_folder, result_folder, task_of
from deepsxt_core.jobs.request_files import UnreadableRequest
from deepsxt_core.jobs.requests import JobRequest
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import (
    Job,
    announce_process,
    create_job,
    list_jobs,
    read_job,
    request_cancel,
    requeue,
    write_status,
)
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.workflow.producing import is_finished, take_over
from deepsxt_core.workspace import Workspace, recipe_hash, trash

WORKER = (sys.executable, "-X", "faulthandler", "-m", "deepsxt_core.jobs.worker")
"""The command of a worker; the folder of its job is its argument."""

_LOOK_S = 5.0
"""How often the server looks whether a job waits for a slot that nobody fills."""

_log = logging.getLogger(__name__)


def submit(workspace: Workspace, request: JobRequest, *, tomogram: str | None = None) -> Job:
    """Queue what is asked, unless it is at work or finished already.

    Parameters
    ----------
    workspace : Workspace
    request : JobRequest
    tomogram : str, optional
        Id of the tomogram, for steps that make a result of one.

    Returns
    -------
    Job
        A new job; or the one that is at work on the same result; or, where the result exists,
        a job that is done.

    Raises
    ------
    DeepSXTError
        If the tomogram, the model or the score is unknown, a parameter does not fit the tomogram,
        disk or memory will not do, or the process cannot be started.
    """
    task = TASKS[request.kind]
    subject = task.subject(workspace, tomogram)
    result_id = recipe_hash(task.identity(subject, request))
    final = result_folder(task, subject, result_id)
    workspace.jobs_folder.mkdir(parents=True, exist_ok=True)
    # Two tabs may ask at once; the second must find the job of the first.
    with queue_lock(workspace):
        same = [job for job in list_jobs(workspace, tomogram) if job.result_id == result_id]
        at_work = next((job for job in same if job.state in ("queued", "running")), None)
        if at_work is not None:
            return at_work
        if final is not None and is_finished(final):
            done = (job for job in same if job.state == "done")
            return next(done, None) or create_job(
                workspace, request, result_id, Status(state="done", result=result_id), tomogram
            )
        if task.check is not None:
            task.check(subject, request)
        idle = not any(job.active for job in same)
        job = create_job(workspace, request, result_id, Status(), tomogram)
        if idle and final is not None:
            take_over(final, job.id)
    start_waiting(workspace)
    return job


def resume(workspace: Workspace, job_id: str) -> Job:
    """Go on with a job that was interrupted, failed or was cancelled: finished slabs are kept.

    Returns
    -------
    Job
        The job, queued; as it is if it is active or done; or the active one with the same result.

    Raises
    ------
    JobError
        If there is no such job, its request cannot be read, or its process cannot be started.
    DeepSXTError
        If the tomogram is gone.
    """
    with queue_lock(workspace):
        job = read_job(workspace, job_id)
        if isinstance(job.request, UnreadableRequest):
            raise JobError(f"The job cannot be resumed: {job.request.problem}")
        TASKS[job.request.kind].subject(workspace, job.tomogram)
        if job.active or job.state == "done":
            return job
        for other in list_jobs(workspace, job.tomogram):
            if other.result_id == job.result_id and other.active:
                return other
        requeue(job.folder)
    start_waiting(workspace)
    return read_job(workspace, job.id)


def start_waiting(workspace: Workspace) -> None:
    """Start the jobs whose turn it is: of each device as many as it has free slots.

    Raises
    ------
    JobError
        If a process cannot be started; its job is then marked as failed.
    """
    if not workspace.jobs_folder.is_dir():
        return
    with queue_lock(workspace):
        jobs = [job for job in list_jobs(workspace) if job.active and job.kind in TASKS]
        taken: dict[str, int] = {}
        for job in jobs:
            if not job.is_waiting:
                device = task_of(job).device
                taken[device.name] = taken.get(device.name, 0) + 1
        for job in sorted(jobs, key=lambda job: job.ticket):
            device = task_of(job).device
            readable = not isinstance(job.request, UnreadableRequest)
            if job.is_waiting and readable and taken.get(device.name, 0) < device.slots:
                taken[device.name] = taken.get(device.name, 0) + 1
                start(job.folder, WORKER)


def keep_queue_going(workspace: Workspace, stop: threading.Event | None = None) -> threading.Thread:
    """Look from time to time, in a thread of its own, whether a job waits for a free slot."""
    stop = stop or threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_S):
            try:
                start_waiting(workspace)
            except (DeepSXTError, OSError):
                _log.exception("A waiting job was not started")

    thread = threading.Thread(target=look, name="deepsxt-queue", daemon=True)
    thread.start()
    return thread


def queue_lock(workspace: Workspace) -> FileLock:
    """Return the lock that is held while the queue changes."""
    workspace.jobs_folder.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.jobs_folder / "submit.lock")


def clean(
    workspace: Workspace, *, kept_slabs: bool = False, older_than: timedelta = timedelta()
) -> list[Job]:
    """Forget jobs that have ended and delete what they left unfinished; results stay.

    What has been in the trash for its time is deleted for good.

    Parameters
    ----------
    kept_slabs : bool
        Whether to forget those too whose finished slabs wait for a resume.
    older_than : timedelta
        How long ago a job must have given its last sign of life.

    Returns
    -------
    list of Job
        Those that are forgotten.
    """
    forgotten = []
    trash.empty(workspace)
    with queue_lock(workspace):
        for job in list_jobs(workspace):
            work = job_folder(workspace, job)
            waits = (
                job.state != "done" and work is not None and can_be_continued(work, task_of(job))
            )
            recent = datetime.now(UTC) - (job.status.updated or job.created) < older_than
            if job.active or recent or (waits and not kept_slabs):
                continue
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)
            delete_folder(job.folder)
            forgotten.append(job)
    return forgotten


def start(folder: Path, command: Sequence[str]) -> subprocess.Popen:
    """Run ``command folder`` as a process that outlives this one; its output goes to the log.

    Raises
    ------
    JobError
        If the process cannot be started; the job is then marked as failed.
    """
    try:
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment() | {"PYTHONUNBUFFERED": "1"},
                # Neither Ctrl-C in the app's terminal nor closing it shall end the job.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
    except OSError as error:
        message = (
            f"The job could not be started ({error.strerror}). Free some memory and try again."
        )
        write_status(folder, Status(state="failed", error=message))
        raise JobError(message) from error
    announce_process(folder, process.pid)
    # Somebody must wait for a child, or it stays in the process table as long as the app runs.
    threading.Thread(target=_wait, args=(process, folder), daemon=True).start()
    return process


def _wait(process: subprocess.Popen, folder: Path) -> None:
    """Wait for a worker and start the next job: it may have been killed, and starts none then."""
    process.wait()
    # The workspace may be gone by then.
    with suppress(DeepSXTError, OSError):
        if folder.is_dir():
            start_waiting(Workspace(folder.parent.parent))


def cancel(workspace: Workspace, job_id: str) -> Job:
    """Ask a job to stop: at the next unit of work, or at once where the system allows it.

    A job that has ended stays as it is. One that does not react, because it sits in a long
    computation, can be ended with `terminate`.

    Raises
    ------
    JobError
        If there is no such job.
    """
    job = _withdrawn(workspace, job_id)
    if job.active:
        request_cancel(job.folder)
        process = job.status.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
    return read_job(workspace, job_id)


def _withdrawn(workspace: Workspace, job_id: str) -> Job:
    """Cancel a job if it has no process yet, and return it."""
    job = read_job(workspace, job_id)
    if job.is_waiting:
        with queue_lock(workspace):
            job = read_job(workspace, job_id)
            if job.is_waiting:
                write_status(job.folder, replace(job.status, state="cancelled"))
                return read_job(workspace, job_id)
    return job


def terminate(workspace: Workspace, job_id: str, timeout_s: float = 5.0) -> Job:
    """End a job's process without asking it; the job is then cancelled.

    Raises
    ------
    JobError
        If there is no such job, or its process is still there after `timeout_s`.
    """
    job = _withdrawn(workspace, job_id)
    if job.active:
        request_cancel(job.folder)
        process = job.status.process()
        if process is not None:
            try:
                process.kill()
                process.wait(timeout_s)
            except psutil.NoSuchProcess:
                pass
            except psutil.TimeoutExpired as error:
                raise JobError(
                    f"The process {job.status.pid} of the job did not end within {timeout_s} s. "
                    "Wait a little and try again, or end it with the system's own tools."
                ) from error
    return read_job(workspace, job_id)
