"""Take results out of the app: meshes, volumes, tables, one file of all, a report."""

from functools import partial

import streamlit as st

from deepsxt_core.export.meshes import UNITS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.web import routes
from deepsxt_core.workspace import Result, Tomogram, downloads
from deepsxt_core.workspace.measured import thorough_measurement
from shared import components, job_files, notices, snapshot, sources, state, tables, texts, widgets
from shared.components import Download

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
widgets.header("Export", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    notices.damaged_results([tomogram], "scores", "surfaces", "measurements")
    source = sources.chooser(tomogram, sources.required(tomogram))
    surface = sources.surface(tomogram, source)
    threshold = state.threshold()
    if surface is None:
        st.info(
            "There is no surface of this yet, so there are no meshes, tables and reports.",
            icon=":material/deployed_code:",
        )
    else:
        notices.size_correction(tomogram, surface)
        params = surface.params(ReconstructParams)
        by_score = isinstance(source, Result)
        thresholds = (state.threshold(), state.low_threshold()) if by_score else (None, None)
        notices.old(notices.not_of_today(tomogram, surface, *thresholds))
        threshold = params.threshold
        left, right = widgets.split(1, 1)
        with left, st.container(border=True, key="surface_card"):
            files(tomogram, surface)
        with right, st.container(border=True, key="tables_card"):
            st.markdown("**Measurements**")
            done = thorough_measurement(surface, snapshot.results(tomogram, "measurements"))
            tables.files(tomogram, surface, done)
        with right, st.container(border=True, key="bundle_card"):
            job_files.bundle_card(tomogram, surface)
        with right, st.container(border=True, key="report_card"):
            job_files.report_card(tomogram, surface)
    if isinstance(source, Result):
        with st.container(border=True, key="score_card"):
            score_files(tomogram, source, threshold)
            if surface is not None:
                widgets.recipe_button(source, surface)
    st.caption(
        "Pictures and films of what you see are made on *Review* and *Surface*; labels of an "
        "annotation are downloaded on *Review*."
    )
