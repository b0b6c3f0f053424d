"""Blocks about jobs that several pages draw alike: how far one is, how it ended, what it takes."""

from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace import Tomogram, Workspace
from shared import snapshot, texts, widgets

_REFRESH_S = 0.7
_PANEL_REFRESH_S = 2.0
_PANEL_JOBS = 3
STATES: dict[str, str] = {
    "queued": "Starting, or waiting for its turn",
    "running": "Working",
    "cancelling": "Stopping",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "interrupted": "Interrupted",
    "done": "Done",
}
"""What people read for the state of a job."""


def active_job(tomogram: Tomogram, kind: str) -> jobs.Job | None:
    """Return the job of one kind that is at work on a tomogram, or None."""
    found = snapshot.known_jobs(tomogram)
    return next((job for job in found if job.kind == kind and job.active), None)


def last_job(tomogram: Tomogram, kind: str) -> jobs.Job | None:
    """Return the latest job of one kind on a tomogram, or None."""
    found = snapshot.known_jobs(tomogram)
    return next((job for job in found if job.kind == kind), None)


@st.fragment(run_every=_REFRESH_S)
@widgets.errors_shown()
def job_progress(job_id: str) -> None:
    """Show how far a job is, until it ends; the page is then drawn anew."""
    job = snapshot.job(job_id)
    if not job.active:
        if job.state == "cancelled":
            st.toast("The job was cancelled.", icon=":material/cancel:")
        st.rerun(scope="app")
    job_line(job)


def job_line(job: jobs.Job) -> None:
    """Show how far a job at work is, in a line of a fragment."""
    status = job.status
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="job"):
        progress_bar(status)
        cancel_button(job, scope="fragment")


def cancel_button(
    job: jobs.Job, *, scope: Literal["app", "fragment"], note: str | None = None
) -> None:
    """Offer to stop a job at work; what shall be drawn anew then is `scope`."""
    if st.button(
        "Cancel",
        icon=":material/close:",
        key=f"cancel_{job.id}",
        disabled=job.state == "cancelling",
        help=note,
    ):
        jobs.cancel(Workspace(), job.id)
        st.rerun(scope=scope)


def progress_bar(status: jobs.Status) -> None:
    """Draw how much of a job is done, what it does now, and what is left."""
    now = status.carried_on(datetime.now(UTC))
    st.progress(now.share, text=_progress_text(now))


def _progress_text(status: jobs.Status) -> str:
    if status.state != "running" or not status.stage:
        return f"{STATES[status.state]} …"
    text = f"**{status.stage}**"
    if status.total > 1 or status.unit == "B":
        text += f" · {texts.count_text(status.done, status.total, status.unit)}"
    if status.remaining_s:
        text += f" · about {texts.duration_text(status.remaining_s)} left"
    return text


def estimate_line(tomogram: Tomogram, request: jobs.SegmentRequest) -> None:
    """Tell what a segmentation will take, and warn where it will not fit."""
    expected = jobs.segment_estimate(tomogram, request)
    parts = []
    if expected.seconds is not None:
        parts.append(f"about {texts.duration_text(expected.seconds)} on {expected.device}")
    if expected.memory_bytes is not None:
        parts.append(f"{texts.size_text(expected.memory_bytes)} of memory")
    free = texts.size_text(expected.free_bytes)
    parts.append(f"up to {texts.size_text(expected.disk_bytes)} of disk ({free} free)")
    text = " · ".join(parts)
    st.caption(texts.escaped(text[0].upper() + text[1:]))
    try:
        expected.require_room()
    except DeepSXTError as error:
        st.warning(texts.escaped(str(error)), icon=":material/hard_disk:")


def jobs_panel() -> None:
    """Show in a few lines what is at work; nothing where nothing is."""
    if any(job.active for job in snapshot.known_jobs()):
        _jobs_at_work()


@st.fragment(run_every=_PANEL_REFRESH_S)
def _jobs_at_work() -> None:
    active = [job for job in snapshot.known_jobs() if job.active]
    if not active:
        st.rerun(scope="app")
    with st.container(border=True, gap="xsmall", key="jobs_panel"):
        st.page_link("jobs.py", label="At work", icon=":material/work_history:")
        for job in reversed(active[-_PANEL_JOBS:]):
            _, subject = jobs.title(Workspace(), job)
            st.caption(texts.escaped(texts.shortened(subject, 30)))
            status = job.status.carried_on(datetime.now(UTC))
            st.progress(status.share, text=_panel_text(status))
        if len(active) > _PANEL_JOBS:
            st.caption(f"and {len(active) - _PANEL_JOBS} more")


def _panel_text(status: jobs.Status) -> str:
    if status.state == "running" and status.remaining_s:
        return f"about {texts.duration_text(status.remaining_s)} left"
    if status.state == "queued":
        return "waiting"
    return status.stage if status.state == "running" else STATES[status.state]


def job_ending(job: jobs.Job) -> None:
    """Say why a job came to no end of its own."""
    if job.state == "failed":
        st.error(texts.escaped(job.status.error or "The job failed."), icon=":material/error:")
        with st.expander("What the job printed", icon=":material/terminal:"):
            st.code(jobs.job_log(job) or "nothing", language=None)
    elif job.state == "interrupted":
        st.warning(
            "The job ended without a word; perhaps the computer ran out of memory or was "
            "restarted. What was finished is kept.",
            icon=":material/power_off:",
        )
    if jobs.can_resume(Workspace(), job):
        resume_button(job)


def resume_button(job: jobs.Job) -> None:
    """Offer to go on with a job that has ended before its time."""
    kept = jobs.kept_note(Workspace(), job)
    note = f"{kept} are kept." if kept else "It begins anew."
    if st.button("Resume", icon=":material/resume:", key=f"resume_{job.id}", help=note):
        with widgets.errors_shown():
            jobs.resume(Workspace(), job.id)
            st.rerun()
