"""Delete a tomogram: only while nothing works on it."""

from deepsxt_core.errors import JobError
from deepsxt_core.jobs.facts import title
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
