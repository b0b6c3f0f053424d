"""One recipe for many tomograms."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from deepsxt_core import jobs, settings
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.recipe_words import has_range, in_words, without_range
from deepsxt_core.workspace import Tomogram, Workspace, data_roots
from shared import job_blocks, notices, snapshot, texts, widgets

_REFRESH_S = 1.5
_STATES = {
    "waiting": "Waiting",
    "working": "Working",
    "done": "Done",
    "kept": "Done before",
    "failed": "Failed",
}
_DEFAULTS, _RESULT, _FILE = "Defaults", "From a result", "From a file"


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


def recipe_card() -> Recipe | None:
    """Let the user choose what is done, and tell it; None while that is not known."""
    with st.container(border=True, key="recipe"):
        st.markdown(
            "**Recipe**",
            help="All choices from a tomogram to its files: model, segmentation, surface, export.",
        )
        source = st.segmented_control(
            "Settings",
            (_DEFAULTS, _RESULT, _FILE),
            default=_DEFAULTS,
            required=True,
            key="recipe_source",
            label_visibility="collapsed",
        )
        recipe: Recipe | None = Recipe()
        if source == _RESULT:
            recipe = _of_result()
        elif source == _FILE:
            recipe = _uploaded()
        if recipe is not None:
            if recipe.source == "network" and recipe.reconstruct is not None:
                recipe = _of_annotations(recipe)
            _told(recipe)
    return recipe


def _of_annotations(recipe: Recipe) -> Recipe:
    """Return the recipe as it is, or one that takes what people have annotated."""
    if not st.toggle(
        "From annotations, nothing is segmented",
        key="recipe_annotated",
        help="Surfaces are made of the newest annotation of each tomogram.",
    ):
        return recipe
    return replace(recipe, source="annotation", export=replace(recipe.export, mask=None))


def _told(recipe: Recipe) -> None:
    """Say what a recipe does before it is started."""
    st.markdown("\n".join(f"- {texts.escaped(line)}" for line in in_words(recipe)))
    if has_range(recipe):
        st.warning(
            "Every tomogram is cut to this part, whatever its size.", icon=":material/content_cut:"
        )
    with st.expander("As a file", icon=":material/receipt_long:"):
        st.code(recipe.to_toml(), language="toml")
        st.download_button(
            "Download",
            recipe.to_toml(),
            "recipe.toml",
            "application/toml",
            icon=":material/download:",
            on_click="ignore",
            help="Edit it in a text editor and give it back here, or to `deepsxt batch`.",
        )


def _of_result() -> Recipe | None:
    """Return the recipe of one result that the user chooses; its range only if they say so."""
    tomograms = {tomogram.id: tomogram for tomogram in Workspace().tomograms()}
    tomogram_id = st.selectbox(
        "Tomogram",
        list(tomograms),
        index=None,
        format_func=lambda each: tomograms[each].name,
        placeholder="Whose settings?",
        key="recipe_tomogram",
    )
    if tomogram_id is None:
        return None
    tomogram = tomograms[tomogram_id]
    scores = {score.id: score for score in snapshot.results(tomogram, "scores")}
    surfaces = [
        surface
        for surface in snapshot.results(tomogram, "surfaces")
        if surface.made_from in scores and "annotation" not in surface.identity
    ]
    offered = {each.id: each for each in [*surfaces, *scores.values()]}
    if not offered:
        st.caption("Nothing was segmented of it yet. Choose another one, or the defaults.")
        return None

    def name(result_id: str) -> str:
        made_from = offered[result_id].made_from or result_id
        label = widgets.score_label(scores[made_from])
        if result_id in scores:
            return f"Segmentation · {label}"
        threshold = offered[result_id].params(ReconstructParams).threshold
        return f"Surface · threshold {threshold:.2f} · {label}"

    chosen = st.selectbox(
        "Result",
        list(offered),
        index=None,
        format_func=name,
        placeholder="Which one?",
        key=f"recipe_result_{tomogram_id}",
    )
    if chosen is None:
        return None
    surface = None if chosen in scores else offered[chosen]
    score = scores[chosen if surface is None else surface.made_from or ""]
    recipe = Recipe.from_runs(score.run, surface.run if surface else None)
    if has_range(recipe) and not st.toggle(
        "Take over its slices and crop too",
        key=f"recipe_range_{chosen}",
        help="They were chosen for that tomogram. Without them all of each tomogram is taken.",
    ):
        return without_range(recipe)
    return recipe


def _uploaded() -> Recipe | None:
    file = st.file_uploader("Recipe (TOML)", type=["toml"], key="recipe_file", max_upload_size=1)
    if file is None:
        return None
    with widgets.errors_shown():
        try:
            text = file.getvalue().decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidParameterError(f"'{file.name}' is no text in UTF-8.") from None
        return Recipe.from_toml(text, f"'{file.name}'")
    return None


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
    recipe = recipe_card()
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
