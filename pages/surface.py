"""Turn the score into surfaces, look at them, measure and export them."""

from functools import partial

import streamlit as st

from deepsxt_core.export.meshes import UNITS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.surfaces import ObjectRow, load_table
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, Tomogram, downloads
from shared import (
    comparison,
    components,
    films,
    job_files,
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
from shared.components import Download, Marked
from shared.sources import Source

_VIEW_HEIGHT_PX = 620
_FORMAT_NOTES = {
    "stl": "3D printing, any viewer",
    "obj": "Blender, any viewer",
    "ply": "MeshLab, with colours",
    "vtp": "ParaView, with object ids",
    "glb": "web viewers, slides",
    "off": "geometry programs",
    "gltf": "web viewers, as text",
    "vtk": "older programs that read VTK",
    "inp": "Abaqus and other finite elements",
    "msh": "Gmsh, finite elements",
}


@st.fragment
@widgets.errors_shown()
def look(
    tomogram: Tomogram, source: Source, surface: Result, unit: Unit, rows: tuple[ObjectRow, ...]
) -> None:
    """Show the surfaces in 3D, one line per object, and the files.

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
    objects_tab, files_tab = st.tabs(
        [f":material/table: {len(rows)} objects", ":material/download: Export"]
    )
    with objects_tab:
        notices.old(old)
        table(rows, unit, table_key)
        objects.links(tomogram, source, surface, unit, marked)
    with files_tab:
        notices.old(old)
        files(tomogram, surface)
        if score is not None:
            score_files(tomogram, score, surface.params(ReconstructParams).threshold)
        job_files.bundle_card(tomogram, surface)
        if score is not None:
            widgets.recipe_button(score, surface)
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
            f"{area:.4g} {unit}²",
            help="Of all surfaces. A membrane has two sides, so it counts about twice.",
            width="content",
        )
        st.metric(
            "Volume",
            f"{enclosed:.4g} {unit}³",
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


def mesh_choice(surface: Result) -> dict[str, str]:
    """Let the user choose objects and unit of the mesh files; return them as a query."""
    unit, rows = load_table(surface.folder)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Objects in the files",
            [row.id for row in rows],
            placeholder="All of them",
            key="exported_objects",
        )
        units = UNITS if unit == "µm" else {}
        name = st.selectbox(
            "Unit of coordinates",
            list(units) or ["voxel"],
            format_func=lambda each: UNITS[each],
            key="exported_unit",
            width=180,
            disabled=not units,
            help="Most programs do not read a unit from a mesh: they take the numbers as they are.",
        )
    query = {"objects": ",".join(map(str, chosen))} if chosen else {}
    return query | ({"unit": name} if UNITS[name] != unit else {})


def files(tomogram: Tomogram, surface: Result) -> None:
    """Offer the files of the surface."""
    at = partial(routes.download_address, tomogram, "surfaces", surface.id)
    st.markdown("**Surface**")
    choice = mesh_choice(surface)
    components.downloads(
        [
            Download(
                label=name.rpartition(".")[2].upper(),
                address=at(name, **choice),
                title=_FORMAT_NOTES[name.rpartition(".")[2]],
            )
            for name in downloads.MESH_FILES
        ]
        + [
            Download(
                label="Objects",
                note="CSV",
                address=at(downloads.OBJECTS_FILE),
                title="One line per object",
            ),
            Download(
                label="3D page",
                note="HTML",
                address=at(downloads.PAGE_FILE),
                title="Turns in any browser, without this app",
            ),
        ]
        + [
            Download(
                label="Object numbers",
                note=note,
                address=at(name),
                title="The number of the object at each voxel, 0 where there is none",
            )
            for name, note in zip(downloads.INSTANCE_FILES, ("TIFF", "MRC"), strict=True)
        ],
        key="surface_files",
    )


def score_files(tomogram: Tomogram, score: Result, threshold: float) -> None:
    """Offer the files of the score."""
    at = partial(routes.download_address, tomogram, "scores", score.id)
    st.markdown("**Score and mask**")
    components.downloads(
        [
            Download(label="Score", note="TIFF", address=at("score.tif")),
            Download(label="Score", note="MRC", address=at("score.mrc")),
        ]
        + [
            Download(
                label="Mask",
                note=note,
                address=at(f"mask.{suffix}", threshold=threshold),
                title=f"Score above {threshold:.2f}",
            )
            for suffix, note in (("tif", "TIFF"), ("mrc", "MRC"), ("npy", "NumPy"))
        ],
        key="score_files",
    )


tomogram = widgets.required_tomogram()
films.button(widgets.header("Surface", texts.shortened(tomogram.name, 80)), tomogram)
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
                    "The surface appears here. Choose the settings and reconstruct; "
                    "it takes seconds to minutes.",
                    text_alignment="center",
                )
        else:
            unit, rows = load_table(surface.folder)
            notices.size_correction(tomogram, surface)
            totals(rows, unit)
            st.caption(reconstruction.made_with(surface))
            look(tomogram, source, surface, unit, rows)
            pyvista_scene.card(tomogram, source, surface)
