"""Two conditions on the page *Measure*: tomograms against tomograms."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from deepsxt_core.evaluation.conditions import Contrast, contrast
from deepsxt_core.numerals import number_text
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.columns import QUANTITIES
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.catalogue import Entry, catalogue, known_tags
from deepsxt_core.workspace.measured import Measured, latest_measurements
from shared import charts, texts, widgets
from shared.charts import Column

_NO_CHOICE = {"object", "nearest_object", "faces", "centroid_x", "centroid_y", "centroid_z"}
_ALL = "All objects"
_COLOURS = charts.COLOURS[:2]


@st.fragment
@widgets.errors_shown()
def show() -> None:
    """Let the user choose two groups of tomograms, and compare their objects."""
    offered = [entry for entry in catalogue(Workspace()) if entry.surfaces]
    if len(offered) < 2:
        st.info(
            "Two conditions need at least two tomograms with surfaces; better are three or more "
            "of each.",
            icon=":material/compare_arrows:",
        )
        return
    left, right = st.columns(2)
    with left:
        first = _chosen("First condition", offered, "first")
    with right:
        second = _chosen("Second condition", offered, "second")
    if not (first and second):
        st.caption(
            "Choose the tomograms of each condition. Of each the latest surface is compared."
        )
        return
    with st.spinner("Reading the measurements …", show_time=True):
        groups = [
            [found for one in chosen if (found := latest_measurements(one)) is not None]
            for chosen in (first, second)
        ]
    units = {one.unit for group in groups for one in group}
    if len(units) > 1:
        st.error(
            "Some of these tomograms have no voxel size, so their lengths cannot be compared. "
            "Enter it on the page Open and make the surface again.",
            icon=":material/straighten:",
        )
        return
    _compare(groups[0], groups[1], units.pop())


def _chosen(label: str, offered: Sequence[Entry], key: str) -> list[Tomogram]:
    """Let the user choose tomograms, at once by a tag where there are any."""
    entries, tags = {entry.tomogram.id: entry for entry in offered}, known_tags(offered)
    tag = None
    if tags:
        tag = st.selectbox(
            f"{label}: all with the tag", tags, index=None, placeholder="any", key=f"{key}_tag"
        )
    ids = st.multiselect(
        label,
        list(entries),
        [id for id, entry in entries.items() if tag in entry.remarks.tags],
        format_func=lambda id: texts.shortened(entries[id].tomogram.name, 50),
        key=f"{key}_condition_{tag}",
    )
    return [entries[id].tomogram for id in ids]


def _compare(first: Sequence[Measured], second: Sequence[Measured], unit: Unit) -> None:
    classes = sorted(
        {name for one in (*first, *second) if "class" in one.objects
         for name in one.objects["class"].dropna()}
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox("Objects", [_ALL, *classes], key="condition_class")
    columns = [
        Column(quantity.column(unit), quantity.heading(unit))
        for quantity in QUANTITIES
        if quantity.name not in _NO_CHOICE and not quantity.is_error
    ]
    with right:
        column = charts.chooser("Quantity", columns, "equivalent_diameter", "condition_quantity")
    values = [
        {one.tomogram.id: _values(one, column.name, chosen) for one in group}
        for group in (first, second)
    ]
    found = contrast(*values)
    _draw((first, second), values, column)
    _tell(found, column)


def _values(measured: Measured, column: str, class_name: str) -> list[float]:
    rows = measured.objects
    if class_name != _ALL:
        rows = rows[rows["class"] == class_name] if "class" in rows else rows[:0]
    return rows[column].dropna().tolist() if column in rows else []


def _draw(
    groups: Sequence[Sequence[Measured]], values: Sequence[dict[str, list[float]]], column: Column
) -> None:
    """Show each object as a point and each median as a line, tomogram by tomogram."""
    figure = go.Figure()
    for group, own, colour in zip(groups, values, _COLOURS, strict=True):
        for one in group:
            figure.add_box(
                y=own[one.tomogram.id],
                name=texts.shortened(one.tomogram.name, 24),
                boxpoints="all",
                jitter=0.4,
                pointpos=0,
                line_color=colour,
                marker={"size": 5, "opacity": 0.6},
            )
    charts.draw(figure, "Tomogram", column.title, "conditions")


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number_text(value)}"


def _tell(found: Contrast, column: Column) -> None:
    """Say in words what differs, how sure that is, and what is taken for granted."""
    rows = [
        {
            "Condition": name,
            "Tomograms": len(one.medians),
            "Objects": one.objects,
            "Mean of medians": one.mean,
            "SD between tomograms": one.deviation,
        }
        for name, one in (("First", found.first), ("Second", found.second))
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    text = f"**{column.title}**: the second condition differs by **{_signed(found.difference)}**"
    if found.interval is not None:
        low, high = found.interval
        text += f" (95 % interval {_signed(low)} to {_signed(high)}, Welch's t)"
    if found.p_value is None:
        st.markdown(text + ".")
        st.warning(
            "A condition of a single tomogram tells nothing about how tomograms vary: there is "
            "neither an interval nor a test.",
            icon=":material/groups:",
        )
        return
    st.markdown(
        f"{text}; **p = {number_text(found.p_value, digits=3)}** (permutation test, two-sided)."
    )
    st.caption(
        "Compared is one number per tomogram, the median of its objects: objects of one tomogram "
        "resemble each other and are no independent samples. The test takes tomograms as "
        "exchangeable if the conditions do not differ; the interval takes their medians as "
        f"normally distributed. With this many tomograms, p cannot be below "
        f"{number_text(found.least_p_value, digits=2)}."
    )
