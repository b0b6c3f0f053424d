"""Objects of a surface on a page: their table, which are marked, their places in the slices."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from deepsxt_core.geometry import Place
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.surfaces import ObjectRow
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import snapshot, sources, texts
from shared.sources import Source

OBJECT = "object"
_MOST_LINKED = 5


def columns(rows: Sequence[ObjectRow]) -> list[dict[str, Any]]:
    """Return what the table shows of each object; names and classes where there are any."""
    named = any(row.name is not None for row in rows)
    return [
        {
            "id": row.id,
            **({"name": row.name, "class": row.class_name} if named else {}),
            "volume": row.volume,
            "area": row.area,
            "voxels": row.voxels,
            "faces": row.faces,
            **dict(zip(("x", "y", "z"), row.centroid, strict=True)),
        }
        for row in rows
    ]


def mark_as_asked(ids: Sequence[int], table_key: str) -> None:
    """Mark the objects that the address names, once for each table.

    Parameters
    ----------
    ids : sequence of int
        Those of the table, line by line.
    """
    asked = st.query_params.get(OBJECT, "")
    if asked and st.session_state.get(f"{table_key}_asked") != asked:
        st.session_state[f"{table_key}_asked"] = asked
        wanted = set(asked.split(","))
        lines = [line for line, object_id in enumerate(ids) if str(object_id) in wanted]
        st.session_state[table_key] = {"selection": {"rows": lines}}


def marked(rows: Sequence[ObjectRow], table_key: str) -> list[ObjectRow]:
    """Return the objects that are marked in a table."""
    lines = st.session_state.get(table_key, {}).get("selection", {}).get("rows", [])
    return [rows[line] for line in lines if line < len(rows)]


def in_slices(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, row: ObjectRow
) -> dict[str, str]:
    """Return the query by which *Review* shows an object at its centre."""
    z, y, x = centre(tomogram, source, surface, unit, row)
    query = {"t": tomogram.id, "at": f"{z:.0f},{y:.0f},{x:.0f}", OBJECT: str(row.id)}
    if isinstance(source, Result):
        return query | {"score": source.id}
    return query | ({"annotation": source.id} if isinstance(source, KeptAnnotation) else {})


def address(query: dict[str, str]) -> str:
    """Return the address of *Review* with a query, relative to the app's root."""
    return f"slices?{urlencode(query)}"


def links(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, rows: Sequence[ObjectRow]
) -> None:
    """Offer to go to the slices at the centre of each object, of the first few."""
    with st.container(horizontal=True, gap="small", key=f"in_slices_{surface.id}"):
        for row in rows[:_MOST_LINKED]:
            name = texts.escaped(texts.shortened(row.name or f"Object {row.id}", 30))
            st.page_link(
                "slices.py",
                label=f"{name} in the slices",
                icon=":material/layers:",
                query_params=in_slices(tomogram, source, surface, unit, row),
            )


def centre(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, row: ObjectRow
) -> Place:
    """Return the centre of an object in voxels of the tomogram, (z, y, x)."""
    region, size = sources.region(source), surface.voxel_size_nm
    volume = snapshot.volume(tomogram, region).with_voxel_size(size)
    place = row.centroid[::-1]
    if unit == "µm" and size is not None:
        steps = zip(place, volume.origin_nm, size, strict=True)
        z, y, x = ((1000 * at - first) / edge for at, first, edge in steps)
    else:
        z, y, x = (at - first for at, first in zip(place, volume.first_voxel, strict=True))
    return region.in_whole((z, y, x))
