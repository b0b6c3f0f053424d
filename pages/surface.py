"""Make surfaces of a score, an annotation or labels, and look at them."""

import streamlit as st

from deepsxt_core.numerals import number_text
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.surfaces import ObjectRow, load_table
from deepsxt_core.workspace import Result, Tomogram
from shared import (
    comparison,
    components,
    films,
    notices,
    objects,
    pyvista_scene,
    reconstruction,
    repeating,
    snapshot,
    sources,
    state,
    texts,
    widgets,
)
from shared.components import Marked
from shared.sources import Source

_VIEW_HEIGHT_PX = 620


@st.fragment
@widgets.errors_shown()
def look(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, rows: tuple[ObjectRow, ...]
) -> None:
    """Show the surfaces in 3D, and one line per object.

    What is marked in the view is marked in the table, and back.
    """
    view_key, table_key = (f"{name}_{tomogram.id}_{surface.id}" for name in ("view", "objects"))
    objects.mark_as_asked([row.id for row in rows], table_key)
    marked = objects.marked(rows, table_key)
    score = source if isinstance(source, Result) else None
    threshold, low = (state.threshold(), state.low_threshold()) if score else (None, None)
    old = notices.not_of_today(tomogram, surface, threshold, low)

    def mark() -> None:
        ids = set(st.session_state[view_key].chosen)
        found = [place for place, row in enumerate(rows) if row.id in ids]
        st.session_state[table_key] = {"selection": {"rows": found}}

    def take_threshold() -> None:
        st.session_state["surface_threshold"] = st.session_state[view_key].threshold
        state.set_threshold(st.session_state[view_key].threshold)
        st.session_state[f"{view_key}_redraw"] = True

    components.surface_view(
        tomogram,
        sources.region(source),
        surface,
        unit=unit,
        rows=rows,
        marked=[
            Marked(
                id=row.id,
                address=objects.address(objects.in_slices(tomogram, source, surface, unit, row)),
            )
            for row in marked
        ],
        key=view_key,
        on_chosen=mark,
        old=old,
        distances=comparison.other_surfaces(tomogram, surface),
        threshold=threshold,
        low=low,
        on_threshold=take_threshold,
        on_film=films.keeper(tomogram, view_key, f"{view_key}_redraw", surface.id),
    )
    notices.old(old)
    table(rows, unit, table_key)
    objects.links(tomogram, source, surface, unit, marked)
    # At the end, as what is not drawn would be taken away.
    if st.session_state.pop(f"{view_key}_redraw", False):
        st.rerun()  # the whole page, whose slider and button follow


def totals(rows: tuple[ObjectRow, ...], unit: Unit) -> None:
    """Show the sums over all objects."""
    area = sum(row.area for row in rows)
    enclosed = sum(row.volume for row in rows)
    with st.container(horizontal=True, gap="large", key="totals"):
        st.metric("Objects", len(rows), help="Connected pieces of surface.", width="content")
        st.metric(
            "Area",
            f"{number_text(area)} {unit}²",
            help="Of all surfaces. A membrane has two sides, so it counts about twice.",
            width="content",
        )
        st.metric(
            "Volume",
            f"{number_text(enclosed)} {unit}³",
            help="Enclosed by the surfaces: the volume of the membranes themselves.",
            width="content",
        )
        st.metric("Triangles", f"{sum(row.faces for row in rows):,}", width="content")


def table(rows: tuple[ObjectRow, ...], unit: Unit, key: str) -> None:
    """Show one line per object; marked ones stand out in the view."""
    number = st.column_config.NumberColumn
    st.dataframe(
        objects.columns(rows),
        hide_index=True,
        height=min(420, 36 * (len(rows) + 1) + 2),
        column_config={
            "id": number("Object", help="1 is the largest, unless people have numbered them."),
            "name": "Name",
            "class": "Class",
            "volume": number(f"Volume ({unit}³)", format="%.4g"),
            "area": number(f"Area ({unit}²)", format="%.4g"),
            "voxels": number("Voxels", format="localized"),
            "faces": number("Triangles", format="localized"),
            **{axis: number(f"{axis} ({unit})", format="%.3f") for axis in "xyz"},
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=key,
    )


tomogram = widgets.required_tomogram()
row = widgets.header("Surface", texts.shortened(tomogram.name, 80))
films.button(row, tomogram)
with widgets.errors_shown():
    notices.damaged_results([tomogram], "scores", "surfaces")
    source = sources.required(tomogram)
    volume = snapshot.volume(tomogram)
    left, right = widgets.split(2, 5)
    with left, st.container(border=True, key="parameters"):
        source = sources.chooser(tomogram, source)
        repeating.keep_surface(tomogram, sources.surface(tomogram, source))
        params = reconstruction.parameters(volume, source)
        reconstruction.card(tomogram, source, params)
    surface = sources.surface(tomogram, source)
    with right:
        if surface is None:
            with st.container(
                border=True,
                height=_VIEW_HEIGHT_PX,
                key="no_surface",
                horizontal_alignment="center",
                vertical_alignment="center",
            ):
                st.markdown("### :material/deployed_code:", text_alignment="center")
                st.caption(
                    "The surface appears here. Choose the settings and make it; "
                    "it takes seconds to minutes.",
                    text_alignment="center",
                )
        else:
            if row.button("Measure", type="primary", icon=":material/arrow_forward:"):
                st.switch_page("measure.py")
            unit, rows = load_table(surface.folder)
            notices.size_correction(tomogram, surface)
            totals(rows, unit)
            st.caption(reconstruction.made_with(surface))
            look(tomogram, source, surface, unit, rows)
            pyvista_scene.card(tomogram, source, surface)
