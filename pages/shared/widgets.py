"""Blocks that several pages draw alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import disk_problem
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import seen_labels
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Result, Tomogram
from shared import snapshot, state, texts


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


def empty(title: str, text: str, icon: str, link: tuple[str, str]) -> NoReturn:
    """Say that there is nothing to show yet and where to go, and end the page."""
    with st.container(border=True, horizontal_alignment="center", gap="small", key="empty"):
        st.markdown(f"# {icon}", text_alignment="center")
        st.markdown(f"**{title}**", text_alignment="center")
        st.caption(text, text_alignment="center")
        if not state.is_guest() and st.button(
            link[1], type="primary", icon=":material/arrow_forward:"
        ):
            st.switch_page(link[0])
    st.stop()


def pager(key: str, page: int, pages: int) -> None:
    """Offer the pages before and after page `page`, from 0 on, which is kept under `key`."""

    def turn(label: str, icon: str, to: int, *, disabled: bool) -> None:
        st.button(
            label,
            key=f"{key}_{label}",
            icon=f":material/{icon}:",
            disabled=disabled,
            on_click=lambda: st.session_state.update({key: to}),
        )

    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_turn"):
        turn("Previous", "arrow_back", page - 1, disabled=page == 0)
        st.markdown(f"{page + 1} of {pages}", width="content")
        turn("Next", "arrow_forward", page + 1, disabled=page == pages - 1)


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
    if result.class_name is not None:
        parts.append(result.class_name)
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
