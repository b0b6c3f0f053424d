"""The settings of a result or a job, put into the widgets of the page that makes another one.

A page shows those of what is at work or was made last, so that a reload changes nothing; the
history puts those of any result there. What somebody sets on the page stays until they leave it.
"""

import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.inference import SegmentParams
from deepsxt_core.network import list_models
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Result, Tomogram
from deepsxt_core.workspace.annotations import annotation_of
from shared import job_blocks, reconstruction, state

_SEGMENT, _SURFACE = "segment_set_for", "surface_set_for"
_SEGMENT_WIDGETS = ("rotations", "precision", "tiling", "rescale")
_SURFACE_WIDGETS = {
    "smoothing": "smoothing_voxels",
    "min_um3": "min_volume_um3",
    "min_voxels": "min_voxels",
    "taubin": "taubin_iterations",
    "close_gap": "close_gap_voxels",
    "fill_lumens": "fill_lumens",
    "part_at_necks": "split_voxels",
    "detail": "decimate_to",
}


def keep_segmentation(tomogram: Tomogram, depth: int) -> None:
    """Show the settings of the segmentation at work, or of the one that is shown, on its page.

    Parameters
    ----------
    tomogram : Tomogram
    depth : int
        Number of slices that can be chosen from.
    """
    if st.session_state.get(_SEGMENT) == tomogram.id and "model" in st.session_state:
        return
    st.session_state[_SEGMENT] = tomogram.id
    running = job_blocks.active_job(tomogram, "segment")
    request = running and running.request
    score = state.score_result(tomogram)
    if isinstance(request, jobs.SegmentRequest):
        _set_segmentation(tomogram, depth, request.model, request.params)
    elif score is not None and score.region == tomogram.region:
        _set_segmentation(tomogram, depth, score.run["model"]["name"], score.params(SegmentParams))


def keep_surface(tomogram: Tomogram, surface: Result | None) -> None:
    """Show the settings of the surface at work, or of the one that is shown, on its page."""
    if st.session_state.get(_SURFACE) == tomogram.id and "smoothing" in st.session_state:
        return
    st.session_state[_SURFACE] = tomogram.id
    running = job_blocks.active_job(tomogram, "reconstruct")
    request = running and running.request
    params = None
    if isinstance(request, jobs.ReconstructRequest):
        params = request.params
    elif surface is not None:
        params = surface.params(ReconstructParams)
    if params is not None:
        _set_surface(params)
        # The address wins where it says something.
        if "threshold" not in st.session_state:
            _set_thresholds(params)


def segmentation(tomogram: Tomogram, score_id: str) -> None:
    """Open the page that segments, with all settings of a score: its part of the tomogram, too.

    Raises
    ------
    DeepSXTError
        If the score is gone, or its model.
    """
    score = tomogram.result("scores", score_id)
    params, model = score.params(SegmentParams), score.run["model"]["name"]
    if model not in {known.name for known in list_models()}:
        raise DeepSXTError(f"The model '{model}' is not installed any more. Install it again.")
    tomogram = tomogram.update(
        region=score.region, invert=params.invert, void=params.void, void_value=params.void_value
    )
    depth = tomogram.volume(tomogram.region).shape[0]
    _set_segmentation(tomogram, depth, model, params)
    st.session_state[_SEGMENT] = tomogram.id
    st.switch_page("segment.py")


def surface(tomogram: Tomogram, surface_id: str) -> None:
    """Open the page that makes surfaces, with the source and all settings of a surface.

    Raises
    ------
    DeepSXTError
        If the surface is gone.
    """
    found = tomogram.result("surfaces", surface_id)
    params, kept = found.params(ReconstructParams), annotation_of(tomogram, found)
    state.choose_annotation(kept.id if kept else None)
    if kept is None:
        state.choose_score(found.made_from or state.LABELS)
    state.choose_surface(found.id)
    _set_surface(params)
    _set_thresholds(params)
    st.session_state[_SURFACE] = tomogram.id
    st.switch_page("surface.py")


def _set_segmentation(tomogram: Tomogram, depth: int, model: str, params: SegmentParams) -> None:
    if model in {known.name for known in list_models()}:
        st.session_state["model"] = model
    for name in _SEGMENT_WIDGETS:
        st.session_state[name] = getattr(params, name)
    end = params.z1 or depth
    if params.z0 < end <= depth:
        st.session_state[f"z_{tomogram.id}_{depth}"] = (params.z0 + 1, end)


def _set_surface(params: ReconstructParams) -> None:
    for key, name in _SURFACE_WIDGETS.items():
        st.session_state[key] = getattr(params, name)
    if params.decimate_to not in reconstruction.DETAIL:
        del st.session_state["detail"]
    st.session_state["each_label"] = params.each_label


def _set_thresholds(params: ReconstructParams) -> None:
    st.session_state["surface_threshold"] = params.threshold
    st.session_state["surface_low"] = params.low
    state.set_threshold(params.threshold)
    state.set_low_threshold(params.low)
