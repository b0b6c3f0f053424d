"""How surfaces are made: the settings, the job, and what was chosen in one line."""

from dataclasses import replace

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.geometry import VoxelSize
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, Tomogram, Workspace
from shared import state, texts, widgets

_DETAIL = {1.0: "Full", 0.5: "Half", 0.25: "Quarter", 0.1: "Tenth"}
_OBJECTS = {True: "Each value", False: "Connected bodies"}
_AS_THEY_ARE = "Has no effect where each value is an object: labels are taken as they are."


def usual_params(labels: set[float]) -> ReconstructParams:
    """Return the usual settings; where there are several labels, each is an object."""
    return ReconstructParams(each_label=sum(label > 0 for label in labels) > 1)


def start(tomogram: Tomogram, score_id: str | None, params: ReconstructParams) -> None:
    """Submit a job that makes a surface of a score, or of the file's labels, and choose it."""
    request = jobs.ReconstructRequest(score=score_id, params=params)
    job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
    state.choose_surface(job.result_id)


def parameters(volume: Volume, labels: set[float]) -> ReconstructParams:
    """Let the user choose how the surface is made; of labels, if there are any."""
    default = usual_params(labels)
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


def card(tomogram: Tomogram, score: Result | None, params: ReconstructParams) -> None:
    """Start the reconstruction, or show how far it is."""
    running = widgets.active_job(tomogram, "reconstruct")
    if running is not None:
        widgets.job_progress(running.id)
        return
    if st.button("Reconstruct", type="primary", icon=":material/deployed_code:", width="stretch"):
        with widgets.errors_shown():
            start(tomogram, score and score.id, params)
            st.rerun()
    last = widgets.last_job(tomogram, "reconstruct")
    if last is not None:
        widgets.job_ending(last)


def made_with(surface: Result) -> str:
    """Return the parameters of a surface in one line."""
    params = surface.params(ReconstructParams)
    parts = [f"objects from {params.min_voxels} voxels"]
    if not params.each_label:
        parts.insert(0, f"smoothing {params.smoothing_voxels:g} voxels")
    if surface.made_from is None:
        parts.insert(0, "an object per label" if params.each_label else "labels as one mask")
    else:
        parts.insert(0, f"threshold {params.threshold:.2f}")
    if params.close_gap_voxels:
        parts.append(f"gaps closed with {params.close_gap_voxels} voxels")
    if params.fill_lumens:
        parts.append("lumens filled")
    if params.split_voxels:
        neck = texts.voxels_text(params.split_voxels, surface.voxel_size_nm)
        parts.append(f"parted at necks of {neck}")
    if params.merge:
        parts.append(f"{len(params.merge)} merged by hand")
    if params.decimate_to < 1:
        parts.append(f"{params.decimate_to:.0%} of the triangles")
    text = " · ".join(parts)
    return text[0].upper() + text[1:]
