"""The missing wedge on the page *Measure*: how much of the elongation along z it can explain."""

import pandas as pd
import streamlit as st

from deepsxt_core.surface.measure.shapes import wedge_elongation
from deepsxt_core.workspace import Tomogram
from shared import checks, texts


def show(rows: pd.DataFrame, tomogram: Tomogram) -> None:
    """Say how much of the elongation along the beam the missing wedge can explain."""
    estimated = checks.health_of(tomogram.volume(), checks.void_rule(tomogram)).tilt_range_deg
    left, right = st.columns([1, 3], vertical_alignment="center")
    tilt = left.number_input(
        "Tilt range (± °)",
        10,
        90,
        estimated,
        key=f"tilt_deg_{tomogram.id}",
        help="Of the tilt series that the tomogram was reconstructed from. The page Open "
        + ("finds this one." if estimated else "cannot tell it: enter it."),
    )
    found = rows["beam_elongation"].median()
    text = (
        f"The median object is **{found:.2f}** times as large along the beam (z) as across it; "
        "objects turned at random would have 1. "
    )
    if tilt is None:
        text += "Enter the tilt range to see how much of it the missing wedge can explain."
    else:
        text += _explained(found, tilt)
    right.markdown(text, help=texts.TERMS["missing wedge"])
    right.caption("Formula: Radermacher 1988, Ultramicroscopy 25, 241–254.")


def _explained(found: float, tilt: int) -> str:
    most = wedge_elongation(tilt)
    text = (
        f"Tilting to ± {tilt}° stretches the finest detail by **{most:.2f}** along z, larger "
        "bodies by less. "
    )
    if found <= 1.05:
        return text + "There is no sign that the missing wedge stretches these objects."
    if found <= most:
        return text + "So the missing wedge alone may explain all of it."
    return text + f"So at least {found / most:.2f} of it is in the objects or in the segmentation."
