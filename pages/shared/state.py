"""What the pages remember: which tomogram, which score, which threshold.

Only ids and numbers are kept, in the address and in the session. The address wins where it says
something, so that a reload, a bookmark and a second tab all show the same; moving between pages
empties the address, and `restore` fills it again.
"""

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.workspace import Result, Tomogram, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import snapshot, texts

LABELS = "labels"
"""Stands for the labels that the file itself holds, in place of the id of a score."""

_IN_ADDRESS = (
    *("t", "score", "annotation", "surface", "threshold", "low"),
    *("compare", "compare_from", "compare_as", "compare_threshold"),
)
_COMPARED_BY = ("difference", "swipe", "side")

_MOST_DIGITS = 10


def restore() -> None:
    """Bring the address and the session to the same state; call it first on every run."""
    for name in _IN_ADDRESS:
        if name in st.query_params:
            st.session_state[name] = st.query_params[name]
        elif name in st.session_state:
            st.query_params[name] = st.session_state[name]


def _remember(name: str, value: str | None) -> None:
    if value is None:
        st.session_state.pop(name, None)
        st.query_params.pop(name, None)
    elif st.session_state.get(name) != value:
        st.session_state[name] = value
        st.query_params[name] = value


def open_tomogram(tomogram_id: str | None) -> None:
    """Make this the tomogram that all pages show; None shows none."""
    for name in _IN_ADDRESS:
        _remember(name, None)
    _remember("t", tomogram_id)


def is_guest() -> bool:
    """Return whether whoever looks came by a link, and can change nothing."""
    known = access.found()
    return known is not None and known.is_guest


def tomogram() -> Tomogram | None:
    """Return the tomogram that is open, or None; an id that is no longer known is dropped."""
    tomogram_id = st.session_state.get("t")
    if tomogram_id is None:
        return None
    try:
        return Workspace().tomogram(tomogram_id)
    except DeepSXTError as error:
        open_tomogram(None)
        st.warning(texts.escaped(str(error)), icon=":material/link_off:")
        return None


def score_result(of: Tomogram) -> Result | None:
    """Return the chosen score of a tomogram, the newest if none is chosen, None if it has none."""
    return chosen(snapshot.results(of, "scores"), st.session_state.get("score"))


def choose_score(result_id: str) -> None:
    """Make this the score that all pages show."""
    if st.session_state.get("score") != result_id:
        _remember("surface", None)
    _remember("score", result_id)


def takes_labels() -> bool:
    """Return whether the labels that the file holds were chosen, and no score."""
    return st.session_state.get("score") == LABELS


def annotation(of: Tomogram) -> KeptAnnotation | None:
    """Return the chosen annotation of a tomogram, None if none is chosen or it is gone."""
    wanted = st.session_state.get("annotation")
    return next((kept for kept in snapshot.annotations(of) if kept.id == wanted), None)


def asked_place(shape: tuple[int, int, int]) -> tuple[list[int] | None, int | None]:
    """Return the voxel (z, y, x) and the object that the address leads to; the view clears it.

    Each is None where it is missing, or is no voxel of that shape.
    """
    at, number = (st.query_params.get(name, "") for name in ("at", "object"))
    parts = at.split(",")
    digits = [int(part) for part in parts if part.isdecimal() and len(part) < _MOST_DIGITS]
    inside = len(digits) == len(parts) == 3 and all(
        index < length for index, length in zip(digits, shape, strict=True)
    )
    known = number.isdecimal() and len(number) < _MOST_DIGITS
    return digits if inside else None, int(number) if known else None


def choose_annotation(annotation_id: str | None) -> None:
    """Make this the annotation that all pages show; None shows none."""
    if st.session_state.get("annotation") != annotation_id:
        _remember("surface", None)
    _remember("annotation", annotation_id)


def choose_surface(result_id: str) -> None:
    """Make this the surface that is shown."""
    _remember("surface", result_id)


def threshold() -> float:
    """Return the threshold set by the user, 0 if there is none."""
    return _threshold("threshold")


def _threshold(name: str) -> float:
    try:
        value = float(st.session_state.get(name, 0))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and -1 <= value < 1 else 0.0


def low_threshold() -> float | None:
    """Return the second threshold set by the user, None if there is none below the first."""
    value = _threshold("low") if "low" in st.session_state else threshold()
    return value if value < threshold() else None


def set_threshold(value: float) -> None:
    """Keep the threshold for all pages."""
    _remember("threshold", f"{value:.2f}")


def set_low_threshold(value: float | None) -> None:
    """Keep the second threshold for all pages; None for none."""
    _remember("low", None if value is None else f"{value:.2f}")


def comparison() -> dict[str, Any] | None:
    """Return what is compared in the slices, None if nothing is.

    `id` is that of B, `from` that of A, or None for the result that is shown; with `mode` and the
    `threshold` of B.
    """
    other_id, first_id, mode = (
        st.session_state.get(name) for name in ("compare", "compare_from", "compare_as")
    )
    if other_id is None:
        return None
    mode = mode if mode in _COMPARED_BY else _COMPARED_BY[0]
    threshold = _threshold("compare_threshold")
    return {"id": other_id, "from": first_id, "mode": mode, "threshold": threshold}


def set_comparison(chosen: Mapping[str, Any] | None) -> None:
    """Keep what is compared, as `comparison` tells it; None compares nothing."""
    _remember("compare", None if chosen is None else chosen["id"])
    _remember("compare_from", None if chosen is None else chosen["from"])
    _remember("compare_as", None if chosen is None else chosen["mode"])
    _remember("compare_threshold", None if chosen is None else f"{chosen['threshold']:.2f}")


def chosen(results: list[Result], result_id: str | None) -> Result | None:
    """Return the result of this id, the first if it is not there, None if there is none."""
    return next((result for result in results if result.id == result_id), next(iter(results), None))
