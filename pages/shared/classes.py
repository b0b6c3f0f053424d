"""Classes on the page *Measure*: their sums, and how they lie to each other."""

import pandas as pd
import streamlit as st

from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.neighbours import CONTACT_VOXELS
from deepsxt_core.surface.measure.tables import CLASSES, CONTACTS
from deepsxt_core.workspace import Result, downloads

_SUMMED = ("volume", "enclosed_volume", "area")


def show(rows: pd.DataFrame, done: Result | None, unit: Unit) -> None:
    """Show one line per class, and one per pair of classes where they are measured."""
    if "class" not in rows:
        st.info(
            "These objects have no classes. Objects of an annotation do: begin one in *Review*, "
            "and take it as the source here.",
            icon=":material/category:",
        )
        return
    length = plain_unit(unit)
    if done is not None:
        groups = pd.read_csv(downloads.measurement_file(done, f"{CLASSES}.csv"))
    else:
        groups = _sums(rows, length)
    number = st.column_config.NumberColumn
    titles = {
        "volume": f"Volume ({unit}³)",
        "volume_error": f"± volume ({unit}³)",
        "enclosed_volume": f"Enclosed volume ({unit}³)",
        "area": f"Area ({unit}²)",
        "area_error": f"± area ({unit}²)",
        "median_diameter": f"Median diameter ({unit})",
        "contact_area": f"Contact area ({unit}²)",
        "median_gap": f"Median gap ({unit})",
        "smallest_gap": f"Smallest gap ({unit})",
    }
    columns = {
        f"{name}_{length}{power}": number(title, format="%.4g")
        for name, title in titles.items()
        for power in ("", "2", "3")
    } | {"class": "Class", "to_class": "To class", "objects": "Objects", "touching": "Touching"}
    st.dataframe(groups.dropna(axis="columns", how="all"), hide_index=True, column_config=columns)
    if len(groups) < 2:
        return
    st.markdown("**How classes lie to each other**")
    if done is None:
        st.caption("*Measure thoroughly* under *Filopodia and error bars* finds their contacts.")
        return
    contacts = pd.read_csv(downloads.measurement_file(done, f"{CONTACTS}.csv"))
    st.dataframe(contacts, hide_index=True, column_config=columns)
    st.caption(
        f"Objects touch within {CONTACT_VOXELS:g} voxel edges. Gaps are from the surface of an "
        "object to the nearest one of the other class."
    )


def _sums(rows: pd.DataFrame, length: str) -> pd.DataFrame:
    """Return the sums of the table that is made without the thorough measurement."""
    grouped = rows.groupby("class")
    powers = {"volume": 3, "enclosed_volume": 3, "area": 2}
    sums = {
        name: grouped[name].sum()
        for name in (f"{quantity}_{length}{powers[quantity]}" for quantity in _SUMMED)
    }
    diameters = grouped[f"equivalent_diameter_{length}"].median()
    table = pd.DataFrame(
        {"objects": grouped.size()} | sums | {f"median_diameter_{length}": diameters}
    )
    return table.sort_values("objects", ascending=False).reset_index()
