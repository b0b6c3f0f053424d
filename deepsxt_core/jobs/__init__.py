"""Long work in processes of its own, which outlive the page, the browser and the app."""

from deepsxt_core.jobs.runner import (
    can_resume,
    cancel,
    clean,
    job_folder,
    kept_note,
    kept_slices,
    resume,
    submit,
    terminate,
    title,
)
from deepsxt_core.jobs.store import Job, JobRequest, Status, job_log, list_jobs, read_job
from deepsxt_core.jobs.tasks import segment_estimate
from deepsxt_core.jobs.tasks.batch import batch_rows, summary_path

__all__ = [
    "Job",
    "JobRequest",
    "Status",
    "batch_rows",
    "can_resume",
    "cancel",
    "clean",
    "job_folder",
    "job_log",
    "kept_note",
    "kept_slices",
    "list_jobs",
    "read_job",
    "resume",
    "segment_estimate",
    "submit",
    "summary_path",
    "terminate",
    "title",
]
