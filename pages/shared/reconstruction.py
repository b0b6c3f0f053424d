"""How surfaces are made: the settings, the job, and what was chosen in one line."""

from dataclasses import replace
from typing import Any

import streamlit as st

from deepsxt_core.geometry import VoxelSize
from deepsxt_core.parameters import declared_field
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import inputs, job_blocks, sources, state, texts, widgets
from shared.sources import Source

DETAIL = {1.0: "Full", 0.5: "Half", 0.25: "Quarter", 0.1: "Tenth"}
_OBJECTS = {True: "Each value", False: "Connected bodies"}
_FEW_LABELS = 16
_AS_THEY_ARE = "Has no effect where each value is an object: labels are taken as they are."


def usual_params(labels: set[float]) -> ReconstructParams:
    """Return the usual settings; where there are several labels, each is an object.

    Of a few labels without 0, the lowest is taken for what lies outside.
    """
    outside = min(labels) if min(labels, default=0) > 0 and len(labels) <= _FEW_LABELS else 0
    objects = {label for label in labels if label > 0} - {outside}
    return ReconstructParams(each_label=len(objects) > 1, outside=int(outside))


def parameters(volume: Volume, source: Source) -> ReconstructParams:
    """Let the user choose how the surface of a source is made."""
    labels = widgets.labels_seen(volume) if source is None else set()
    default = usual_params(labels)
    chosen = replace(default, each_label=isinstance(source, KeptAnnotation), outside=0)
    if labels:
        chosen = _of_labels(default)
    elif not chosen.each_label:
        threshold, low = _thresholds()
        chosen = replace(chosen, threshold=threshold, low=low)
    as_they_are = _untouched(chosen.each_label)
    smoothing = inputs.slider(
        ReconstructParams,
        "smoothing_voxels",
        "Smoothing ({unit})",
        step=0.1,
        key="smoothing",
        **as_they_are,
    )
    smallest_um3 = 0.0
    if volume.voxel_size_nm is not None:
        smallest_um3 = inputs.number(
            ReconstructParams,
            "min_volume_um3",
            "Smallest object ({unit})",
            format="%.5f",
            step=0.0001,
            key="min_um3",
        )
    smallest = inputs.number(
        ReconstructParams, "min_voxels", "Smallest object ({unit})", step=16, key="min_voxels"
    )
    chosen = replace(
        chosen,
        smoothing_voxels=chosen.smoothing_voxels if chosen.each_label else round(smoothing, 2),
        min_voxels=smallest,
        min_volume_um3=smallest_um3,
    )
    with st.expander("Advanced", icon=":material/tune:"):
        return advanced(chosen, volume.voxel_size_nm)


def _of_labels(default: ReconstructParams) -> ReconstructParams:
    each_label = inputs.segments(
        ReconstructParams,
        "each_label",
        "Objects are",
        _OBJECTS,
        value=default.each_label,
        key="each_label",
    )
    outside = inputs.number(
        ReconstructParams,
        "outside",
        "Value outside",
        value=default.outside,
        step=1,
        key=f"outside_{default.outside}",
    )
    return replace(default, each_label=each_label is True, outside=outside or 0)


def _thresholds() -> tuple[float, float | None]:
    # Not as its default: the 3D view sets it too.
    st.session_state.setdefault("surface_threshold", state.threshold())
    threshold = inputs.slider(
        ReconstructParams,
        "threshold",
        "Threshold",
        value=None,
        step=0.02,
        key="surface_threshold",
    )
    state.set_threshold(threshold)
    st.session_state.setdefault("surface_low", state.low_threshold())
    low = inputs.number(
        ReconstructParams,
        "low",
        "Second threshold",
        step=0.02,
        format="%.2f",
        placeholder="none",
        key="surface_low",
    )
    state.set_low_threshold(low)
    if low is not None and state.low_threshold() is None:
        st.caption("The second threshold has no effect: it is not below the first.")
    return round(threshold, 2), state.low_threshold()


def advanced(chosen: ReconstructParams, size: VoxelSize | None) -> ReconstructParams:
    """Let the user choose what is seldom needed, in addition to what is chosen."""
    as_they_are: dict[str, Any] = (
        {"disabled": True, "help": _AS_THEY_ARE} if chosen.each_label else {}
    )
    taubin = inputs.slider(
        ReconstructParams,
        "taubin_iterations",
        "Smoothing of the mesh ({unit})",
        step=1,
        key="taubin",
    )
    close_gap = inputs.slider(
        ReconstructParams,
        "close_gap_voxels",
        "Close gaps ({unit})",
        step=1,
        key="close_gap",
        **as_they_are,
    )
    fill_lumens = inputs.toggle(
        ReconstructParams, "fill_lumens", "Fill lumens", key="fill_lumens", **as_they_are
    )
    split = inputs.slider(
        ReconstructParams,
        "split_voxels",
        "Part at necks ({unit})",
        step=0.5,
        key="part_at_necks",
    )
    if split:
        st.caption(f"Necks closer to the surface by {texts.voxels_text(split, size)} or more.")
    decimate_to = st.select_slider(
        "Detail of the mesh",
        list(DETAIL)[::-1],
        chosen.decimate_to,
        key="detail",
        format_func=DETAIL.get,
        help=declared_field(ReconstructParams, "decimate_to").help,
    )
    return replace(
        chosen,
        taubin_iterations=taubin,
        close_gap_voxels=0 if chosen.each_label else close_gap,
        fill_lumens=fill_lumens and not chosen.each_label,
        split_voxels=round(split, 1),
        decimate_to=decimate_to,
    )


def card(tomogram: Tomogram, source: Source, params: ReconstructParams) -> None:
    """Start making the surface, or show how far it is."""
    running = job_blocks.active_job(tomogram, "reconstruct")
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    if st.button("Make surface", type="primary", icon=":material/deployed_code:", width="stretch"):
        with widgets.errors_shown():
            sources.reconstruct(tomogram, source, params)
            st.rerun()
    last = job_blocks.last_job(tomogram, "reconstruct")
    if last is not None:
        job_blocks.job_ending(last)


def made_with(surface: Result) -> str:
    """Return the parameters of a surface in one line."""
    params = surface.params(ReconstructParams)
    annotated = "annotation" in surface.identity
    parts = [f"objects from {params.min_voxels} voxels"]
    if not (params.each_label or annotated):
        parts.insert(0, f"smoothing {params.smoothing_voxels:g} voxels")
    if annotated:
        name = surface.run.get("annotation", {}).get("name", "")
        parts.insert(0, f"annotation “{texts.escaped(texts.shortened(name, 40))}”")
    elif surface.made_from is None:
        parts.insert(0, "an object per label" if params.each_label else "labels as one mask")
        if params.outside:
            parts.append(f"{params.outside} lies outside")
    else:
        parts.insert(0, f"threshold {texts.thresholds(params.threshold, params.low)}")
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


def _untouched(each_label: bool) -> dict[str, Any]:
    """Return what a widget gets that has no effect on labels as they are."""
    return {"disabled": True, "help": _AS_THEY_ARE} if each_label else {}
