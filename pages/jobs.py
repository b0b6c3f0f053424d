"""All long work: what runs, what waits, what has ended and how."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core import jobs
from deepsxt_core.files import read_json
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.results import RUN_NAME
from shared import films, job_blocks, notices, opening, snapshot, texts, widgets

_REFRESH_S = 1.0
_SHOWN = 20
# Where the fruit of a job without a tomogram is seen.
_FRUIT = {"install": "models.py", "train": "train.py", "batch": "batch.py"}
# Their result is all that is needed to open it.
_NAMED_BY_RESULT = ("segment", "reconstruct")
_BADGES = {
    "queued": ("schedule", "gray"),
    "running": ("play_circle", "blue"),
    "cancelling": ("stop_circle", "orange"),
    "cancelled": ("cancel", "gray"),
    "failed": ("error", "red"),
    "interrupted": ("power_off", "orange"),
    "done": ("check_circle", "green"),
}


def job_card(job: jobs.Job) -> None:
    """Show one job and what can be done with it."""
    status = job.status
    icon, colour = _BADGES[job.state]
    with st.container(border=True, gap="small", key=f"job_{job.id}"):
        row = st.container(horizontal=True, vertical_alignment="center")
        with row.container(width="stretch", gap="xsmall", key=f"job_text_{job.id}"):
            kind, subject = jobs.title(Workspace(), job)
            name = texts.escaped(texts.shortened(subject, 50))
            label = job_blocks.STATES[job.state] if job.state != "queued" else "Waiting"
            st.markdown(f"**{kind}** of **{name}** :{colour}-badge[:material/{icon}: {label}]")
            st.caption(" · ".join(facts(job)))
        with row.container(horizontal=True, width="content"):
            actions(job)
        if job.active:
            job_blocks.progress_bar(status)
        if job.state == "failed":
            st.error(texts.escaped(status.error or "The job failed."), icon=":material/error:")
        elif job.state == "interrupted":
            st.caption("Its process ended without a word; what it had finished is kept.")
        notices.unreadable_request(job)


def facts(job: jobs.Job) -> list[str]:
    """Return the numbers of a job, as far as they are known."""
    status = job.status
    by = f" by {texts.escaped(job.author)}" if job.author else ""
    parts = [f"submitted {texts.ago_text(job.created)}{by}"]
    if status.started and status.updated and not job.active:
        parts.append(
            f"worked {texts.duration_text((status.updated - status.started).total_seconds())}"
        )
    if status.units_per_s is not None and status.unit not in ("", "second") and status.total > 1:
        parts.append(texts.pace_text(status.units_per_s, status.unit))
    if status.started and status.peak_memory_bytes:
        parts.append(f"{texts.size_text(status.peak_memory_bytes)} of memory at most")
    kept = "" if job.active or job.state == "done" else jobs.kept_note(Workspace(), job)
    if kept:
        parts.append(f"{kept} kept")
    return parts


def actions(job: jobs.Job) -> None:
    """Offer what fits the state of a job."""
    with st.popover("Log", icon=":material/terminal:", key=f"log_{job.id}"):
        st.code(jobs.job_log(job) or "It has printed nothing.", language=None, height=300)
    if job.active:
        job_blocks.cancel_button(job, scope="app")
    elif job.state == "done" and job.kind == "film":
        film_link(job)
    elif job.state == "done" and (
        job.kind in _NAMED_BY_RESULT or not isinstance(job.request, jobs.UnreadableRequest)
    ):
        if st.button("Open result", icon=":material/arrow_forward:", key=f"open_{job.id}"):
            open_result(job)
    elif jobs.can_resume(Workspace(), job):
        job_blocks.resume_button(job)


def film_link(job: jobs.Job) -> None:
    """Offer the film that a job has made."""
    with widgets.errors_shown():
        tomogram = Workspace().tomogram(job.tomogram or "")
        made = [tomogram.result("films", job.result_id)]
        films.links(tomogram, made, key=f"film_{job.id}")


def open_result(job: jobs.Job) -> None:
    """Go to the page that shows what a job made."""
    if job.tomogram is None:
        st.switch_page(
            _FRUIT[job.kind],
            query_params={"training": job.id} if job.kind == "train" else None,
        )
    tomogram = Workspace().tomogram(job.tomogram)
    if job.kind == "segment":
        opening.score(tomogram, job.result_id)
    match job.request:
        case jobs.AnnotateRequest():
            folder = jobs.job_folder(Workspace(), job)
            record = read_json(folder / RUN_NAME) if folder else None
            opening.annotation(tomogram, (record or {}).get("annotation"))
        case jobs.ProposeRequest(annotation=annotation_id):
            opening.annotation(tomogram, annotation_id)
        case jobs.EvaluateRequest(score=score_id, annotation=version):
            opening.evaluation(tomogram, score_id, None if version is None else version.id)
        case jobs.MeasureRequest(surface=surface_id):
            opening.surface(tomogram, surface_id, "measure.py")
        case jobs.BundleRequest(surface=surface_id) | jobs.ReportRequest(surface=surface_id):
            opening.surface(tomogram, surface_id, "export.py")
        case _:
            opening.surface(tomogram, job.result_id)


def job_list() -> None:
    """Show all jobs: those at work in the order of the queue, then the others, newest first."""
    known = snapshot.known_jobs()
    at_work = [job for job in reversed(known) if job.active]
    found = at_work + [job for job in known if not job.active]
    for job in found[:_SHOWN]:
        with widgets.errors_shown():
            job_card(job)
    if len(found) > _SHOWN:
        st.caption(f"and {len(found) - _SHOWN} older ones")


@st.fragment(run_every=_REFRESH_S)
def live_list() -> None:
    """Show the jobs while something works; the page is then drawn anew."""
    if not any(job.active for job in snapshot.known_jobs()):
        st.rerun(scope="app")
    job_list()


def clean_button(row: DeltaGenerator) -> None:
    """Offer to forget what has ended."""
    if row.button(
        "Clean up",
        icon=":material/cleaning_services:",
        help="Forget jobs that have ended. Results stay, and so do jobs whose finished slices "
        "wait for a resume. Tomograms that were deleted 14 days ago or earlier go for good.",
    ):
        with widgets.errors_shown():
            jobs.clean(Workspace())
            st.rerun()


row = widgets.header("Jobs", "Long work goes on when this page, the browser or the app is closed.")
found = snapshot.known_jobs()
if not found:
    widgets.empty(
        "No jobs yet",
        "Segmentations and surfaces run as jobs. They appear here while they work and after.",
        ":material/work_history:",
        ("open.py", "Open a tomogram"),
    )
if not all(job.active for job in found):
    clean_button(row)
if any(job.active for job in found):
    live_list()
else:
    job_list()
