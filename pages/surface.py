"""Turn the score into surfaces, look at them, measure and export them."""

from dataclasses import asdict

import streamlit as st

from deepsxt_core import exports, jobs, serving
from deepsxt_core.io.meshes import UNITS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.surfaces import ObjectRow, Unit, load_table
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, Tomogram, Workspace
from shared import bundles, components, state, texts, widgets
from shared.components import Download

_VIEW_HEIGHT_PX = 620
_DETAIL = {1.0: "Full", 0.5: "Half", 0.25: "Quarter", 0.1: "Tenth"}
_FORMAT_NOTES = {
    "stl": "3D printing, any viewer",
    "obj": "Blender, any viewer",
    "ply": "MeshLab, with colours",
    "vtp": "ParaView, with object ids",
    "glb": "web viewers, slides",
}


def parameters(volume: Volume) -> ReconstructParams:
    """Let the user choose how the surface is made."""
    default = ReconstructParams()
    known = volume.voxel_size_nm is not None
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
        help="Blurs the score a little before the surface is laid, so that noise leaves no "
        "roughness. More than 2 closes fine gaps and swallows thin details.",
    )
    if known:
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
    with st.expander("Advanced", icon=":material/tune:"):
        taubin = st.slider(
            "Smoothing of the mesh (rounds)",
            0,
            100,
            default.taubin_iterations,
            key="taubin",
            help="Taubin smoothing: takes the steps of the voxels out of the surface and keeps "
            "its volume. 0 switches it off.",
        )
        close_gap = st.slider(
            "Close gaps (voxels)",
            0,
            5,
            default.close_gap_voxels,
            key="close_gap",
            help="Gaps in a membrane up to about twice as wide are closed, and dents as narrow "
            "with them. 0 switches it off.",
        )
        fill_lumens = st.toggle(
            "Fill lumens",
            default.fill_lumens,
            key="fill_lumens",
            help="A vesicle is then its membrane and what it encloses: one surface, the outer one.",
        )
        decimate_to = st.select_slider(
            "Detail of the mesh",
            list(_DETAIL)[::-1],
            default.decimate_to,
            key="detail",
            format_func=_DETAIL.get,
            help="The fraction of triangles to keep. Fewer make smaller files.",
        )
    return ReconstructParams(
        threshold=round(threshold, 2),
        smoothing_voxels=round(smoothing, 2),
        close_gap_voxels=close_gap,
        fill_lumens=fill_lumens,
        min_voxels=smallest,
        min_volume_um3=smallest_um3 if known else 0.0,
        taubin_iterations=taubin,
        decimate_to=decimate_to,
    )


def reconstruct_card(tomogram: Tomogram, score: Result, params: ReconstructParams) -> None:
    """Start the reconstruction, or show how far it is."""
    running = widgets.active_job(tomogram, "reconstruct")
    if running is not None:
        widgets.job_progress(running.id)
        return
    if st.button("Reconstruct", type="primary", icon=":material/deployed_code:", width="stretch"):
        with widgets.errors_shown():
            job = jobs.submit(
                Workspace(),
                jobs.JobRequest(
                    kind="reconstruct",
                    tomogram=tomogram.id,
                    params={"score": score.id, **asdict(params)},
                ),
            )
            state.choose_surface(job.recipe)
            st.rerun()
    last = widgets.last_job(tomogram, "reconstruct")
    if last is not None:
        widgets.job_ending(last)


@st.fragment
@widgets.errors_shown()
def look(
    tomogram: Tomogram, score: Result, surface: Result, unit: Unit, rows: tuple[ObjectRow, ...]
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
        score,
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
        files(tomogram, score, surface, surface.run["params"]["threshold"])
        bundles.bundle_card(tomogram, surface)
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
    parts = [
        f"Threshold {params.threshold:.2f}",
        f"smoothing {params.smoothing_voxels:g} voxels",
        f"objects from {params.min_voxels} voxels",
    ]
    if params.close_gap_voxels:
        parts.append(f"gaps closed with {params.close_gap_voxels} voxels")
    if params.fill_lumens:
        parts.append("lumens filled")
    if params.decimate_to < 1:
        parts.append(f"{params.decimate_to:.0%} of the triangles")
    return " · ".join(parts)


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


def files(tomogram: Tomogram, score: Result, surface: Result, threshold: float) -> None:
    """Offer the files."""

    def at(kind: str, result: Result, name: str, **query: float | str) -> str:
        return serving.download_address(tomogram, kind, result.id, name, **query)

    st.markdown("**Surface**")
    choice = mesh_choice(surface)
    components.downloads(
        [
            Download(
                label=name.rpartition(".")[2].upper(),
                address=at("surfaces", surface, name, **choice),
                title=_FORMAT_NOTES[name.rpartition(".")[2]],
            )
            for name in exports.MESH_FILES
        ]
        + [
            Download(
                label="Objects",
                note="CSV",
                address=at("surfaces", surface, exports.OBJECTS_FILE),
                title="One line per object",
            ),
            Download(
                label="3D page",
                note="HTML",
                address=at("surfaces", surface, exports.PAGE_FILE),
                title="Turns in any browser, without this app",
            ),
        ]
        + [
            Download(
                label="Object numbers",
                note=note,
                address=at("surfaces", surface, name),
                title="The number of the object at each voxel, 0 where there is none",
            )
            for name, note in zip(exports.INSTANCE_FILES, ("TIFF", "MRC"), strict=True)
        ],
        key="surface_files",
    )
    st.markdown("**Score and mask**")
    components.downloads(
        [
            Download(label="Score", note="TIFF", address=at("scores", score, "score.tif")),
            Download(label="Score", note="MRC", address=at("scores", score, "score.mrc")),
            Download(
                label="Mask",
                note="TIFF",
                address=at("scores", score, "mask.tif", threshold=threshold),
                title=f"Score above {threshold:.2f}",
            ),
            Download(
                label="Mask",
                note="MRC",
                address=at("scores", score, "mask.mrc", threshold=threshold),
                title=f"Score above {threshold:.2f}",
            ),
        ],
        key="score_files",
    )


tomogram = widgets.required_tomogram()
widgets.header("Surface", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    score = widgets.required_score(tomogram)
    volume = tomogram.volume()
    left, right = widgets.split(2, 5)
    with left, st.container(border=True, key="parameters"):
        score = widgets.score_chooser(tomogram, score)
        params = parameters(volume)
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
                    "The surface appears here. Choose a threshold and reconstruct; "
                    "it takes seconds to minutes.",
                    text_alignment="center",
                )
        else:
            unit, rows = load_table(surface.folder)
            totals(rows, unit)
            st.caption(made_with(surface))
            look(tomogram, score, surface, unit, rows)
