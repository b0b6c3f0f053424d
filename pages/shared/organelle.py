"""One object on the page *Measure*: pictures in three planes, numbers, flags, ways to it."""

import html
from collections.abc import Iterator
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from deepsxt_core.io.pyramid import AXES, PLANE_NAMES
from deepsxt_core.numerals import number_text
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.key_numbers import (
    ERROR_OF,
    KEY_QUANTITIES,
    ROTATIONS_UNKNOWN,
    parts_text,
)
from deepsxt_core.surface.surfaces import ObjectRow
from deepsxt_core.workspace import Result, Tomogram, display
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import objects, snapshot, sources, texts, widgets
from shared.sources import Source

_FLAGS = {"cut_by_border": "Cut by the border", "capped": "Closed by the program"}
_WIDTH_PX = 220
_ROOM = 0.75


def card(
    tomogram: Tomogram,
    source: Source,
    surface: Result,
    unit: Unit,
    row: ObjectRow,
    measured: pd.Series,
) -> None:
    """Draw all that is known of one object.

    Parameters
    ----------
    measured : pandas.Series
        Its line in the table of the page.
    """
    with st.container(border=True, key="organelle"):
        name = texts.escaped(texts.shortened(row.name or f"Object {row.id}", 60))
        kind = f" :gray[{texts.escaped(row.class_name)}]" if row.class_name else ""
        st.markdown(" ".join([f"**{name}**{kind}", *_flags(measured)]))
        pictures, numbers = widgets.split(3, 2, "split_organelle")
        with pictures:
            _pictures(tomogram, source, surface, unit, row)
        with numbers:
            st.dataframe(
                pd.DataFrame(_lines(measured, unit), columns=["Quantity", "Value"]),
                hide_index=True,
                width="stretch",
            )
            st.caption(_how_sure(measured, unit))
        query = objects.in_slices(tomogram, source, surface, unit, row)
        with st.container(horizontal=True, gap="small"):
            objects.links(tomogram, source, surface, unit, [row])
            st.page_link(
                "surface.py",
                label="In 3D",
                icon=":material/deployed_code:",
                query_params={name: value for name, value in query.items() if name != "at"},
            )


def _flags(measured: pd.Series) -> Iterator[str]:
    if isinstance(measured.get("state"), str):
        yield f":blue-badge[{texts.escaped(measured['state'].capitalize())}]"
    for name, words in _FLAGS.items():
        if measured.get(name) == 1:
            yield f":orange-badge[{words}]"


def _lines(measured: pd.Series, unit: Unit) -> Iterator[tuple[str, str]]:
    """Yield what was measured with its error, in words."""
    for quantity in KEY_QUANTITIES:
        column = quantity.column(unit)
        value = measured.get(column)
        if value is not None and not pd.isna(value):
            error = ERROR_OF.get(quantity.name)
            spread = measured.get(column.replace(quantity.name, error, 1)) if error else None
            yield quantity.heading(unit), number_text(value, spread)


def _how_sure(measured: pd.Series, unit: Unit) -> str:
    """Return of what the error bars consist, in words."""
    ending = f"_{plain_unit(unit)}"
    values = {str(name): value for name, value in measured.items()}
    parts = {
        name: parts_text(values, name, f"{ending}{power}")
        for name, power in (("volume", 3), ("area", 2))
    }
    known = "; ".join(f"{name}: {text}" for name, text in parts.items() if text)
    if not known:
        return "*Measure thoroughly* tells how sure these are."
    if pd.isna(values.get(f"volume_error{ending}3")):
        return f"No error bar, as nobody knows how well it is outlined. Known of its {known}."
    return f"± holds the truth in 95 % of cases. Parts of {known}; {ROTATIONS_UNKNOWN}."


def _pictures(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, row: ObjectRow
) -> None:
    """Show the planes through its middle; the server draws them when the browser asks."""
    centre = objects.centre(tomogram, source, surface, unit, row)
    shape = snapshot.volume(tomogram).shape
    half = _half_voxels(source, surface, unit, row)
    # Slices come from the file at once; the other planes once they have been prepared.
    ready = display.prepare(display.grey_display(tomogram)).state == "ready"
    shown = []
    for place, axis in enumerate(AXES if ready else AXES[:1]):
        index = min(max(round(centre[place]), 0), shape[place] - 1)
        inside = [n for n in range(3) if n != place]
        low = [max(centre[n] - half[n], 0) for n in inside]
        high = [min(centre[n] + half[n] + 1, shape[n]) for n in inside]
        query = {
            "view": ",".join(f"{at:.1f}" for at in (*low, *high)),
            "width_px": _WIDTH_PX,
            "caption": 0,
            "label_style": "outline",
        } | _overlay(source, surface, row)
        address = f"api/tomograms/{tomogram.id}/figure/{axis}/{index}.png?{urlencode(query)}"
        title = f"{PLANE_NAMES[axis]}, slice {index + 1}"
        shown.append(
            f'<figure><img src="{html.escape(address)}" alt="{title}" loading="lazy">'
            f"<figcaption>{title}</figcaption></figure>"
        )
    st.html(f'<div class="organelle">{"".join(shown)}</div>')
    if not ready:
        st.caption("XZ and YZ are being prepared; look again in a moment.")


def _half_voxels(source: Source, surface: Result, unit: Unit, row: ObjectRow) -> list[float]:
    """Return half of the cube that is shown, in voxels of the tomogram along z, y, x."""
    size = surface.voxel_size_nm
    edges = (1.0, 1.0, 1.0)
    if unit == "µm" and size is not None:
        edges = (size.z / 1000, size.y / 1000, size.x / 1000)
    bounds = row.bounds
    longest = max(bounds[n + 1] - bounds[n] for n in (0, 2, 4))
    binned = sources.region(source).bin
    return [max(4.0, _ROOM * longest / edge * binned) for edge in edges]


def _overlay(source: Source, surface: Result, row: ObjectRow) -> dict[str, object]:
    if isinstance(source, KeptAnnotation):
        return {"annotation": source.id, "only": row.id}
    if isinstance(source, Result):
        params = surface.params(ReconstructParams)
        drawn = {"first": f"scores/{source.id}", "style": "outline", "threshold": params.threshold}
        return drawn if params.low is None else {**drawn, "low": params.low}
    return {}
