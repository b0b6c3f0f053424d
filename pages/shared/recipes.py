"""The recipe of a batch: from where its choices come, and what it does, in words."""

from dataclasses import replace

import streamlit as st

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.recipe_words import has_range, in_words, without_range
from deepsxt_core.workspace import Tomogram, Workspace
from shared import snapshot, texts, widgets

_DEFAULTS, _RESULT, _FILE = "Defaults", "From a result", "From a file"


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


def take_from(tomogram: Tomogram, result_id: str) -> None:
    """Open the page *Batch* with the recipe of a score or a surface."""
    st.session_state["recipe_source"] = _RESULT
    st.session_state["recipe_tomogram"] = tomogram.id
    st.session_state[f"recipe_result_{tomogram.id}"] = result_id
    st.switch_page("batch.py")


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
        params = offered[result_id].params(ReconstructParams)
        threshold = texts.thresholds(params.threshold, params.low)
        return f"Surface · threshold {threshold} · {label}"

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
