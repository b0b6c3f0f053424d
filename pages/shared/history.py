"""What was made of a tomogram: a plain list, each entry to be opened."""

import streamlit as st

from deepsxt_core.workspace import Tomogram
from deepsxt_core.workspace.history import Made, history
from shared import (
    films,
    opening,
    recipes,
    repeating,
    snapshot,
    state,
    texts,
    widgets,
)

_SHOWN = 30
_COMPARED = 8
_REPEATED = ("scores", "surfaces")
_TITLES = {
    "scores": "Segmentation",
    "surfaces": "Surface",
    "measurements": "Measurement",
    "bundles": "Bundle of files",
    "reports": "Report",
    "evaluations": "Evaluation",
    "annotations": "Annotation",
    "films": "Film",
}


def show(tomogram: Tomogram) -> None:
    """List what was made of a tomogram, the latest first; nothing where nothing was."""
    made = history(tomogram)
    if not made:
        return
    with st.container(border=True, key="history"):
        st.markdown("**History**")
        for each in made[:_SHOWN]:
            _line(tomogram, each)
        if len(made) > _SHOWN:
            st.caption(f"and {len(made) - _SHOWN} older ones")


def _line(tomogram: Tomogram, made: Made) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row.container(width="stretch", gap=None):
        name = f" :gray[{texts.escaped(made.name)}]" if made.name else ""
        st.markdown(f"**{_TITLES[made.kind]}**{name}")
        st.caption(" · ".join(_facts(made)))
    # What went wrong is told below the row.
    with widgets.errors_shown(), row:
        _more(tomogram, made)
        if made.kind == "films":
            films.links(tomogram, [tomogram.result("films", made.id)], key=f"history_{made.id}")
        elif st.button("Open", key=f"history_{made.id}", icon=":material/arrow_forward:"):
            _open(tomogram, made)


def _facts(made: Made) -> list[str]:
    """Return how it was made, when, and how long that took."""
    parts = []
    if made.model:
        marks = f" ({texts.escaped(made.class_name)})" if made.class_name else ""
        parts.append(f"model {texts.escaped(made.model)}{marks}")
    if made.threshold is not None:
        parts.append(f"threshold {texts.thresholds(made.threshold, made.low)}")
    if made.rotations:
        parts.append(f"{made.rotations} rotation{'' if made.rotations == 1 else 's'}")
    if made.slices is not None:
        first, end = made.slices
        whole = end - first == made.of_slices
        parts.append("all slices" if whole else f"slices {first + 1} to {end} of {made.of_slices}")
    if made.crop:
        parts.append(f"cropped to {texts.escaped(made.crop)}")
    if made.bin and made.bin > 1:
        parts.append(f"{made.bin}× binned")
    parts.append(texts.ago_text(made.when))
    if made.maker:
        parts.append(f"by {texts.escaped(made.maker)}")
    if made.seconds is not None:
        parts.append(f"took {texts.duration_text(made.seconds)}")
    return parts


def _more(tomogram: Tomogram, made: Made) -> None:
    """Offer to compare, to repeat, and to do the same with other tomograms."""
    if state.is_guest():
        return
    offered: dict[str, str] = {}
    if made.kind in _REPEATED:
        offered["repeat"] = "Repeat with these settings"
        if made.kind == "scores" or (made.score and not made.annotation):
            offered["batch"] = "Do the same with other tomograms"
    if made.kind in ("scores", "annotations"):
        offered |= {
            other: f"Compare with {texts.shortened(name, 60)}"
            for other, name in _others(tomogram, made.id)[:_COMPARED]
        }
    if not offered:
        return
    chosen = st.menu_button(
        "More",
        list(offered),
        format_func=offered.__getitem__,
        key=f"more_{made.id}",
        icon=":material/more_horiz:",
    )
    if chosen == "repeat" and made.kind == "scores":
        repeating.segmentation(tomogram, made.id)
    elif chosen == "repeat":
        repeating.surface(tomogram, made.id)
    elif chosen == "batch":
        recipes.take_from(tomogram, made.id)
    elif chosen is not None:
        opening.comparison(tomogram, made.id, chosen, of_annotation=made.kind == "annotations")


def _others(tomogram: Tomogram, made_id: str) -> list[tuple[str, str]]:
    """Return ids and names of what the slices can compare with it."""
    scores = [(e.id, widgets.score_label(e)) for e in snapshot.results(tomogram, "scores")]
    kept = [(e.id, f"annotation {e.name}") for e in snapshot.annotations(tomogram)]
    return [(other, name) for other, name in (*scores, *kept) if other != made_id]


def _open(tomogram: Tomogram, made: Made) -> None:
    if made.kind == "annotations":
        opening.annotation(tomogram, made.id)
    elif made.kind == "evaluations":
        opening.evaluation(tomogram, made.score, made.annotation)
    elif made.surface is not None:
        page = "measure.py" if made.kind in ("measurements", "reports") else "surface.py"
        opening.surface(tomogram, made.surface, page)
    else:
        opening.score(tomogram, made.id)
