"""Find the membranes with a trained network."""

from dataclasses import asdict

import numpy as np
import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.inference import SegmentParams, choose_rescaling
from deepsxt_core.jobs.trial import desk
from deepsxt_core.network import ModelInfo, list_models
from deepsxt_core.volume import Volume
from deepsxt_core.web import routes
from deepsxt_core.web.pictures import grey_codes, overlay, with_scale_bar
from deepsxt_core.workspace import Tomogram, Workspace
from shared import inputs, job_blocks, repeating, snapshot, state, texts, widgets

_ROTATION_NAMES = {1: "Off", 4: "4 rotations", 8: "8, with mirrors"}
_TILING_NAMES = {"full": "Whole slices", "compat": "As published"}


def settings_card(tomogram: Tomogram, volume: Volume) -> tuple[ModelInfo, SegmentParams]:
    """Let the user choose the model and how it is used."""
    models = {model.name: model for model in list_models()}
    repeating.keep_segmentation(tomogram, volume.shape[0])
    with st.container(border=True, key="settings"):
        st.markdown("**Settings**")
        name = st.selectbox("Model", list(models), key="model")
        model = models[name]
        if len(model.classes()) > 1:
            st.caption(
                f":material/category: Finds {texts.escaped(', '.join(model.classes()))}, each as a "
                "result of its own."
            )
        with st.expander("About this model", icon=":material/info:"):
            st.markdown(texts.card(model.card) or "This model has no card.")
        if not tomogram.region.is_whole:
            st.caption(
                ":material/crop: Of the part chosen on *Open*: "
                f"{texts.voxels_of_text(volume.shape, volume.voxel_size_nm)}."
            )
        depth = volume.shape[0]
        first, last = 1, depth
        if depth > 1:
            first, last = st.slider(
                "Slices",
                1,
                depth,
                (1, depth),
                key=f"z_{tomogram.id}_{depth}",
                help="Leave out the blurred slices at the top and the bottom to save time.",
            )
        rotations = inputs.segments(
            SegmentParams, "rotations", "Averaging", _ROTATION_NAMES, key="rotations"
        )
        with st.expander("Advanced", icon=":material/tune:"):
            precision = inputs.choice(
                SegmentParams, "precision", "Precision", {"auto": "Automatic"}, key="precision"
            )
            tiling = inputs.choice(SegmentParams, "tiling", "Tiling", _TILING_NAMES, key="tiling")
            rescale = inputs.toggle(
                SegmentParams, "rescale", "Fit the pixel size to the model", key="rescale"
            )
        rescaling = choose_rescaling(volume, model.pixel_size_nm())
        if rescale and rescaling is not None and tiling != "compat":
            st.caption(f":material/photo_size_select_small: {rescaling.note}")
    params = SegmentParams(
        z0=first - 1,
        # The whole tomogram is one wish, however many slices it has.
        z1=None if last == depth else last,
        crop=tomogram.region.crop,
        bin=tomogram.region.bin,
        rescale=rescale,
        rotations=rotations,
        precision=precision,
        tiling=tiling,
        invert=tomogram.invert,
        void=tomogram.void,
        void_value=tomogram.void_value,
    )
    return model, params


@st.fragment
@widgets.errors_shown()
def preview_card(
    tomogram: Tomogram, volume: Volume, model: ModelInfo, params: SegmentParams
) -> None:
    """Let the user try the settings on one slice."""
    with st.container(border=True, key="preview"):
        title, action = st.columns([3, 2], vertical_alignment="center")
        title.markdown("**Try one slice**", help=texts.TERMS["score"])
        middle = sum(params.z_range(volume.shape[0])) // 2
        z = middle
        if volume.shape[0] > 1:
            z = (
                st.slider(
                    "Slice", 1, volume.shape[0], middle + 1, key=f"try_{tomogram.id}_{volume.shape}"
                )
                - 1
            )
        classes = model.classes()
        looked_at = classes[0]
        if len(classes) > 1:
            looked_at = st.segmented_control(
                "Class", classes, default=classes[0], required=True, key=f"try_class_{model.name}"
            )
        wish = (tomogram.id, str(tomogram.dataset), z, model.name, asdict(params))
        if action.button("Try", icon=":material/play_arrow:", width="stretch", key="try"):
            st.session_state["tried"] = wish
        survey = routes.slice_source(tomogram, tomogram.region).survey
        grey = grey_codes(volume.read(z, z + 1)[0], survey.low, survey.high)
        picture, note = grey, f"Slice {z + 1} of {volume.shape[0]}, as it is."
        if st.session_state.get("tried") == wish:
            with widgets.errors_shown(), st.spinner("Asking the network …", show_time=True):
                score = _one_slice(tomogram, model, z, params)
                if len(classes) > 1:
                    score = score[..., classes.index(looked_at)]
                found = np.mean(score > state.threshold())
                picture = overlay(grey, score, state.threshold())
                note = f"Slice {z + 1}: {found:.1%} of it counts as {looked_at}."
        size = volume.voxel_size_nm
        picture = with_scale_bar(picture, size.x if size else None)
        st.image(picture, caption=note, alt=note, width="stretch", output_format="JPEG")


@st.cache_data(
    max_entries=16,
    show_spinner=False,
    hash_funcs={Tomogram: repr, ModelInfo: ModelInfo.sha256},
)
def _one_slice(tomogram: Tomogram, model: ModelInfo, z: int, params: SegmentParams) -> np.ndarray:
    return desk.score(tomogram, model.name, z, params).scores


def run_card(tomogram: Tomogram, depth: int, model: ModelInfo, params: SegmentParams) -> None:
    """Start the segmentation, or show how far it is."""
    running = job_blocks.active_job(tomogram, "segment")
    if running is not None:
        job_blocks.job_progress(running.id)
        return
    first, end = params.z_range(depth)
    count = end - first
    request = jobs.SegmentRequest(model=model.name, params=params)
    job_blocks.estimate_line(tomogram, request)
    slices = "1 slice" if count == 1 else f"{count} slices"
    if st.button(
        f"Segment {slices}", type="primary", icon=":material/bolt:", width="stretch", key="run"
    ):
        with widgets.errors_shown():
            job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
            state.choose_score(job.result_id)
            st.rerun()
    last = job_blocks.last_job(tomogram, "segment")
    if last is not None:
        job_blocks.job_ending(last)


def done_card(tomogram: Tomogram) -> None:
    """Point to the result once there is one."""
    result = state.score_result(tomogram)
    if result is None or job_blocks.active_job(tomogram, "segment") is not None:
        return
    with st.container(border=True, key="done"):
        st.markdown(
            ":green[:material/check_circle:] **Segmented** with "
            + texts.escaped(widgets.score_label(result))
        )
        if result.class_name is not None:
            st.caption("The results of other classes are in the lists of the next pages.")
        if st.button("Look at the slices", icon=":material/layers:", width="stretch"):
            st.switch_page("slices.py")


tomogram = widgets.required_tomogram()
widgets.header("Segment", "A trained network scores every voxel: membrane or not.")
with widgets.errors_shown():
    volume = snapshot.volume(tomogram, tomogram.region)
    if not list_models():
        st.warning(
            "No model is installed. Get one on the page *Models*.",
            icon=":material/network_intelligence:",
        )
        st.stop()
    left, right = widgets.split(5, 6)
    with left:
        model, params = settings_card(tomogram, volume)
        run_card(tomogram, volume.shape[0], model, params)
        done_card(tomogram)
    with right:
        preview_card(tomogram, volume, model, params)
