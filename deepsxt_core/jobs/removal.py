"""Delete a tomogram, only while nothing works on it; forget jobs that have ended."""

import shutil
from datetime import UTC, datetime, timedelta

from deepsxt_core import access
from deepsxt_core.errors import JobError
from deepsxt_core.files import delete_folder
from deepsxt_core.jobs.facts import can_be_continued, job_folder, task_of, title
from deepsxt_core.jobs.requests import BatchRequest
from deepsxt_core.jobs.runner import queue_lock
from deepsxt_core.jobs.store import Job, list_jobs
from deepsxt_core.workspace import Workspace, trash
from deepsxt_core.workspace.annotations import annotations, require_unedited
from deepsxt_core.workspace.trash import Deleted


def discard_tomogram(workspace: Workspace, tomogram_id: str) -> Deleted:
    """Move a tomogram with all that was made of it into the trash.

    Raises
    ------
    JobError
        If a job of it waits or works.
    LeaseError
        If somebody edits one of its annotations.
    DeepSXTError
        If the id is malformed or unknown.
    """
    tomogram = workspace.tomogram(tomogram_id)
    with queue_lock(workspace):
        for job in list_jobs(workspace):
            if job.active and _works_on(job, tomogram_id):
                kind, _ = title(workspace, job)
                raise JobError(
                    f"'{tomogram.name}' is being worked on ({kind}). Wait until that has ended, "
                    "or cancel it on the page Jobs, then delete the tomogram."
                )
        for kept in annotations(tomogram):
            require_unedited(kept)
        return trash.discard(workspace, tomogram)


def _works_on(job: Job, tomogram_id: str) -> bool:
    in_batch = isinstance(job.request, BatchRequest) and tomogram_id in job.request.tomograms
    return job.tomogram == tomogram_id or in_batch


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
    access.require_write()
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
