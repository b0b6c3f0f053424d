"""Plotly charts that look alike: distributions, one quantity against another, lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from deepsxt_core.surface.surfaces import PALETTE

# Those of the objects, which people who tell few colours apart can tell apart.
COLOURS = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in PALETTE]
MARKED = COLOURS[1]
_SCALE = ["Linear", "Log"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be charted: its name in the table, and its title with the unit."""

    name: str
    title: str


def chooser(label: str, offered: Sequence[Column], default: str, key: str) -> Column:
    """Let the user choose a column; `default` is the begin of its name."""
    places = [place for place, each in enumerate(offered) if each.name.startswith(default)]
    return st.selectbox(
        label,
        offered,
        index=places[0] if places else 0,
        format_func=lambda each: each.title,
        key=key,
    )


def draw(figure: go.Figure, x_title: str, y_title: str, key: str, *, legend: bool = False) -> None:
    """Show a chart in the theme of the page."""
    figure.update_layout(
        xaxis_title=x_title,
        yaxis_title=y_title,
        height=380,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        showlegend=legend,
        bargap=0.05,
        colorway=COLOURS,
    )
    st.plotly_chart(figure, width="stretch", key=key, config={"displaylogo": False})


def histogram(
    rows: pd.DataFrame, marked: pd.Series, offered: Sequence[Column], default: str, things: str
) -> None:
    """Show how one column is distributed over `things`; lines stand where rows are marked."""
    column = chooser("Distribution of", offered, default, f"histogram_of_{things}")
    figure = go.Figure(go.Histogram(x=rows[column.name], marker_color=COLOURS[0]))
    for value in rows.loc[marked, column.name]:
        figure.add_vline(x=value, line_color=MARKED, line_width=2)
    draw(figure, column.title, things.capitalize(), f"histogram_{things}")


def scatter(
    rows: pd.DataFrame, marked: pd.Series, offered: Sequence[Column], defaults: tuple[str, str]
) -> None:
    """Show one column against another, with error bars where there are any."""
    left, middle, right = st.columns(3)
    with left:
        across = chooser("Across", offered, defaults[0], "scatter_x")
    with middle:
        up = chooser("Up", offered, defaults[1], "scatter_y")
    with right:
        scale = st.segmented_control("Axes", _SCALE, default=_SCALE[0], key="scatter_scale")
    figure = go.Figure()
    for part, marker in (
        (rows, {"size": 8, "color": COLOURS[0]}),
        (rows[marked], {"size": 11, "color": MARKED}),
    ):
        figure.add_scatter(
            x=part[across.name],
            y=part[up.name],
            error_x=_error(part, across),
            error_y=_error(part, up),
            mode="markers",
            marker=marker,
            text=[f"Object {each}" for each in part["object"]],
            hovertemplate="%{text}<br>%{x:.4~r}, %{y:.4~r}<extra></extra>",
        )
    if scale == _SCALE[1]:
        figure.update_xaxes(type="log")
        figure.update_yaxes(type="log")
    draw(figure, across.title, up.title, "scatter")


def _error(rows: pd.DataFrame, column: Column) -> dict | None:
    # "volume_um3" has its error in "volume_error_um3".
    quantity, _, unit = column.name.rpartition("_")
    name = f"{quantity}_error_{unit}"
    return {"array": rows[name], "thickness": 1} if name in rows else None
