"""One recipe for many tomograms."""

from collections.abc import Sequence

import streamlit as st

from deepsxt_core import jobs, settings
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Tomogram, Workspace, data_roots
from deepsxt_core.workspace.glance import holds_labels
from shared import (
    batch_preview,
    batch_table,
    job_blocks,
    notices,
    recipes,
    snapshot,
    texts,
    widgets,
)

_REFRESH_S = 1.5
_SHOWN = 3


def _choose_all(tomograms: Sequence[Tomogram]) -> None:
    """Choose all tomograms but those that hold labels."""
    st.session_state["batch_tomograms"] = [
        tomogram.id for tomogram in tomograms if not holds_labels(tomogram)
    ]


def tomogram_card() -> list[str | tuple[str, str]]:
    """Let the user choose; return ids of tomograms, and folders with names of server files."""
    with st.container(border=True, key="chosen"):
        st.markdown("**Tomograms**")
        known = {tomogram.id: tomogram for tomogram in Workspace().tomograms()}
        chosen: list[str | tuple[str, str]] = list(
            st.multiselect(
                "In the workspace",
                list(known),
                format_func=lambda each: known[each].name,
                placeholder=f"{len(known)} to choose from" if known else "none yet",
                key="batch_tomograms",
                help="Voxel size, polarity and dataset are those confirmed on the page Open.",
            )
        )
        if len(known) > 1:
            st.button(
                "Choose all",
                icon=":material/select_all:",
                key="batch_all",
                help="Files that hold labels, such as truths, are left out.",
                on_click=_choose_all,
                args=(list(known.values()),),
            )
        for root in (root for root in settings.data_roots() if root.is_dir()):
            names = data_roots.list_files(root)
            picked = st.multiselect(
                f"On this server, in {root.name}",
                names,
                placeholder=f"{len(names)} files",
                key=f"batch_{root}",
            )
            chosen += [(str(root), name) for name in picked]
        _warn_of_labels([known[each] for each in chosen if isinstance(each, str)])
    return chosen


def _warn_of_labels(tomograms: Sequence[Tomogram]) -> None:
    """Say which of the chosen files hold labels, which no network can segment."""
    names = [
        texts.escaped(texts.shortened(tomogram.name))
        for tomogram in tomograms
        if holds_labels(tomogram)
    ]
    if names:
        st.warning(
            f"{', '.join(names)}: these look like labels, not like grey values. No network "
            "can segment them.",
            icon=":material/label:",
        )


def start(chosen: Sequence[str | tuple[str, str]], recipe: Recipe) -> None:
    """Start a batch; server files become tomograms of the workspace."""
    workspace = Workspace()
    roots = {str(root): root for root in settings.data_roots()}
    tomograms = []
    for each in chosen:
        if isinstance(each, tuple):
            root, name = each
            tomogram: Tomogram = workspace.add_file(data_roots.find_file(roots[root], name))
            tomograms.append(tomogram.id)
        else:
            tomograms.append(each)
    jobs.submit(workspace, jobs.BatchRequest(tomograms=tuple(tomograms), recipe=recipe))


def batch_card(job: jobs.Job) -> None:
    """Show how far a batch is, or how it ended, and its table."""
    with st.container(border=True, key=f"batch_{job.id}"):
        _, subject = jobs.title(Workspace(), job)
        ending = "" if job.active else f" · {job_blocks.STATES[job.state]}"
        st.markdown(f"**{texts.escaped(subject)}**{ending}")
        st.caption(f"started {texts.ago_text(job.created)}")
        if job.active:
            at_work(job.id)
            return
        batch_table.table(job)
        if job.state == "failed":
            st.error(texts.escaped(job.status.error or ""), icon=":material/error:")
        failed = sum(row["status"] == "failed" for row in jobs.batch_rows(job))
        again = f"Try the {failed} failed again" if job.state == "failed" and failed else "Go on"
        row = st.container(horizontal=True)
        with row:
            summary = jobs.summary_path(job)
            if summary.is_file():
                st.download_button(
                    "Table with units (CSV)",
                    summary.read_bytes(),
                    f"batch_{job.created:%Y-%m-%d_%H%M}.csv",
                    "text/csv",
                    icon=":material/table:",
                    key=f"table_{job.id}",
                    on_click="ignore",
                )
            if jobs.can_resume(Workspace(), job) and st.button(
                again,
                icon=":material/replay:",
                key=f"again_{job.id}",
                help="Does only what is missing; what is finished stays as it is.",
            ):
                with widgets.errors_shown():
                    jobs.resume(Workspace(), job.id)
                    st.rerun()


@st.fragment(run_every=_REFRESH_S)
@widgets.errors_shown()
def at_work(job_id: str) -> None:
    """Show a batch while it works; the page is then drawn anew."""
    job = snapshot.job(job_id)
    if not job.active:
        st.rerun(scope="app")
    job_blocks.progress_bar(job.status)
    batch_table.table(job)
    job_blocks.cancel_button(job, scope="fragment", note="What is finished is kept.")


def start_card(chosen: Sequence[str | tuple[str, str]], recipe: Recipe | None) -> None:
    """Let the user try the recipe, tell what it will take, and start it."""
    if chosen and recipe is not None:
        known = {tomogram.id: tomogram for tomogram in Workspace().tomograms()}
        tomograms = [known[each] for each in chosen if isinstance(each, str)]
        pace = batch_preview.preview_card(tomograms, recipe)
        batch_preview.estimate_line(tomograms, recipe, pace)
        if len(tomograms) < len(chosen):
            st.caption(f"The {len(chosen) - len(tomograms)} files of the server come on top.")
    count = f"{len(chosen)} tomogram{'' if len(chosen) == 1 else 's'}"
    if (
        st.button(
            f"Start with {count}" if chosen else "Start",
            type="primary",
            icon=":material/bolt:",
            width="stretch",
            disabled=not chosen or recipe is None,
            key="start_batch",
        )
        and recipe is not None
    ):
        start(chosen, recipe)
        st.rerun()


widgets.header(
    "Batch",
    "One recipe for many tomograms, as one job. Its results appear with each tomogram.",
)
found = [job for job in snapshot.known_jobs() if job.kind == "batch"][:_SHOWN]
for job in found:
    if job.active:
        batch_card(job)
left, right = widgets.split(1, 1)
with left, widgets.errors_shown():
    chosen = tomogram_card()
    notices.damaged_results(Workspace().tomograms(), "scores", "surfaces")
with right, widgets.errors_shown():
    recipe = recipes.recipe_card()
    start_card(chosen, recipe)
for job in found:
    if not job.active:
        batch_card(job)
if not found:
    st.caption("No batch has run yet. Choose tomograms and a recipe, and start one.")
