"""What surfaces and comparisons are made from: a score, an annotation, or the file's own labels."""

from collections.abc import Mapping

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.geometry import Region
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Result, Tomogram, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import snapshot, state, texts, widgets

Source = Result | KeptAnnotation | None
"""A score, an annotation, or None for the labels that the file holds."""

_LONGEST = 50


def required(tomogram: Tomogram) -> Source:
    """Return what surfaces are made from, or say what to do and end the page."""
    kept = state.annotation(tomogram)
    if kept is not None:
        return kept
    if widgets.labels_seen(snapshot.volume(tomogram)):
        return None if state.takes_labels() else state.score_result(tomogram)
    score, known = state.score_result(tomogram), snapshot.annotations(tomogram)
    return known[0] if score is None and known else score or widgets.required_score(tomogram)


def compared(tomogram: Tomogram) -> Result | KeptAnnotation:
    """Return what is compared with a truth, or say what to do and end the page."""
    chosen, known = state.annotation(tomogram), snapshot.annotations(tomogram)
    score = state.score_result(tomogram)
    if chosen is None and score is None and known:
        return known[0]
    return chosen or score or widgets.required_score(tomogram)


def chooser(tomogram: Tomogram, chosen: Source) -> Source:
    """Let the user choose among results and annotations, and labels if the file holds them."""
    offered: dict[str, Source] = {each.id: each for each in _offered(tomogram)}
    if widgets.labels_seen(snapshot.volume(tomogram)):
        offered = {state.LABELS: None} | offered
    return _choice("Made from", offered, chosen)


def compared_chooser(
    tomogram: Tomogram, chosen: Result | KeptAnnotation
) -> Result | KeptAnnotation:
    """Let the user choose among results and annotations."""
    return _choice("Result", {each.id: each for each in _offered(tomogram)}, chosen) or chosen


def _offered(tomogram: Tomogram) -> list[Result | KeptAnnotation]:
    return [*snapshot.results(tomogram, "scores"), *snapshot.annotations(tomogram)]


def _choice(label: str, offered: Mapping[str, Source], chosen: Source) -> Source:
    if len(offered) < 2:
        if isinstance(chosen, KeptAnnotation):
            st.caption(texts.escaped(_name(chosen)))
        return chosen

    # As for scores: a box whose default is the choice of the last run would be another box in
    # each run, and lose every second choice.
    def choose() -> None:
        picked = st.session_state["chosen_score"]
        annotated = isinstance(offered[picked], KeptAnnotation)
        state.choose_annotation(picked if annotated else None)
        if not annotated:
            state.choose_score(picked)

    st.session_state["chosen_score"] = state.LABELS if chosen is None else chosen.id
    picked = st.selectbox(
        label,
        list(offered),
        key="chosen_score",
        format_func=lambda each: _name(offered[each]),
        on_change=choose,
        help="Each combination of model and settings is kept as a result of its own, and each "
        "annotation: objects that people have drawn or mended.",
    )
    if not isinstance(offered[picked], KeptAnnotation):
        state.choose_score(picked)
    return offered[picked]


def _name(source: Source) -> str:
    if source is None:
        return "Labels of the file"
    if isinstance(source, Result):
        return widgets.score_label(source)
    return f"Annotation · {texts.shortened(source.name, _LONGEST)}"


def region(source: Source) -> Region:
    """Return the part of the tomogram that a source was made from."""
    return Region() if source is None else source.region


def reconstruct(tomogram: Tomogram, source: Source, params: ReconstructParams) -> None:
    """Submit a job that makes a surface of a source as it is now, and choose that surface.

    Raises
    ------
    DeepSXTError
        If the source is damaged or gone, or a long edit is at work.
    """
    if isinstance(source, KeptAnnotation):
        request = jobs.ReconstructRequest(score=None, annotation=source.pinned(), params=params)
    else:
        score_id = None if source is None else source.id
        request = jobs.ReconstructRequest(score=score_id, params=params)
    job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
    state.choose_surface(job.result_id)


def surface(of: Tomogram, source: Source) -> Result | None:
    """Return the chosen surface of a source, the newest if none is chosen, None if it has none."""
    wanted = source and source.id
    found = [each for each in snapshot.results(of, "surfaces") if each.made_from == wanted]
    return state.chosen(found, st.session_state.get("surface"))
