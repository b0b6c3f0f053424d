"""Long work in processes of its own, which outlive the page, the browser and the app."""

from deepsxt_core.jobs.annotation_requests import AnnotateRequest, ProposeRequest
from deepsxt_core.jobs.facts import can_resume, job_folder, kept_note, kept_slices, title
from deepsxt_core.jobs.film_requests import FilmRequest
from deepsxt_core.jobs.removal import clean, discard_tomogram
from deepsxt_core.jobs.request_files import UnreadableRequest
from deepsxt_core.jobs.requests import (
    BatchRequest,
    BundleRequest,
    EvaluateRequest,
    InstallRequest,
    JobRequest,
    MeasureRequest,
    ReconstructRequest,
    ReportRequest,
    SegmentRequest,
    TrainRequest,
)
from deepsxt_core.jobs.runner import (
    cancel,
    keep_queue_going,
    resume,
    start_waiting,
    submit,
    terminate,
)
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import Job, job_log, list_jobs, read_job
from deepsxt_core.jobs.tasks import segment_estimate
from deepsxt_core.jobs.tasks.batch import batch_rows, summary_path

__all__ = [
    "AnnotateRequest",
    "BatchRequest",
    "BundleRequest",
    "EvaluateRequest",
    "FilmRequest",
    "InstallRequest",
    "Job",
    "JobRequest",
    "MeasureRequest",
    "ProposeRequest",
    "ReconstructRequest",
    "ReportRequest",
    "SegmentRequest",
    "Status",
    "TrainRequest",
    "UnreadableRequest",
    "batch_rows",
    "can_resume",
    "cancel",
    "clean",
    "discard_tomogram",
    "job_folder",
    "job_log",
    "keep_queue_going",
    "kept_note",
    "kept_slices",
    "list_jobs",
    "read_job",
    "resume",
    "segment_estimate",
    "start_waiting",
    "submit",
    "summary_path",
    "terminate",
    "title",
]
