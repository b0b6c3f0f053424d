"""Start jobs and stop them."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from filelock import FileLock

from deepsxt_core.errors import DeepSXTError, JobError
from deepsxt_core.files import delete_folder
from deepsxt_core.jobs.places import (
    can_be_continued,
    is_complete,
    result_folder,
    take_over,
    work_folder,
)
from deepsxt_core.jobs.store import (
    Job,
    JobRequest,
    Status,
    announce_process,
    create_job,
    list_jobs,
    read_job,
    request_cancel,
    requeue,
    write_status,
)
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.jobs.tasks.segment import kept_slices as finished_slices
from deepsxt_core.workspace import Tomogram, Workspace, recipe_hash

WORKER = (sys.executable, "-X", "faulthandler", "-m", "deepsxt_core.jobs.worker")
"""The command of a worker; the folder of its job is its argument."""


def submit(workspace: Workspace, request: JobRequest) -> Job:
    """Start what is asked, unless it is at work or finished already.

    Returns
    -------
    Job
        A new job; or the one that is at work on the same recipe; or, where the result exists,
        a job that is done.

    Raises
    ------
    DeepSXTError
        If the tomogram, the model or the score is unknown, a parameter is out of its range,
        disk or memory will not do, or the process cannot be started.
    """
    task = TASKS[request.kind]
    subject = task.subject(workspace, request.tomogram)
    recipe = task.recipe(subject, request.params)
    result = recipe_hash(recipe)
    final = result_folder(task, subject, result)
    workspace.jobs_folder.mkdir(parents=True, exist_ok=True)
    # Two tabs may ask at once; the second must find the job of the first.
    with FileLock(workspace.jobs_folder / "submit.lock"):
        same = [job for job in list_jobs(workspace, request.tomogram) if job.recipe == result]
        for job in same:
            if job.state in ("queued", "running"):
                return job
        if final is not None and is_complete(final):
            done = (job for job in same if job.state == "done")
            return next(done, None) or create_job(
                workspace, request, result, Status(state="done", result=result)
            )
        if task.check is not None:
            task.check(subject, request.params)
        idle = not any(job.active for job in same)
        job = create_job(workspace, request, result, Status())
        if idle and final is not None:
            take_over(final, job.id)
    start(job.folder, WORKER)
    return job


def resume(workspace: Workspace, job_id: str) -> Job:
    """Go on with a job that was interrupted, failed or was cancelled: finished slabs are kept.

    Returns
    -------
    Job
        The job, queued; as it is if it is active or done; or the active one with the same recipe.

    Raises
    ------
    JobError
        If there is no such job, or its process cannot be started.
    DeepSXTError
        If the tomogram is gone.
    """
    with FileLock(workspace.jobs_folder / "submit.lock"):
        job = read_job(workspace, job_id)
        TASKS[job.request.kind].subject(workspace, job.request.tomogram)
        if job.active or job.state == "done":
            return job
        for other in list_jobs(workspace, job.request.tomogram):
            if other.recipe == job.recipe and other.active:
                return other
        requeue(job.folder)
    start(job.folder, WORKER)
    return read_job(workspace, job.id)


def can_resume(workspace: Workspace, job: Job) -> bool:
    """Return whether `resume` would go on with the job."""
    if job.state not in ("interrupted", "failed", "cancelled"):
        return False
    try:
        TASKS[job.request.kind].subject(workspace, job.request.tomogram)
    except DeepSXTError:
        return False
    return True


def title(workspace: Workspace, job: Job) -> tuple[str, str]:
    """Return what a job does and to what, for people, such as ("Segmentation", "cell 1.mrc")."""
    task = TASKS[job.request.kind]
    try:
        subject = task.subject(workspace, job.request.tomogram)
    except DeepSXTError:
        return task.title, "removed tomogram"
    if isinstance(subject, Tomogram):
        return task.title, subject.name
    return task.title, task.subject_name(job.request.params) if task.subject_name else ""


def clean(workspace: Workspace, *, kept_slabs: bool = False) -> list[Job]:
    """Forget jobs that have ended and delete what they left unfinished; results stay.

    Parameters
    ----------
    kept_slabs : bool
        Whether to forget those too whose finished slabs wait for a resume.

    Returns
    -------
    list of Job
        Those that are forgotten.
    """
    forgotten = []
    with FileLock(workspace.jobs_folder / "submit.lock"):
        for job in list_jobs(workspace):
            task = TASKS[job.request.kind]
            work = work_folder(workspace, job, task)
            waits = job.state != "done" and work is not None and can_be_continued(work, task)
            if job.active or (waits and not kept_slabs):
                continue
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)
            delete_folder(job.folder)
            forgotten.append(job)
    return forgotten


def kept_slices(workspace: Workspace, job: Job) -> int:
    """Return how many finished slices of a job that has ended wait for a resume."""
    work = job_folder(workspace, job)
    return finished_slices(work) if work else 0


def kept_note(workspace: Workspace, job: Job) -> str:
    """Return what is finished of a job that ended early, for people; empty if there is nothing."""
    kept, work = TASKS[job.request.kind].kept, job_folder(workspace, job)
    return "" if kept is None or work is None else kept(work)


def job_folder(workspace: Workspace, job: Job) -> Path | None:
    """Return the folder in which a job works or worked; None if its tomogram is gone."""
    return work_folder(workspace, job, TASKS[job.request.kind])


def start(folder: Path, command: Sequence[str]) -> subprocess.Popen:
    """Run ``command folder`` as a process that outlives this one; its output goes to the log.

    Raises
    ------
    JobError
        If the process cannot be started; the job is then marked as failed.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    python_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    try:
        with (folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": python_path, "PYTHONUNBUFFERED": "1"},
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
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def cancel(workspace: Workspace, job_id: str) -> Job:
    """Ask a job to stop: at the next unit of work, or at once where the system allows it.

    A job that has ended stays as it is. One that does not react, because it sits in a long
    computation, can be ended with `terminate`.

    Raises
    ------
    JobError
        If there is no such job.
    """
    job = read_job(workspace, job_id)
    if job.active:
        request_cancel(job.folder)
        process = job.status.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
    return read_job(workspace, job_id)


def terminate(workspace: Workspace, job_id: str, timeout_s: float = 5.0) -> Job:
    """End a job's process without asking it; the job is then cancelled.

    Raises
    ------
    JobError
        If there is no such job, or its process is still there after `timeout_s`.
    """
    job = read_job(workspace, job_id)
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
