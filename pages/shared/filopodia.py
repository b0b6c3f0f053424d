"""Thin processes on the page *Measure*: how they are looked for, what was found."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.surface import ProcessParams, UncertaintyParams
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.tables import PROCESSES, PROFILES
from deepsxt_core.workspace import Result, Tomogram, Workspace
from shared import charts, inputs, job_blocks, widgets
from shared.charts import Column

_LINES_SHOWN = 30


def measure_card(tomogram: Tomogram, surface: Result, done: Result | None, unit: Unit) -> None:
    """Start the thorough measurement, or show how far it is."""
    running = job_blocks.active_job(tomogram, "measure")
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    last = done.params(ProcessParams) if done else ProcessParams()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        thickest = inputs.number(
            ProcessParams,
            "max_diameter",
            f"Thickest process ({unit})",
            value=last.max_diameter,
            step=0.05,
            placeholder="no limit",
            key="thickest",
            width=210,
        )
        aspect = inputs.number(
            ProcessParams,
            "min_aspect",
            "Length / diameter at least",
            value=last.min_aspect,
            step=0.5,
            key="aspect",
            width=210,
        )
        known = {} if done is None else done.run.get("uncertainty", {})
        size = inputs.number(
            UncertaintyParams,
            "voxel_size_error",
            "Voxel size ±",
            value=known.get("voxel_size_error", UncertaintyParams().voxel_size_error),
            step=0.005,
            key="voxel_size_error",
            width=150,
        )
        if st.button(
            "Measure again" if done else "Measure thoroughly",
            type="secondary" if done else "primary",
            icon=":material/straighten:",
            help="Finds thin processes such as filopodia with their length and diameter, and "
            "makes the surface twice more, where the best threshold may lie, for the error bars.",
        ):
            params = ProcessParams(min_aspect=aspect, max_diameter=thickest or None)
            request = jobs.MeasureRequest(
                surface=surface.id,
                params=params,
                uncertainty=UncertaintyParams(voxel_size_error=size),
            )
            with widgets.errors_shown():
                jobs.submit(Workspace(), request, tomogram=tomogram.id)
                st.rerun()
    ended = job_blocks.last_job(tomogram, "measure")
    if ended is not None:
        job_blocks.job_ending(ended)


def processes(done: Result, unit: Unit) -> None:
    """Show the processes that a measurement has found."""
    path = done.folder / f"{PROCESSES}.csv"
    if not path.is_file():
        st.info(
            "No thin process was found. Set a thickest diameter if they grow from a larger body, "
            "or accept shorter ones.",
            icon=":material/polyline:",
        )
        return
    rows = pd.read_csv(path)
    length = plain_unit(unit)
    number = st.column_config.NumberColumn
    titles = {
        "length": ("Length", "Along its middle line, from tip to tip or to where it grows from."),
        "diameter": ("Diameter", "Mean along its shaft, without the round tips."),
        "thinnest": ("Thinnest", "Smallest diameter of its shaft."),
        "thickest": ("Thickest", "Largest diameter of its shaft."),
    }
    columns = [
        Column(f"{name}_{length}", f"{title} ({unit})") for name, (title, _) in titles.items()
    ]
    columns.append(Column("straightness", "Straightness"))
    chosen = st.dataframe(
        rows[["object", "branch", *(each.name for each in columns), "tips"]],
        hide_index=True,
        height=min(320, 36 * (len(rows) + 1) + 2),
        column_config={
            "object": number("Object", pinned=True),
            "branch": number("Branch", help="1 is the longest of its object."),
            "tips": number("Free ends"),
            "straightness": number(
                "Straightness", format="%.3f", help="Distance of its ends / length."
            ),
            **{
                f"{name}_{length}": number(f"{title} ({unit})", format="%.4g", help=text)
                for name, (title, text) in titles.items()
            },
        },
        on_select="rerun",
        selection_mode="multi-row",
        key="processes",
    )
    places = chosen["selection"]["rows"]
    st.caption(f"{len(rows)} thin processes. Mark rows to see them alone in the charts.")
    left, right = widgets.split(1, 1, "split_processes")
    with left, st.container(border=True, key="process_histogram_card"):
        marked = pd.Series(rows.index.isin(places), index=rows.index)
        charts.histogram(rows, marked, columns, "diameter", "processes")
    with right, st.container(border=True, key="profile_card"):
        _profiles(done, rows.iloc[places] if places else rows, unit, length)


def _profiles(done: Result, rows: pd.DataFrame, unit: Unit, length: str) -> None:
    points = pd.read_csv(done.folder / f"{PROFILES}.csv")
    shown = rows.sort_values(f"length_{length}", ascending=False).head(_LINES_SHOWN)
    st.markdown("**Diameter along the process**")
    figure = go.Figure()
    for each in shown.itertuples():
        own = points[(points["object"] == each.object) & (points["branch"] == each.branch)]
        figure.add_scatter(
            x=own[f"along_{length}"],
            y=own[f"diameter_{length}"],
            mode="lines",
            name=f"{each.object}.{each.branch}",
            hovertemplate="%{x:.3~r}, %{y:.3~r}",
        )
    figure.update_yaxes(rangemode="tozero")
    title = f"Distance along it ({unit})"
    charts.draw(figure, title, f"Diameter ({unit})", "profiles", legend=len(shown) > 1)
    if len(shown) < len(rows):
        st.caption(f"The {len(shown)} longest of {len(rows)}.")
