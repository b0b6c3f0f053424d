"""Sizes and shapes of the objects: a table, their distribution, one against the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from deepsxt_core.files import read_json
from deepsxt_core.numerals import number_text
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.columns import QUANTITIES, Quantity
from deepsxt_core.surface.measure.key_numbers import ROTATIONS_UNKNOWN, parts_text
from deepsxt_core.surface.measure.tables import (
    TOTALS_NAME,
)
from deepsxt_core.surface.surfaces import ObjectRow, load_report, load_table
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from deepsxt_core.workspace.measured import measured_objects, thorough_measurement
from shared import (
    charts,
    classes,
    conditions,
    filopodia,
    job_blocks,
    notices,
    objects,
    organelle,
    reviews,
    snapshot,
    sources,
    state,
    tables,
    texts,
    wedge,
    widgets,
)
from shared.charts import Column
from shared.sources import Source

_WORDS: dict[str, Any] = {
    "name": "Name",
    "class": "Class",
    "measured": "Measured",
    "cut_by_border": "Cut by the border",
    "capped": "Closed by the program",
    "state": "State",
}
_WHOLE = {"object", "euler_number", "nearest_object", "voxels", "faces"}
_NO_CHART = {"object", "nearest_object"}


def totals(rows: pd.DataFrame, done: Result | None, unit: Unit) -> None:
    """Show sums over all objects."""
    length = plain_unit(unit)
    told = {} if done is None else read_json(done.folder / TOTALS_NAME) or {}

    def metric(name: str, title: str, value: float, ending: str, text: str) -> None:
        error = told.get(f"{name}_error{ending}")
        parts = parts_text(told, name, ending)
        if error is not None:
            text += f" ± holds the truth in 95 % of cases: {parts}; {ROTATIONS_UNKNOWN}."
        elif done is not None:
            text += f" No error bar: how well objects are outlined is not known. Known: {parts}."
        else:
            text += " *Measure thoroughly* tells how sure it is."
        st.metric(title, number_text(value, error), help=text, width="content")

    with st.container(horizontal=True, gap="large", key="totals"):
        metric("objects", "Objects", len(rows), "", "Connected bodies.")
        for name, power, text in (
            ("volume", "³", "Of all objects together."),
            ("area", "²", "Of all surfaces; a membrane has two sides."),
        ):
            ending = f"_{length}{'3' if name == 'volume' else '2'}"
            total = rows[f"{name}{ending}"].sum()
            metric(name, f"{name.capitalize()} ({unit}{power})", total, ending, text)
        st.metric(
            f"Median diameter ({unit})",
            number_text(rows[f"equivalent_diameter_{length}"].median()),
            help="Of the ball of the same enclosed volume.",
            width="content",
        )


def table(rows: pd.DataFrame, known: list[Quantity], unit: Unit) -> list[int]:
    """Show one line per object; return the objects that are marked."""
    number = st.column_config.NumberColumn
    objects.mark_as_asked(rows["object"].tolist(), "measurements")
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
        }
        | _WORDS,
        on_select="rerun",
        selection_mode="multi-row",
        key="measurements",
    )
    return rows["object"].iloc[chosen["selection"]["rows"]].tolist()


def merging(tomogram: Tomogram, source: Source, surface: Result, marked: list[int]) -> None:
    """Offer to make one object of those that are marked, and to undo it."""
    if isinstance(source, KeptAnnotation):
        st.caption("Objects of an annotation are merged in *Review*.")
        return
    running = job_blocks.active_job(tomogram, "reconstruct")
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    params = surface.params(ReconstructParams)
    groups: tuple[tuple[int, ...], ...] | None = None
    if st.button(
        "Merge",
        icon=":material/merge:",
        disabled=len(marked) < 2,
        help="Counts the marked objects as one, and makes the surface again. The merge is kept "
        "with the settings of the surface, and all other objects keep their numbers.",
    ):
        groups = (*params.merge, tuple(sorted(marked)))
    if params.merge and st.button("Undo merges", icon=":material/undo:"):
        groups = ()
    if groups is None:
        return
    with widgets.errors_shown():
        sources.reconstruct(tomogram, source, replace(params, merge=groups))
        st.rerun()


def draw(rows: pd.DataFrame, known: list[Quantity], unit: Unit, marked: list[int]) -> None:
    """Show how the objects are distributed, and one quantity against another."""
    offered = [
        Column(each.column(unit), each.heading(unit))
        for each in known
        if each.name not in _NO_CHART and not each.is_error
    ]
    is_marked = rows["object"].isin(marked)
    left, right = widgets.split(1, 1)
    with left, st.container(border=True, key="histogram_card"):
        charts.histogram(rows, is_marked, offered, "equivalent_diameter", "objects")
    with right, st.container(border=True, key="scatter_card"):
        charts.scatter(rows, is_marked, offered, ("equivalent_diameter", "sphericity"))


def all_objects(
    tomogram: Tomogram,
    source: Source,
    surface: Result,
    rows: pd.DataFrame,
    known: list[Quantity],
    unit: Unit,
    known_objects: Sequence[ObjectRow],
) -> None:
    """Show the table, the object that is marked in it, and the charts."""
    marked = table(rows, known, unit)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Click a heading to sort. Mark one row for its pictures, several to find them "
            "in the charts.",
            width="stretch",
        )
        merging(tomogram, source, surface, marked)
    found = [row for row in known_objects if row.id in set(marked)]
    if len(found) == 1:
        measured = rows[rows["object"] == found[0].id].iloc[0]
        organelle.card(tomogram, source, surface, unit, found[0], measured)
    else:
        objects.links(tomogram, source, surface, unit, found)
    draw(rows, known, unit, marked)
    report = load_report(surface.folder)
    if report is not None:
        st.caption(" ".join(report.sentences(int(rows["faces"].sum()), unit)))


def page(tomogram: Tomogram, source: Source, surface: Result) -> None:
    """Show the table and the charts of one surface."""
    done = thorough_measurement(surface, snapshot.results(tomogram, "measurements"))
    notices.size_correction(tomogram, surface)
    with st.spinner("Measuring …", show_time=True):
        unit, known_objects = load_table(surface.folder)
        rows = measured_objects(surface, done)
    known = [each for each in QUANTITIES if each.column(unit) in rows.columns]
    if unit == "voxel":
        st.info(
            "The voxel size is not known, so lengths are in voxels. Enter it on the page Open and "
            "make the surface again.",
            icon=":material/straighten:",
        )
    totals(rows, done, unit)
    by_score = isinstance(source, Result)
    thresholds = (state.threshold(), state.low_threshold()) if by_score else (None, None)
    notices.old(notices.not_of_today(tomogram, surface, *thresholds))
    objects_tab, classes_tab, processes_tab, wedge_tab, conditions_tab = st.tabs(
        [
            ":material/table: Objects",
            ":material/category: Classes",
            ":material/polyline: Filopodia and error bars",
            ":material/change_history: Missing wedge",
            ":material/compare_arrows: Conditions",
        ]
    )
    with objects_tab:
        all_objects(tomogram, source, surface, rows, known, unit, known_objects)
    with classes_tab:
        classes.show(rows, done, unit)
    with processes_tab:
        filopodia.measure_card(tomogram, surface, done, unit)
        if done is not None:
            filopodia.processes(done, unit)
    with wedge_tab:
        if "beam_elongation" in rows:
            wedge.show(rows, tomogram)
    with conditions_tab:
        conditions.show()
    tables.files(tomogram, surface, done)


tomogram = widgets.required_tomogram()
row = widgets.header("Measure", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    notices.damaged_results([tomogram], "scores", "surfaces", "measurements")
    source = sources.chooser(tomogram, sources.required(tomogram))
    surface = sources.surface(tomogram, source)
    if surface is None:
        widgets.empty(
            "There is no surface yet",
            "Objects are measured on their surfaces. Making one takes seconds to minutes.",
            ":material/deployed_code:",
            ("surface.py", "Make surface"),
        )
    if row.button("Export", type="primary", icon=":material/arrow_forward:"):
        st.switch_page("export.py")
    if isinstance(source, KeptAnnotation):
        reviews.review_note(source)
    page(tomogram, source, surface)
