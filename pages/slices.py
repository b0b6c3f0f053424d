"""Look at a tomogram in three planes with the result over it, and correct its objects."""

import streamlit as st

from shared import comparison, components, films, snapshot, state, texts, widgets
from shared.annotation_bar import annotation_bar


@st.fragment
@widgets.errors_shown()
def viewer() -> None:
    """Show the planes; what is set in the viewer runs this function alone again."""
    key = f"slices_{tomogram.id}"
    threshold, low, compared = components.plane_viewer(
        tomogram,
        key=key,
        score_id=None if result is None else result.id,
        threshold=state.threshold(),
        low=state.low_threshold(),
        annotation_id=None if annotation is None else annotation.id,
        at=at,
        object_id=object_id,
        comparable=comparison.comparable(tomogram, result),
        comparison=state.comparison(),
        on_film=films.keeper(tomogram, key, "film_told"),
    )
    if result is not None and threshold != state.threshold():
        state.set_threshold(threshold)
    if result is not None and low != state.low_threshold():
        state.set_low_threshold(low)
    if compared != state.comparison():
        state.set_comparison(compared)
    if st.session_state.pop("film_told", False):
        st.rerun()  # the whole page, whose button counts them


tomogram = widgets.required_tomogram()
result = state.score_result(tomogram)
about = "" if result else " is not segmented yet; these are its slices as they are."
row = widgets.header("Review", texts.shortened(tomogram.name, 80) + about)
films.button(row, tomogram)
if result is None:
    if not state.is_guest() and row.button(
        "Segment", type="primary", icon=":material/network_intelligence:"
    ):
        st.switch_page("segment.py")
elif row.button("Surface", type="primary", icon=":material/arrow_forward:"):
    st.switch_page("surface.py")
with widgets.errors_shown():
    if result is not None:
        result = widgets.score_chooser(tomogram, result)
    if not state.is_guest():
        annotation_bar(tomogram, result)
    annotation = state.annotation(tomogram)
    at, object_id = state.asked_place(snapshot.volume(tomogram).shape)
    viewer()
