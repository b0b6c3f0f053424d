"""One recipe for many tomograms."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from deepsxt_core import jobs, settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Tomogram, Workspace, data_roots
from shared import job_blocks, notices, recipes, snapshot, texts, widgets

_REFRESH_S = 1.5
_STATES = {
    "waiting": "Waiting",
    "working": "Working",
    "done": "Done",
    "kept": "Done before",
    "failed": "Failed",
}


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
    names = []
    for tomogram in tomograms:
        with suppress(DeepSXTError):  # the batch tells it for this one tomogram
            if widgets.labels_seen(snapshot.volume(tomogram)):
                names.append(texts.escaped(texts.shortened(tomogram.name)))
    if names:
        st.warning(
            f"{', '.join(names)}: these look like labels, not like grey values. Take them out.",
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
        table(job)
        if job.state == "failed":
            st.error(texts.escaped(job.status.error or ""), icon=":material/error:")
        row = st.container(horizontal=True)
        with row:
            summary = jobs.summary_path(job)
            if summary.is_file():
                st.download_button(
                    "Table (CSV)",
                    summary.read_bytes(),
                    f"batch_{job.created:%Y-%m-%d_%H%M}.csv",
                    "text/csv",
                    icon=":material/table:",
                    key=f"table_{job.id}",
                    on_click="ignore",
                )
            if jobs.can_resume(Workspace(), job) and st.button(
                "Run again",
                icon=":material/replay:",
                key=f"again_{job.id}",
                help="Does only what is missing.",
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
    st.progress(job_blocks.share_done(job.status), text=job_blocks.progress_text(job.status))
    table(job)
    job_blocks.cancel_button(job, scope="fragment", note="What is finished is kept.")


def table(job: jobs.Job) -> None:
    """Show a line per tomogram."""
    notices.unreadable_request(job)
    names = {tomogram.id: tomogram.name for tomogram in Workspace().tomograms()}
    rows = jobs.batch_rows(job)
    st.dataframe(
        [
            {
                "Tomogram": names.get(row["tomogram"], "removed tomogram"),
                "State": _STATES[row["status"]],
                "Membrane (%)": _percent(row.get("membrane_fraction")),
                "Objects": row.get("objects"),
                "Volume (µm³)": row.get("volume_um3"),
                "Area (µm²)": row.get("area_um2"),
                "Time (s)": row.get("seconds"),
            }
            for row in rows
        ],
        hide_index=True,
        placeholder="",
        key=f"rows_{job.id}",
        column_config={
            "Membrane (%)": st.column_config.NumberColumn(format="%.2f"),
            "Objects": st.column_config.NumberColumn(),
            "Volume (µm³)": st.column_config.NumberColumn(format="%.3g"),
            "Area (µm²)": st.column_config.NumberColumn(format="%.3g"),
            "Time (s)": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    failed = [row for row in rows if row["status"] == "failed"]
    if failed:
        with st.expander(f"What failed ({len(failed)})", icon=":material/error:", expanded=True):
            for row in failed:
                name = texts.escaped(names.get(row["tomogram"], "removed tomogram"))
                st.markdown(f"**{name}**: {texts.escaped(row['error'])}")


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


widgets.header(
    "Batch",
    "One recipe for many tomograms, as one job. Its results appear with each tomogram.",
)
left, right = widgets.split(5, 6)
with left, widgets.errors_shown():
    chosen = tomogram_card()
    recipe = recipes.recipe_card()
    notices.damaged_results(Workspace().tomograms(), "scores", "surfaces")
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
with right:
    found = [job for job in snapshot.known_jobs() if job.kind == "batch"]
    for job in found[:3]:
        batch_card(job)
    if not found:
        st.caption("No batch has run yet. Choose tomograms and a recipe, and start one.")
