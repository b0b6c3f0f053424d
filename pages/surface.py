"""Turn the score into surfaces, look at them, measure and export them."""

from dataclasses import replace
from functools import partial

import streamlit as st

from deepsxt_core import exports, serving
from deepsxt_core.geometry import Region, VoxelSize
from deepsxt_core.io.meshes import UNITS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.surfaces import ObjectRow, Unit, load_table
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, Tomogram
from shared import bundles, components, state, texts, widgets
from shared.components import Download

_VIEW_HEIGHT_PX = 620
_DETAIL = {1.0: "Full", 0.5: "Half", 0.25: "Quarter", 0.1: "Tenth"}
_OBJECTS = {True: "Each value", False: "Connected bodies"}
_AS_THEY_ARE = "Has no effect where each value is an object: labels are taken as they are."
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


def parameters(volume: Volume, labels: set[float]) -> ReconstructParams:
    """Let the user choose how the surface is made; of labels, if there are any."""
    default = widgets.usual_params(labels)
    threshold, each_label = default.threshold, False
    if labels:
        each_label = (
            st.segmented_control(
                "Objects are",
                list(_OBJECTS),
                default=default.each_label,
                required=True,
                format_func=_OBJECTS.get,
                key="each_label",
                help="The values of the file, whose neighbours then share their boundary; or what "
                "hangs together, whatever its value.",
            )
            is True
        )
    else:
        threshold = st.slider(
            "Threshold",
            -1.0,
            0.98,
            state.threshold(),
            0.02,
            help=texts.TERMS["threshold"],
            key="surface_threshold",
        )
        state.set_threshold(threshold)
    smoothing = st.slider(
        "Smoothing (voxels)",
        0.0,
        4.0,
        default.smoothing_voxels,
        0.1,
        key="smoothing",
        disabled=each_label,
        help=_AS_THEY_ARE
        if each_label
        else "Blurs the score a little before the surface is laid, so that noise leaves no "
        "roughness. More than 2 closes fine gaps and swallows thin details.",
    )
    smallest_um3 = 0.0
    if volume.voxel_size_nm is not None:
        smallest_um3 = st.number_input(
            "Smallest object (µm³)",
            0.0,
            None,
            0.0,
            format="%.5f",
            step=0.0001,
            key="min_um3",
            help="Objects of a smaller volume are left out.",
        )
    smallest = st.number_input(
        "Smallest object (voxels)",
        0,
        None,
        default.min_voxels,
        step=16,
        key="min_voxels",
        help="Objects of fewer voxels are left out; most of them are noise.",
    )
    chosen = ReconstructParams(
        threshold=round(threshold, 2),
        smoothing_voxels=default.smoothing_voxels if each_label else round(smoothing, 2),
        each_label=each_label,
        min_voxels=smallest,
        min_volume_um3=smallest_um3,
    )
    with st.expander("Advanced", icon=":material/tune:"):
        return advanced(chosen, volume.voxel_size_nm)


def advanced(chosen: ReconstructParams, size: VoxelSize | None) -> ReconstructParams:
    """Let the user choose what is seldom needed, in addition to what is chosen."""
    taubin = st.slider(
        "Smoothing of the mesh (rounds)",
        0,
        100,
        chosen.taubin_iterations,
        key="taubin",
        help="Taubin smoothing: takes the steps of the voxels out of the surface and keeps "
        "its volume. 0 switches it off.",
    )
    close_gap = st.slider(
        "Close gaps (voxels)",
        0,
        5,
        chosen.close_gap_voxels,
        key="close_gap",
        disabled=chosen.each_label,
        help=_AS_THEY_ARE
        if chosen.each_label
        else "Gaps in a membrane up to about twice as wide are closed, and dents as narrow "
        "with them. 0 switches it off.",
    )
    fill_lumens = st.toggle(
        "Fill lumens",
        chosen.fill_lumens,
        key="fill_lumens",
        disabled=chosen.each_label,
        help=_AS_THEY_ARE
        if chosen.each_label
        else "A vesicle is then its membrane and what it encloses: one surface, the outer one.",
    )
    split = st.slider(
        "Part at necks (voxels)",
        0.0,
        20.0,
        chosen.split_voxels,
        0.5,
        key="part_at_necks",
        help="Bodies that touch are parted where they narrow (watershed): at a neck that is this "
        "much closer to the surface than the middle of either part. For solid bodies and filled "
        "vesicles. 0 switches it off.",
    )
    if split:
        st.caption(f"Necks closer to the surface by {texts.voxels_text(split, size)} or more.")
    decimate_to = st.select_slider(
        "Detail of the mesh",
        list(_DETAIL)[::-1],
        chosen.decimate_to,
        key="detail",
        format_func=_DETAIL.get,
        help="The fraction of triangles to keep. Fewer make smaller files.",
    )
    return replace(
        chosen,
        taubin_iterations=taubin,
        close_gap_voxels=0 if chosen.each_label else close_gap,
        fill_lumens=fill_lumens and not chosen.each_label,
        split_voxels=round(split, 1),
        decimate_to=decimate_to,
    )


def reconstruct_card(tomogram: Tomogram, score: Result | None, params: ReconstructParams) -> None:
    """Start the reconstruction, or show how far it is."""
    running = widgets.active_job(tomogram, "reconstruct")
    if running is not None:
        widgets.job_progress(running.id)
        return
    if st.button("Reconstruct", type="primary", icon=":material/deployed_code:", width="stretch"):
        with widgets.errors_shown():
            widgets.start_reconstruction(tomogram, score and score.id, params)
            st.rerun()
    last = widgets.last_job(tomogram, "reconstruct")
    if last is not None:
        widgets.job_ending(last)


@st.fragment
@widgets.errors_shown()
def look(
    tomogram: Tomogram,
    score: Result | None,
    surface: Result,
    unit: Unit,
    rows: tuple[ObjectRow, ...],
) -> None:
    """Show the surfaces in 3D, one line per object, and the files.

    What is marked in the view is marked in the table, and back.
    """
    view_key, table_key = f"view_{surface.id}", f"objects_{surface.id}"
    marked = st.session_state.get(table_key, {}).get("selection", {}).get("rows", [])

    def mark() -> None:
        ids = set(st.session_state[view_key].chosen)
        found = [place for place, row in enumerate(rows) if row.id in ids]
        st.session_state[table_key] = {"selection": {"rows": found}}

    components.surface_view(
        tomogram,
        score.region if score else Region(),
        surface,
        unit=unit,
        rows=rows,
        chosen=[rows[place].id for place in marked],
        key=view_key,
        on_chosen=mark,
    )
    objects_tab, files_tab = st.tabs(
        [f":material/table: {len(rows)} objects", ":material/download: Export"]
    )
    with objects_tab:
        table(rows, unit, table_key)
    with files_tab:
        files(tomogram, surface)
        if score is not None:
            score_files(tomogram, score, surface.run["params"]["threshold"])
        bundles.bundle_card(tomogram, surface)
        if score is not None:
            widgets.recipe_button(score, surface)


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


def made_with(surface: Result) -> str:
    """Return the parameters of a surface in one line."""
    params = ReconstructParams(**surface.run["params"])
    recipe = surface.run["recipe"]
    parts = [f"objects from {params.min_voxels} voxels"]
    if not params.each_label:
        parts.insert(0, f"smoothing {params.smoothing_voxels:g} voxels")
    if recipe["score"] is None:
        parts.insert(0, "an object per label" if params.each_label else "labels as one mask")
    else:
        parts.insert(0, f"threshold {params.threshold:.2f}")
    if params.close_gap_voxels:
        parts.append(f"gaps closed with {params.close_gap_voxels} voxels")
    if params.fill_lumens:
        parts.append("lumens filled")
    if params.split_voxels:
        size = recipe["voxel_size_nm"] and VoxelSize(*recipe["voxel_size_nm"])
        parts.append(f"parted at necks of {texts.voxels_text(params.split_voxels, size)}")
    if params.merge:
        parts.append(f"{len(params.merge)} merged by hand")
    if params.decimate_to < 1:
        parts.append(f"{params.decimate_to:.0%} of the triangles")
    text = " · ".join(parts)
    return text[0].upper() + text[1:]


def table(rows: tuple[ObjectRow, ...], unit: Unit, key: str) -> None:
    """Show one line per object; marked ones stand out in the view."""
    number = st.column_config.NumberColumn
    st.dataframe(
        [
            {
                "id": row.id,
                "volume": row.volume,
                "area": row.area,
                "voxels": row.voxels,
                "faces": row.faces,
                **dict(zip(("x", "y", "z"), row.centroid, strict=True)),
            }
            for row in rows
        ],
        hide_index=True,
        height=min(420, 36 * (len(rows) + 1) + 2),
        column_config={
            "id": number("Object", help="1 is the largest."),
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
    at = partial(serving.download_address, tomogram, "surfaces", surface.id)
    st.markdown("**Surface**")
    choice = mesh_choice(surface)
    components.downloads(
        [
            Download(
                label=name.rpartition(".")[2].upper(),
                address=at(name, **choice),
                title=_FORMAT_NOTES[name.rpartition(".")[2]],
            )
            for name in exports.MESH_FILES
        ]
        + [
            Download(
                label="Objects",
                note="CSV",
                address=at(exports.OBJECTS_FILE),
                title="One line per object",
            ),
            Download(
                label="3D page",
                note="HTML",
                address=at(exports.PAGE_FILE),
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
            for name, note in zip(exports.INSTANCE_FILES, ("TIFF", "MRC"), strict=True)
        ],
        key="surface_files",
    )


def score_files(tomogram: Tomogram, score: Result, threshold: float) -> None:
    """Offer the files of the score."""
    at = partial(serving.download_address, tomogram, "scores", score.id)
    st.markdown("**Score and mask**")
    components.downloads(
        [
            Download(label="Score", note="TIFF", address=at("score.tif")),
            Download(label="Score", note="MRC", address=at("score.mrc")),
            Download(
                label="Mask",
                note="TIFF",
                address=at("mask.tif", threshold=threshold),
                title=f"Score above {threshold:.2f}",
            ),
            Download(
                label="Mask",
                note="MRC",
                address=at("mask.mrc", threshold=threshold),
                title=f"Score above {threshold:.2f}",
            ),
        ],
        key="score_files",
    )


tomogram = widgets.required_tomogram()
widgets.header("Surface", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    score = widgets.required_source(tomogram)
    volume = tomogram.volume()
    left, right = widgets.split(2, 5)
    with left, st.container(border=True, key="parameters"):
        score = widgets.source_chooser(tomogram, score)
        params = parameters(volume, set() if score else widgets.labels_seen(volume))
        reconstruct_card(tomogram, score, params)
    surface = state.surface_result(tomogram, score)
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
            totals(rows, unit)
            st.caption(made_with(surface))
            look(tomogram, score, surface, unit, rows)
