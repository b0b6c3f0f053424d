"""Put jobs into the queue, start them when their turn comes, and stop them.

A job that waits is a folder and no process. `start_waiting` starts as many as there are slots of
their device; it is called by whoever submits, by each worker that ends, by whoever waits for the
process that it started, by the server from time to time (`keep_queue_going`) and by the command
line. So the queue goes on whichever of these is killed.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
from filelock import FileLock

from deepsxt_core import access
from deepsxt_core.child_process import child_environment
from deepsxt_core.errors import DeepSXTError, JobError
from deepsxt_core.jobs import sharing
from deepsxt_core.jobs.facts import result_folder
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
from deepsxt_core.room import require_quota
from deepsxt_core.workflow.producing import is_finished, take_over
from deepsxt_core.workspace import Workspace, recipe_hash

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
        disk, quota or memory will not do, or the process cannot be started; `BusyError` if too
        many of them wait already where several people share a server.
    """
    access.require_write()
    require_quota()
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
        sharing.require_turn(workspace)
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
    NotAllowedError
        If they may only look.
    """
    access.require_write()
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

    Where several people share the server, the next slot is for the workspace that has the fewest.

    Raises
    ------
    JobError
        If a process cannot be started; its job is then marked as failed.
    """
    beside = sharing.workspaces(workspace)
    if not any(each.jobs_folder.is_dir() for each in beside):
        return
    with sharing.starting_lock(workspace):
        for folder in sharing.next_turns(beside):
            queue = Workspace(folder.parent.parent)
            with queue_lock(queue):
                # It may have been cancelled meanwhile.
                if read_job(queue, folder.name).is_waiting:
                    start(folder, WORKER)


def keep_queue_going(
    workspaces: Callable[[], Sequence[Workspace]], stop: threading.Event | None = None
) -> threading.Thread:
    """Look from time to time, in a thread of its own, whether a job waits for a free slot.

    `workspaces` returns those whose queues are looked after.
    """
    stop = stop or threading.Event()

    def look() -> None:
        while not stop.wait(_LOOK_S):
            try:
                # Those that share a server are looked at together.
                for workspace in list(workspaces())[:1]:
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
                env=child_environment()
                | sharing.worker_variables(folder.parent.parent)
                | {"PYTHONUNBUFFERED": "1"},
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
    access.require_write()
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
    access.require_write()
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
