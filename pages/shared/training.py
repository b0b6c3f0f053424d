"""What the page *Train* draws: a checked data set, curves, a training and its outcome."""

import time
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json
from deepsxt_core.network import list_models
from deepsxt_core.numerals import number_text
from deepsxt_core.progress import NoProgress
from deepsxt_core.training.datasets import TrainingSet, open_training_set
from deepsxt_core.training.left_out import word
from deepsxt_core.training.pairing import files_fingerprint, find_pairs
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.records import PANEL_GAP_PX, PANELS_NAME, REFERENCE_NAME, Row, read_log
from deepsxt_core.web.pictures import with_scale_bar
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.data_roots import places_of
from shared import job_blocks, snapshot, texts, widgets

SCORES = {
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "accuracy": "Accuracy",
    "tolerant_f1": "F1 within 3 px",
    "iou": "IoU",
}
_CURVES = ("f1", "precision", "recall", "accuracy")
_REFRESH_S = 2.0
_KEPT_CHECKS = 4
_BASE_COLOUR = "#8a9a9e"
_COLOURS = {"f1": "#179d8f", "precision": "#d97706", "recall": "#6366f1", "accuracy": "#9ca3af"}
_CHART = {"displayModeBar": False}


class _Bar(NoProgress):
    """Shows how far the check of a data set is."""

    def __init__(self) -> None:
        self._place = st.empty()

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._done, self._begun = done, time.monotonic()
        self.advance(0)

    def advance(self, n: int = 1) -> None:
        self._done += n
        text = f"**{self._name}** · {self._done} of {self._total} {self._unit}s"
        spent = time.monotonic() - self._begun
        if self._done and spent > 1:
            left = spent * (self._total - self._done) / self._done
            text += f" · about {texts.duration_text(left)} left"
        self._place.progress(min(1.0, self._done / max(1, self._total)), text=text)

    def close(self) -> None:
        self._place.empty()


@st.cache_resource
def _checks() -> dict[tuple, TrainingSet | DeepSXTError]:
    return {}


def checked_set(folder: Path, reading: DataParams) -> TrainingSet:
    """Return the data set in a folder; it is read again only if a file of it changed.

    Raises
    ------
    DeepSXTError
        If nothing can be learnt from it.
    """
    known = _checks()
    key = folder, reading, files_fingerprint(find_pairs(folder, places_of(folder)))
    if key not in known:
        bar = _Bar()
        try:
            known[key] = open_training_set(folder, reading, bar, places_of(folder))
        except DeepSXTError as error:
            known[key] = error
        bar.close()
        while len(known) > _KEPT_CHECKS:
            known.pop(next(iter(known)))
    found = known[key]
    if isinstance(found, DeepSXTError):
        raise found
    return found


def score_curves(rows: list[Row], reference: float | None, name: str) -> go.Figure:
    """Draw the scores on the data held back over time, and the F1 of the base as a line."""
    figure = go.Figure()
    minutes = [row["seconds"] / 60 for row in rows]
    for key in _CURVES:
        figure.add_scatter(
            x=minutes,
            y=[row[key] for row in rows],
            name=SCORES[key],
            mode="lines+markers",
            line={"width": 3 if key == "f1" else 1.5, "color": _COLOURS[key]},
            marker={"size": 5},
            customdata=[row["step"] for row in rows],
            hovertemplate="%{y:.3f} after %{customdata:.0f} steps",
        )
    if reference is not None:
        figure.add_hline(
            y=reference,
            line={"dash": "dot", "width": 1.5, "color": _BASE_COLOUR},
            annotation_text=f"F1 of {name}",
        )
    figure.update_yaxes(title="On the data held back", range=[0, 1.02])
    return _finished(figure)


def loss_curve(rows: list[Row]) -> go.Figure:
    """Draw the loss over time; the first row was measured before any step and has none."""
    figure = go.Figure(
        go.Scatter(
            x=[row["seconds"] / 60 for row in rows[1:]],
            y=[row["loss"] for row in rows[1:]],
            mode="lines+markers",
            marker={"size": 5, "color": _COLOURS["f1"]},
            line={"color": _COLOURS["f1"]},
            customdata=[row["step"] for row in rows[1:]],
            hovertemplate="%{y:.4f} after %{customdata:.0f} steps<extra></extra>",
        )
    )
    figure.update_yaxes(title="Loss", rangemode="tozero")
    return _finished(figure)


def _finished(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(title="Minutes of training", rangemode="tozero")
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.12},
    )
    return figure


@st.fragment(run_every=_REFRESH_S)
@widgets.errors_shown()
def live_training(job_id: str) -> None:
    """Show a training at work, until it ends; the page is then drawn anew."""
    job = snapshot.job(job_id)
    if not job.active:
        st.rerun(scope="app")
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="job"):
        job_blocks.progress_bar(job.status)
        job_blocks.cancel_button(job, scope="app", note="It can be resumed where it stopped.")
    training_record(job)


def training_record(job: jobs.Job) -> None:
    """Draw what a training has left so far: curves and examples."""
    folder = jobs.job_folder(Workspace(), job)
    rows = read_log(folder) if folder is not None else []
    if folder is None or not rows:
        if job.active:
            st.caption("Curves and examples appear after the first measurement.")
        return
    reference = read_json(folder / REFERENCE_NAME) or {}
    with st.container(border=True, key="curves"):
        last = rows[-1]
        if reference.get("is_seen"):
            st.caption(
                "Of labels that are learnt from too; what the regions left out say decides.",
            )
        with st.container(horizontal=True, gap="medium", key="now"):
            for key in _CURVES:
                st.metric(SCORES[key], f"{last[key]:.3f}", help=texts.TERMS[key], width="content")
            st.metric("Steps", f"{last['step']:.0f}", help=texts.TERMS["step"], width="content")
        left, right = widgets.split(3, 2)
        f1 = reference.get("glance", {}).get("f1")
        with left:
            figure = score_curves(rows, f1, reference.get("name", ""))
            st.plotly_chart(figure, config=_CHART, key=f"scores_{job.id}")
        with right:
            if len(rows) > 1:
                st.plotly_chart(loss_curve(rows), config=_CHART, key=f"loss_{job.id}")
    if (folder / PANELS_NAME).is_file():
        with st.container(border=True, key="examples"):
            with Image.open(folder / PANELS_NAME) as picture:
                panels = np.asarray(picture.convert("RGB"))
            pixel_nm = reference.get("pixel_nm")
            st.image(
                with_scale_bar(panels, pixel_nm),
                alt="Image, label, reconstruction and prediction of slices held back",
                width="stretch",
            )
            seen = "Learnt from, too" if reference.get("is_seen") else "Held back from training"
            st.caption(
                f"{seen}. From left to right: image, label (grey where nobody "
                f"judged), reconstruction, prediction; each {_panel_width(panels, pixel_nm)} wide."
            )


def _panel_width(panels: np.ndarray, pixel_nm: float | None) -> str:
    width_px = panels.shape[1] // 4 - 2 * PANEL_GAP_PX
    return f"{width_px} px" + (
        f" ({number_text(width_px * pixel_nm / 1000, digits=3)} µm)" if pixel_nm else ""
    )


def _counted(n: int, name: str) -> str:
    return f"{n} {name}{'' if n == 1 else 's'}"


def outcome(job: jobs.Job) -> None:
    """Say what came out of a training that is done, and where to go from here."""
    folder = jobs.job_folder(Workspace(), job)
    run = (read_json(folder / "run.json") if folder is not None else None) or {}
    if not run:
        st.caption("What this training found was removed.")
        return
    regions = run.get("regions", [])
    icon = ":material/trending_up:" if run["better"] else ":material/trending_down:"
    (st.success if run["better"] else st.warning)(texts.escaped(run["verdict"]), icon=icon)
    info = next((info for info in list_models() if info.name == run["name"]), None)
    with st.container(border=True, key="outcome"):
        st.dataframe(
            {
                "Regions left out" if regions else "On the data held back": list(SCORES.values()),
                run["name"]: [f"{run['scores'][key]:.3f}" for key in SCORES],
                run["base"]: [f"{run['base_scores'][key]:.3f}" for key in SCORES],
                "Change": [f"{run['scores'][k] - run['base_scores'][k]:+.3f}" for k in SCORES],
            },
            hide_index=True,
        )
        if regions:
            pairs = [(one["scores"]["f1"], one["base_scores"]["f1"]) for one in regions]
            st.dataframe(
                {
                    "Region left out": [one["name"] for one in regions],
                    "F1 before": [f"{old:.3f}" for _, old in pairs],
                    "Taught without it": [f"{new:.3f}" for new, _ in pairs],
                    "": [word(new, old) for new, old in pairs],
                },
                hide_index=True,
            )
        caution = "; this also chose the step, so the numbers are a little too good"
        if not run["chosen"]:
            caution = ""
        st.caption(
            f"{_counted(run['steps'], 'step')} in {texts.duration_text(run['seconds'])}, "
            f"{run['choice']}. Measured on "
            f"{run['rule']}{caution}."
        )
        if info is None:
            st.caption("The model is no longer in the library.")
            return
        row = st.container(horizontal=True)
        if row.button("Segment with it", icon=":material/network_intelligence:", type="primary"):
            st.session_state["model"] = info.name
            st.switch_page("segment.py")
        if row.button("Model library", icon=":material/model_training:"):
            st.switch_page("models.py")
        with st.expander("Card", icon=":material/info:"):
            st.markdown(texts.card(info.card))
