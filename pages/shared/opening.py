"""Ways to a result: it is chosen, and the page that shows it is opened."""

import streamlit as st

from deepsxt_core.workspace import Tomogram
from shared import state


def score(tomogram: Tomogram, score_id: str) -> None:
    """Show a score over the slices."""
    state.open_tomogram(tomogram.id)
    state.choose_score(score_id)
    st.switch_page("slices.py")


def annotation(tomogram: Tomogram, annotation_id: str | None) -> None:
    """Show an annotation over the slices."""
    state.open_tomogram(tomogram.id)
    state.choose_annotation(annotation_id)
    st.switch_page("slices.py")


def comparison(tomogram: Tomogram, one: str, other: str, *, of_annotation: bool) -> None:
    """Show over the slices in what a score, or an annotation, differs from another of either."""
    state.open_tomogram(tomogram.id)
    if not of_annotation:
        state.choose_score(one)
    shown = {"id": other, "from": one if of_annotation else None}
    state.set_comparison(shown | {"mode": "difference", "threshold": state.threshold()})
    st.switch_page("slices.py")


def evaluation(tomogram: Tomogram, score_id: str | None, annotation_id: str | None) -> None:
    """Show how a score or an annotation was compared with a truth."""
    state.open_tomogram(tomogram.id)
    state.choose_annotation(annotation_id)
    if score_id is not None:
        state.choose_score(score_id)
    st.switch_page("evaluate.py")


def surface(tomogram: Tomogram, surface_id: str, page: str = "surface.py") -> None:
    """Show a surface, or on another page what was made of it.

    Raises
    ------
    DeepSXTError
        If it is gone.
    """
    found = tomogram.result("surfaces", surface_id)
    state.open_tomogram(tomogram.id)
    annotated = found.identity.get("annotation")
    state.choose_annotation(annotated and annotated["id"])
    if annotated is None:
        state.choose_score(found.made_from or state.LABELS)
    state.choose_surface(found.id)
    st.switch_page(page)
