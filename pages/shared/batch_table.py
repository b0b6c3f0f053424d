"""The results of a batch: a line for each tomogram, what all come to, and what is odd or failed."""

from textwrap import shorten

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs.requests import BatchRequest
from deepsxt_core.web.glances import result_address
from deepsxt_core.workflow.batch import Row
from deepsxt_core.workflow.batch_totals import CRITERION, outliers, totals
from deepsxt_core.workspace import Tomogram, Workspace
from shared import notices, texts, widgets

_STATES = {
    "waiting": "Waiting",
    "working": "Working",
    "done": "Done",
    "kept": "Done before",
    "failed": "Failed",
}
_GONE = "removed tomogram"
_REMARK_CHARACTERS = 70
_ROW_PX, _HEAD_PX, _MOST_PX = 64, 36, 640


def table(job: jobs.Job) -> None:
    """Show a line per tomogram, and what they come to."""
    notices.unreadable_request(job)
    if not isinstance(job.request, BatchRequest):
        return
    known = {tomogram.id: tomogram for tomogram in Workspace().tomograms()}
    rows, surface = jobs.batch_rows(job), job.request.recipe.reconstruct
    unlike, threshold = outliers(rows), surface.threshold if surface else 0.0
    names = [known[row["tomogram"]].name if row["tomogram"] in known else _GONE for row in rows]
    st.dataframe(
        [
            {
                "Picture": _picture(known.get(row["tomogram"]), row, threshold),
                "Tomogram": name,
                "State": _STATES[row["status"]],
                "Membrane (%)": _percent(row.get("membrane_fraction")),
                "Objects": row.get("objects"),
                "Volume (µm³)": row.get("volume_um3"),
                "Area (µm²)": row.get("area_um2"),
                "Time (s)": row.get("seconds"),
                "Remark": _remark(row, unlike.get(number, {})),
            }
            for number, (name, row) in enumerate(zip(names, rows, strict=True))
        ],
        hide_index=True,
        placeholder="",
        row_height=_ROW_PX,
        height=min(_MOST_PX, _HEAD_PX + _ROW_PX * len(rows)),
        key=f"rows_{job.id}",
        column_config={
            "Picture": st.column_config.ImageColumn("", width=_ROW_PX),
            "Tomogram": st.column_config.TextColumn(width="medium"),
            "Remark": st.column_config.TextColumn(width="medium"),
            "Membrane (%)": st.column_config.NumberColumn(format="%.2f"),
            "Objects": st.column_config.NumberColumn(),
            "Volume (µm³)": st.column_config.NumberColumn(format="%.3g"),
            "Area (µm²)": st.column_config.NumberColumn(format="%.3g"),
            "Time (s)": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    _in_all(rows)
    failed = {number: row["error"] for number, row in enumerate(rows) if row["error"]}
    odd = {number: "; ".join(reasons.values()) for number, reasons in unlike.items()}
    _reasons("Unlike the others", ":material/troubleshoot:", names, odd, CRITERION)
    _reasons("What failed", ":material/error:", names, failed)


def _picture(tomogram: Tomogram | None, row: Row, threshold: float) -> str | None:
    """Return the address of the middle slice with its result, which the browser asks for."""
    if tomogram is None or "score" not in row:
        return None
    try:
        return widgets.base_address() + result_address(tomogram, row["score"], threshold)
    except DeepSXTError:
        return None


def _remark(row: Row, unlike: dict[str, str]) -> str:
    """Return what fits into a cell; the whole stands below the table."""
    if row["error"]:
        return shorten(row["error"], _REMARK_CHARACTERS, placeholder=" …")
    return f"unlike the others: {', '.join(unlike)}" if unlike else ""


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


def _in_all(rows: list[Row]) -> None:
    """Say what the finished tomograms come to."""
    sums = totals(rows)
    parts = [f"**{sums['finished']} of {len(rows)} finished**"]
    if sums["failed"]:
        parts.append(f"{sums['failed']} failed")
    for name, form, unit in (
        *(("slices", ",d", "slices"), ("objects", ",d", "objects")),
        *(("volume_um3", ",.3g", "µm³"), ("area_um2", ",.3g", "µm²")),
    ):
        if sums[name] is not None:
            parts.append(f"{sums[name]:{form}} {unit}")
    if sums["seconds"] is not None:
        parts.append(f"{texts.duration_text(sums['seconds'])} of work")
    if sums["without_size"] and sums["objects"] is not None:
        parts.append(f"{sums['without_size']} without a voxel size, and so without a volume")
    st.markdown(" · ".join(parts))


def _reasons(
    title: str, icon: str, names: list[str], told: dict[int, str], help: str | None = None
) -> None:
    if not told:
        return
    with st.expander(f"{title} ({len(told)})", icon=icon, expanded=True):
        for number, reason in told.items():
            st.markdown(f"**{texts.escaped(names[number])}**: {texts.escaped(reason)}")
        if help is not None:
            st.caption(texts.escaped(help))
