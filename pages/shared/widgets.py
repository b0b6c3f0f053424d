"""Blocks that several pages draw alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import disk_problem
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import seen_labels
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Result, Tomogram, Workspace
from shared import snapshot, state, texts

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


def base_address() -> str:
    """Return the path under which the app is served, with a slash at both ends."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}/" if base else "/"


def header(title: str, subtitle: str) -> DeltaGenerator:
    """Draw the head of a page; return the row, to which buttons may be added at its end."""
    row = st.container(horizontal=True, vertical_alignment="bottom", key="header")
    with row.container(width="stretch", gap="xsmall"):
        shown = texts.escaped(texts.shortened(title, 60))
        st.title(shown, anchor=False, help=None if len(title) <= 60 else texts.escaped(title))
        st.caption(texts.escaped(subtitle))
    return row


def split(left: float, right: float, key: str = "split") -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return two columns, which stand below each other where the window is narrow.

    A second pair on the same page needs a `key` of its own, which begins with ``split``.
    """
    first, second = st.container(key=key).columns([left, right], gap="medium")
    return first, second


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an expected error where it happened; any other one keeps its traceback."""
    try:
        yield
    except DeepSXTError as error:
        st.error(texts.escaped(str(error)), icon=":material/error:")
    except OSError as error:
        problem = disk_problem(error)
        if problem is None:
            raise
        st.error(f"The server cannot write: {problem}", icon=":material/hard_disk:")


def required_tomogram() -> Tomogram:
    """Return the tomogram that is open, or say what to do and end the page."""
    tomogram = state.tomogram()
    if tomogram is None:
        empty(
            "No tomogram is open",
            "Open one of your own, or take the simulated sample for a first walk.",
            ":material/folder_open:",
            ("open.py", "Open a tomogram"),
        )
    return tomogram


def required_score(tomogram: Tomogram) -> Result:
    """Return the score that is shown, or say what to do and end the page."""
    result = state.score_result(tomogram)
    if result is None:
        empty(
            "Nothing is segmented yet",
            "The surface is made from the result of a segmentation. It takes a minute or two.",
            ":material/network_intelligence:",
            ("segment.py", "Segment this tomogram"),
        )
    return result


@st.cache_data(
    max_entries=32,
    show_spinner=False,
    hash_funcs={Volume: lambda each: (each.path, each.dataset, each.path.stat().st_mtime_ns)},
)
def labels_seen(volume: Volume) -> set[float]:
    """Return some of the labels that a volume holds, none where it holds grey values."""
    return seen_labels(volume)


def required_source(tomogram: Tomogram) -> Result | None:
    """Return the score to make surfaces from, or None for the labels that the file holds.

    Where there is neither, say what to do and end the page.
    """
    if labels_seen(snapshot.volume(tomogram)):
        return None if state.takes_labels() else state.score_result(tomogram)
    return required_score(tomogram)


def source_chooser(tomogram: Tomogram, chosen: Result | None) -> Result | None:
    """Let the user choose among several results, and labels if the file holds them."""
    if chosen is not None and not labels_seen(snapshot.volume(tomogram)):
        return score_chooser(tomogram, chosen)
    by_id = {result.id: result for result in snapshot.results(tomogram, "scores")}
    if not by_id:
        return None
    names = {state.LABELS: "Labels of the file"}
    names |= {each: score_label(result) for each, result in by_id.items()}
    help = "The file holds labels, and was segmented nonetheless."
    picked = _score_choice("Made from", names, chosen.id if chosen else state.LABELS, help)
    return by_id.get(picked)


def empty(title: str, text: str, icon: str, link: tuple[str, str]) -> NoReturn:
    """Say that there is nothing to show yet and where to go, and end the page."""
    with st.container(border=True, horizontal_alignment="center", gap="small", key="empty"):
        st.markdown(f"# {icon}", text_alignment="center")
        st.markdown(f"**{title}**", text_alignment="center")
        st.caption(text, text_alignment="center")
        if st.button(link[1], type="primary", icon=":material/arrow_forward:"):
            st.switch_page(link[0])
    st.stop()


def score_chooser(tomogram: Tomogram, chosen: Result) -> Result:
    """Let the user choose among several results; return the choice."""
    results = snapshot.results(tomogram, "scores")
    if len(results) == 1:
        return chosen
    by_id = {result.id: result for result in results}
    names = {result_id: score_label(result) for result_id, result in by_id.items()}
    help = "Each combination of model and settings is kept as a result of its own."
    return by_id[_score_choice("Result", names, chosen.id, help)]


def _score_choice(label: str, names: dict[str, str], chosen_id: str, help: str) -> str:
    """Let the user choose among scores by their names; return the id of the choice."""

    # A box whose default is the choice of the last run would be another box in each run, and lose
    # every second choice.
    def choose() -> None:
        state.choose_score(st.session_state["chosen_score"])

    st.session_state["chosen_score"] = chosen_id
    picked = st.selectbox(
        label,
        list(names),
        key="chosen_score",
        format_func=names.__getitem__,
        on_change=choose,
        help=help,
    )
    state.choose_score(picked)
    return picked


def score_label(result: Result) -> str:
    """Return one line that tells results apart."""
    run = result.run
    parts = [str(run["model"]["name"])]
    first, end = run["z"]
    if end - first < run["input"]["shape"][0]:
        parts.append(f"slices {first + 1} to {end}")
    if result.region.crop is not None:
        parts.append("cropped")
    if result.region.bin > 1:
        parts.append(f"{result.region.bin}× binned")
    params = result.params(SegmentParams)
    if params.rotations > 1:
        parts.append(f"{params.rotations} rotations")
    if params.tiling == "compat":
        parts.append("as published")
    if run["inverted"]:
        parts.append("inverted")
    return " · ".join(parts)


def recipe_button(score: Result, surface: Result) -> None:
    """Offer what was chosen as a recipe, for a batch."""
    recipe = Recipe.from_runs(score.run, surface.run)
    st.download_button(
        "Recipe",
        recipe.to_toml(),
        "recipe.toml",
        "application/toml",
        icon=":material/receipt_long:",
        help="Model and settings of this result, to apply them to many tomograms: "
        "`deepsxt batch FILES --recipe recipe.toml --out DIR`",
    )


def active_job(tomogram: Tomogram, kind: str) -> jobs.Job | None:
    """Return the job of one kind that is at work on a tomogram, or None."""
    found = snapshot.known_jobs(tomogram)
    return next((job for job in found if job.kind == kind and job.active), None)


def last_job(tomogram: Tomogram, kind: str) -> jobs.Job | None:
    """Return the latest job of one kind on a tomogram, or None."""
    found = snapshot.known_jobs(tomogram)
    return next((job for job in found if job.kind == kind), None)


@st.fragment(run_every=_REFRESH_S)
@errors_shown()
def job_progress(job_id: str) -> None:
    """Show how far a job is, until it ends; the page is then drawn anew."""
    job = snapshot.job(job_id)
    if not job.active:
        if job.state == "cancelled":
            st.toast("The job was cancelled.", icon=":material/cancel:")
        st.rerun(scope="app")
    status = job.status
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="job"):
        st.progress(share_done(status), text=progress_text(status))
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


def progress_text(status: jobs.Status) -> str:
    """Return what a job does now, in one line."""
    if status.state != "running" or not status.stage:
        return f"{STATES[status.state]} …"
    text = f"**{status.stage}**"
    if status.total > 1 or status.unit == "B":
        text += f" · {texts.count_text(status.done, status.total, status.unit)}"
    if status.remaining_s is not None:
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
            st.progress(share_done(job.status), text=_panel_text(job.status))
        if len(active) > _PANEL_JOBS:
            st.caption(f"and {len(active) - _PANEL_JOBS} more")


def _panel_text(status: jobs.Status) -> str:
    if status.state == "running" and status.remaining_s is not None:
        return f"about {texts.duration_text(status.remaining_s)} left"
    if status.state == "queued":
        return "waiting"
    return status.stage if status.state == "running" else STATES[status.state]


def share_done(status: jobs.Status) -> float:
    """Return how much of the stage is done, in [0, 1]."""
    return min(1.0, status.done / status.total) if status.total else 0.0


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
        with errors_shown():
            jobs.resume(Workspace(), job.id)
            st.rerun()
