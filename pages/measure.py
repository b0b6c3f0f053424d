"""Sizes and shapes of the objects: a table, their distribution, one against the other."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from deepsxt_core import exports, serving
from deepsxt_core.surface.quantities import QUANTITIES, Quantity
from deepsxt_core.surface.surfaces import PALETTE, Unit, load_table
from deepsxt_core.workspace import Result, Tomogram
from shared import components, state, texts, widgets
from shared.components import Download

_MARKED = "#{:02x}{:02x}{:02x}".format(*PALETTE[1])
_WHOLE = {"object", "euler_number", "voxels", "faces"}
_NO_CHART = {"object", "volume_error", "area_error"}
_SCALE = ["Linear", "Log"]


def read(surface: Result) -> pd.DataFrame:
    """Return the measurements, made on the first visit."""
    path = exports.surface_file(surface, exports.MEASUREMENTS_FILE)
    return pd.read_csv(path)


def table(rows: pd.DataFrame, known: list[Quantity], unit: Unit) -> list[int]:
    """Show one line per object; return the objects that are marked."""
    number = st.column_config.NumberColumn
    chosen = st.dataframe(
        rows,
        hide_index=True,
        height=min(420, 36 * (len(rows) + 1) + 2),
        column_config={
            each.column(unit): number(
                each.heading(unit),
                help=each.help,
                format="localized" if each.name in _WHOLE else "%.4g",
                pinned=each.name == "object",
            )
            for each in known
        },
        on_select="rerun",
        selection_mode="multi-row",
        key="measurements",
    )
    return rows["object"].iloc[chosen["selection"]["rows"]].tolist()


def chooser(label: str, known: list[Quantity], unit: Unit, default: str, key: str) -> Quantity:
    """Let the user choose a quantity."""
    offered = [each for each in known if each.name not in _NO_CHART]
    names = [each.name for each in offered]
    return st.selectbox(
        label,
        offered,
        index=names.index(default),
        format_func=lambda each: each.heading(unit),
        key=key,
    )


def draw(figure: go.Figure, x_title: str, y_title: str, key: str) -> None:
    """Show a chart in the theme of the page."""
    figure.update_layout(
        xaxis_title=x_title,
        yaxis_title=y_title,
        height=380,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        showlegend=False,
        bargap=0.05,
    )
    st.plotly_chart(figure, width="stretch", key=key, config={"displaylogo": False})


def histogram(rows: pd.DataFrame, known: list[Quantity], unit: Unit, marked: list[int]) -> None:
    """Show how one quantity is distributed."""
    quantity = chooser("Distribution of", known, unit, "equivalent_diameter", "histogram_of")
    column = quantity.column(unit)
    figure = go.Figure(go.Histogram(x=rows[column]))
    for value in rows.loc[rows["object"].isin(marked), column]:
        figure.add_vline(x=value, line_color=_MARKED, line_width=2)
    draw(figure, quantity.heading(unit), "Objects", "histogram")


def scatter(rows: pd.DataFrame, known: list[Quantity], unit: Unit, marked: list[int]) -> None:
    """Show one quantity against another."""
    left, middle, right = st.columns(3)
    with left:
        across = chooser("Across", known, unit, "equivalent_diameter", "scatter_x")
    with middle:
        up = chooser("Up", known, unit, "sphericity", "scatter_y")
    with right:
        scale = st.segmented_control("Axes", _SCALE, default=_SCALE[0], key="scatter_scale")
    figure = go.Figure()
    of_interest = rows["object"].isin(marked)
    for part, marker in ((rows, {"size": 8}), (rows[of_interest], {"size": 11, "color": _MARKED})):
        figure.add_scatter(
            x=part[across.column(unit)],
            y=part[up.column(unit)],
            mode="markers",
            marker=marker,
            text=[f"Object {each}" for each in part["object"]],
            hovertemplate="%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
        )
    if scale == _SCALE[1]:
        figure.update_xaxes(type="log")
        figure.update_yaxes(type="log")
    draw(figure, across.heading(unit), up.heading(unit), "scatter")


def page(tomogram: Tomogram, surface: Result) -> None:
    """Show the table and the charts of one surface."""
    with st.spinner("Measuring …", show_time=True):
        unit, _ = load_table(surface.folder)
        rows = read(surface)
    known = [each for each in QUANTITIES if each.column(unit) in rows.columns]
    if unit == "voxel":
        st.info(
            "The voxel size is not known, so lengths are in voxels. Enter it on the page Open and "
            "reconstruct again.",
            icon=":material/straighten:",
        )
    marked = table(rows, known, unit)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{len(rows)} objects. Click a heading to sort; mark rows to find them in the charts.",
            width="stretch",
        )
        components.downloads(
            [
                Download(
                    label="Table",
                    note="CSV",
                    address=serving.download_address(
                        tomogram, "surfaces", surface.id, exports.MEASUREMENTS_FILE
                    ),
                    title="One line per object, units in the headings",
                )
            ],
            key="measurement_files",
        )
    left, right = widgets.split(1, 1)
    with left, st.container(border=True, key="histogram_card"):
        histogram(rows, known, unit, marked)
    with right, st.container(border=True, key="scatter_card"):
        scatter(rows, known, unit, marked)
    st.caption(
        "Error bars from the threshold ± one step: run `deepsxt measure` on the score.",
    )


tomogram = widgets.required_tomogram()
widgets.header("Measure", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    score = widgets.required_score(tomogram)
    score = widgets.score_chooser(tomogram, score)
    surface = state.surface_result(tomogram, score)
    if surface is None:
        widgets.empty(
            "There is no surface yet",
            "Objects are measured on their surfaces. Making one takes seconds to minutes.",
            ":material/deployed_code:",
            ("surface.py", "Make the surface"),
        )
    page(tomogram, surface)
