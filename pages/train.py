"""Make a model that knows your own data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepsxt_core import jobs
from deepsxt_core.files import safe_name
from deepsxt_core.network import MEMBRANE_ALONE, ModelInfo, list_models, new_model_folder
from deepsxt_core.training.datasets import Source, TrainingSet
from deepsxt_core.training.left_out import left_out_regions
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.preview import preview_samples
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.regions import Region
from deepsxt_core.training.splits import Split, SplitParams, split
from deepsxt_core.web.pictures import with_scale_bar
from deepsxt_core.workspace import Workspace
from shared import inputs, job_blocks, snapshot, texts, training, training_data, widgets

_FRESH = "Fresh weights"
_PREVIEWS = 8
_EARLIER = 6
_ENLARGED = 3
_NEW = "new"
# Of `deepsxt_core.training.preview.CLASSES`.
_COLOURS = ("green", "red", "blue", "yellow", "pink", "light green", "green")


def settings_card(folder: Path, models: list[ModelInfo]) -> tuple[str, str, bool, TrainingParams]:
    """Let the user choose how to train; return name, base, whether from fresh weights, the rest."""
    defaults = TrainingParams()
    with st.container(border=True, key="settings"):
        st.markdown("**Training**")
        names = [info.name for info in models]
        start = st.selectbox(
            "Start from",
            [*names, _FRESH],
            key="start",
            help="A model that knows membranes already needs a few labelled slices to learn how "
            "yours look. Fresh weights need hundreds, and hours.",
        )
        fresh = start == _FRESH
        base = start
        if fresh:
            base = st.selectbox("Compare with", names, key="compare")
        left, right = st.columns([3, 2])
        name = left.text_input("Name of the new model", _free_name(folder.name), key="name")
        minutes = inputs.number(
            TrainingParams, "minutes", "Minutes", step=5, format="%.4g", at=right, key="minutes"
        )
        with st.expander("Expert", icon=":material/tune:"):
            params = _expert(replace(defaults, minutes=minutes))
    return name, base, fresh, params


def _free_name(stem: str) -> str:
    taken = {info.name for info in list_models()}
    name, number = safe_name(f"{stem}-model"), 2
    while name in taken:
        name, number = safe_name(f"{stem}-model-{number}"), number + 1
    return name


def _expert(params: TrainingParams) -> TrainingParams:
    left, right = st.columns(2)

    def number(at: DeltaGenerator, name: str, label: str, **rest: Any) -> Any:
        return inputs.number(TrainingParams, name, label, at=at, key=name, **rest)

    def slider(at: DeltaGenerator, name: str, label: str, step: float) -> Any:
        return inputs.slider(TrainingParams, name, label, step=step, at=at, key=name)

    rate = number(left, "learning_rate", "Learning rate", format="%.1e")
    weight = number(right, "positive_weight", "Weight of membranes", step=0.5)
    batch = number(left, "batch_size", "Crops per batch")
    crop = number(right, "crop_px", "Side of a crop ({unit})", step=16)
    varied = slider(left, "augmentation", "Augmentation", 0.25)
    inverted = slider(right, "invert_chance", "Inverted crops", 0.1)
    rehearsal = slider(left, "rehearsal", "Simulated crops", 0.25)
    held = inputs.slider(SplitParams, "fraction", "Held back", step=0.05, at=right, key="held_back")
    regions = number(left, "regions", "Regions left out in turn")
    patience = number(right, "patience", "Patience", placeholder="endless")
    seed = number(left, "seed", "Seed")
    return replace(
        params,
        learning_rate=rate,
        positive_weight=weight,
        batch_size=batch,
        crop_px=crop,
        augmentation=varied,
        rehearsal=rehearsal,
        invert_chance=inverted,
        patience=patience,
        regions=regions,
        seed=seed,
        split=SplitParams(fraction=held, seed=seed),
    )


def summary_card(
    data: TrainingSet, parts: Split, left_out: Sequence[Region], params: TrainingParams
) -> None:
    """Tell what was found in the data and how it is parted."""
    counts = data.counts()
    with st.container(border=True, key="summary"):
        with st.container(horizontal=True, gap="medium"):
            for label, value in (
                ("Labelled slices", counts["labelled_slices"]),
                ("Unlabelled slices", counts["unlabelled_slices"]),
                (_pixels(data), f"{counts['membrane_px']:,}"),
            ):
                st.metric(label, value, width="content")
        measured = f"Measured on {texts.escaped(parts.rule)}."
        if left_out:
            each = texts.duration_text(60 * (params.minutes or 0) / len(left_out))
            measured = (
                f"To tell whether it helps, each of {len(left_out)} regions is left out in turn, "
                f"about {each} each; then the model learns from all of them."
            )
        st.caption(
            f":green[:material/check_circle:] All {counts['files']} files were read. {measured}",
            help=", ".join(region.name for region in left_out) or texts.TERMS["held back"],
        )
        with st.expander("Files", icon=":material/list:"):
            st.dataframe(_files(data, parts), hide_index=True)


def _pixels(data: TrainingSet) -> str:
    return "Membrane pixels" if data.classes == MEMBRANE_ALONE else "Marked pixels"


def _files(data: TrainingSet, parts: Split) -> pd.DataFrame:
    held = {block.source for block in parts.validation}
    trained = {block.source for block in parts.training}
    uses = {(True, True): "both", (True, False): "measure", (False, True): "train"}
    return pd.DataFrame(
        {
            "Image": source.name,
            "Voxels (x × y × z)": texts.shape_text(source.image.shape),
            "Labelled slices": len(source.labelled),
            "Membrane (%)": round(_membrane_percent(source), 1) if source.labelled else None,
            "Used to": uses.get((i in held, i in trained), "repaint" if source.unlabelled else "–"),
            "Membranes": "bright" if source.invert else "dark",
        }
        for i, source in enumerate(data.sources)
    )


def _membrane_percent(source: Source) -> float:
    _, height, width = source.image.shape
    return 100 * sum(source.membrane_px) / (len(source.labelled) * height * width)


@st.fragment
@widgets.errors_shown()
def preview_card(data: TrainingSet, parts: Split, params: TrainingParams) -> None:
    """Show augmented crops as the network will meet them."""
    with st.container(border=True, key="preview"):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown("**What the network will see**", width="stretch")
        labels = row.toggle("Labels", True, key="preview_labels")
        if row.button("Others", icon=":material/casino:", key="preview_others"):
            st.session_state["preview_number"] = st.session_state.get("preview_number", 0) + 1
        number = st.session_state.get("preview_number", 0)
        crops = preview_samples(data, parts, params, number=number, count=_PREVIEWS, labels=labels)
        size = data.sources[parts.training[0].source].image.voxel_size_nm
        pixel_nm = size.x if size is not None else None
        columns = [column for _ in range(_PREVIEWS // 4) for column in st.columns(4, gap="small")]
        for column, crop in zip(columns, crops, strict=True):
            larger = np.kron(crop, np.ones((_ENLARGED, _ENLARGED, 1), np.uint8))
            if pixel_nm is not None:
                larger = with_scale_bar(larger, pixel_nm / _ENLARGED)
            column.image(larger, alt="A random crop of the training data", width="stretch")
        st.caption(
            f"Random crops of {crops[0].shape[0]} px, turned, flipped, and varied in their grey "
            "values. " + (_legend(data) if labels else "")
        )


def _legend(data: TrainingSet) -> str:
    if data.classes == MEMBRANE_ALONE:
        return "Membranes are tinted green, unjudged pixels orange."
    colours = zip(data.classes, _COLOURS, strict=False)
    tints = ", ".join(f"{texts.escaped(name)} {colour}" for name, colour in colours)
    return f"Tinted are {tints}; unjudged pixels orange."


def start_button(
    folder: Path,
    wish: tuple[str, str, bool, TrainingParams],
    reading: DataParams,
    left_out: Sequence[Region],
) -> None:
    """Start the training."""
    name, base, fresh, params = wish
    text = texts.duration_text(60 * (params.minutes or 0) * (2 if left_out else 1))
    if st.button(
        f"Train for {text}", type="primary", icon=":material/school:", width="stretch", key="train"
    ):
        new_model_folder(name)
        request = jobs.TrainRequest(
            name=safe_name(name),
            data=str(folder),
            base=base,
            fresh=fresh,
            params=params,
            reading=reading,
        )
        show(jobs.submit(Workspace(), request).id)


def show(job_id: str | None) -> None:
    """Show this training; None shows the settings for a new one."""
    st.query_params["training"] = job_id or _NEW
    st.rerun()


def shown_job(trainings: list[jobs.Job]) -> jobs.Job | None:
    """Return the training that the address names; without a name, one that is at work."""
    wanted = st.query_params.get("training")
    if wanted == _NEW:
        return None
    named = next((job for job in trainings if job.id == wanted), None)
    return named or next((job for job in trainings if job.active), None)


def training_view(job: jobs.Job) -> None:
    """Show one training: while it works, how it ended, what came out."""
    if job.active:
        training.live_training(job.id)
        return
    if job.state == "done":
        training.outcome(job)
    else:
        if job.state == "cancelled":
            st.info("The training was cancelled.", icon=":material/cancel:")
        job_blocks.job_ending(job)
    training.training_record(job)


def needs_card() -> None:
    """Say what is needed, while nothing is chosen."""
    with st.container(border=True, key="needs"):
        st.markdown("**What it takes**")
        st.markdown(
            "- A few slices with their membranes drawn, by any program that saves masks: "
            "`cell1.tif` with `cell1.labels.tif` of the same size.\n"
            "- About ten minutes: the model that comes with the program is taught how membranes "
            "look in your data.\n"
            "- A part of the labels is held back, and tells whether the new model is better.",
        )


def earlier_card(trainings: list[jobs.Job]) -> None:
    """List earlier trainings."""
    if not trainings:
        return
    with st.container(border=True, key="earlier", gap="xsmall"):
        st.markdown("**Earlier trainings**")
        for job in trainings[:_EARLIER]:
            name = texts.escaped(jobs.title(Workspace(), job)[1])
            label = (
                f"{name} :gray[· {job_blocks.STATES[job.state]} · {texts.ago_text(job.created)}]"
            )
            if st.button(
                label, key=f"earlier_{job.id}", type="tertiary", icon=":material/history:"
            ):
                show(job.id)


def new_training(trainings: list[jobs.Job]) -> None:
    """Let the user prepare a training and start it."""
    models = list_models()
    if not models:
        st.warning(
            "There is no model to start from or to compare with. Get one on the page *Models*.",
            icon=":material/model_training:",
        )
        return
    left, right = widgets.split(5, 6)
    with left:
        folder = training_data.data_card()
        reading = training_data.reading_card()
    with right, widgets.errors_shown():
        if folder is None:
            needs_card()
            earlier_card(trainings)
            return
        data = training.checked_set(folder, reading)
        with left:
            wish = settings_card(folder, models)
        parts = split(data, wish[3].split)
        left_out = () if wish[2] else left_out_regions(data, parts, wish[3])
        summary_card(data, parts, left_out, wish[3])
        preview_card(data, parts, wish[3])
        with left, widgets.errors_shown():
            start_button(folder, wish, reading, left_out)
        earlier_card(trainings)


row = widgets.header("Train", "A model that knows your own data, from a few labelled slices.")
trainings = [job for job in snapshot.known_jobs() if job.kind == "train"]
job = shown_job(trainings)
if job is None:
    new_training(trainings)
else:
    if row.button("Train another", icon=":material/add:"):
        show(None)
    st.subheader(texts.escaped(jobs.title(Workspace(), job)[1]), anchor=False)
    with widgets.errors_shown():
        training_view(job)
