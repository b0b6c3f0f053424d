"""How well a result agrees with the truth: numbers, all thresholds, and where it is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from deepsxt_core import jobs
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams, PixelCounts, ScoreHistogram
from deepsxt_core.numerals import number_text
from deepsxt_core.workspace import Result, Tomogram, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation
from shared import (
    agreement,
    calibration,
    comparison,
    inputs,
    job_blocks,
    notices,
    snapshot,
    sources,
    state,
    texts,
    truths,
    widgets,
)
from shared.truths import Truth

_LINE, _PRESENT, _BEST = "#179d8f", "#f27828", "#5696ff"
_PIXEL_HELP = {
    "f1": ("F1 (Dice)", "Harmonic mean of precision and recall."),
    "precision": ("Precision", "Share of the marked voxels that are true."),
    "recall": ("Recall", "Share of the true voxels that are marked."),
    "iou": ("IoU", "Intersection over union, also called Jaccard index."),
    "accuracy": ("Accuracy", "Share of all voxels that are right; mostly background."),
}
_TOLERANT_HELP = {
    "tolerant_f1": ("F1", "Harmonic mean of the two beside it."),
    "tolerant_precision": ("Precision", "Share of the marked voxels with a true one near."),
    "tolerant_recall": ("Recall", "Share of the true voxels with a marked one near."),
}
_DISTANCE_HELP = {
    "mean": ("Mean", "From each surface voxel of either to the nearest of the other, in 3D."),
    "hausdorff_95": ("95 % within", "95 % of the surface voxels lie at most so far apart."),
    "hausdorff": ("Hausdorff", "The largest distance; one wrong speck is enough to make it large."),
}


def run_card(tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth) -> EvaluateParams:
    """Let the user set how to compare, and start it; return what was set."""
    size = snapshot.volume(tomogram, source.region).voxel_size_nm
    tolerance_px = inputs.number(EvaluateParams, "tolerance_px", "Tolerance ({unit})", step=0.5)
    if size and size.x == size.y:
        st.caption(f"{tolerance_px:g} px are {tolerance_px * size.x:g} nm")
    with st.expander("Advanced", icon=":material/tune:"):
        ignore_label = inputs.number(
            EvaluateParams, "ignore_label", "Label to ignore", placeholder="none"
        )
        true_labels = _values(isinstance(truth, Path))
    annotated = isinstance(source, KeptAnnotation)
    params = EvaluateParams(
        threshold=0.0 if annotated else state.threshold(),
        tolerance_px=tolerance_px,
        ignore_label=ignore_label,
        true_labels=true_labels,
    )
    running = job_blocks.active_job(tomogram, "evaluate")
    if running is not None:
        job_blocks.job_progress(running.id)
        return params
    if st.button(
        "Evaluate" if annotated else f"Evaluate at threshold {params.threshold:.2f}",
        type="primary",
        icon=":material/fact_check:",
        width="stretch",
    ):
        with widgets.errors_shown():
            request = jobs.EvaluateRequest(
                score=None if isinstance(source, KeptAnnotation) else source.id,
                annotation=source.pinned() if isinstance(source, KeptAnnotation) else None,
                truth=str(truth) if isinstance(truth, Path) else None,
                true_annotation=None if isinstance(truth, Path) else truth.pinned(),
                params=params,
            )
            job = jobs.submit(Workspace(), request, tomogram=tomogram.id)
            st.session_state["evaluation"] = job.result_id
            st.rerun()
    last = job_blocks.last_job(tomogram, "evaluate")
    if last is not None:
        job_blocks.job_ending(last)
    return params


def _values(in_a_file: bool) -> tuple[int, ...]:
    """Let the user say which values of a label file count."""
    if not in_a_file:
        return ()
    text = st.text_input(
        "Values that count",
        placeholder="all above 0",
        key="true_labels",
        help="Of labels of several classes: those of the class that the result is for, such as 2.",
    )
    if not re.fullmatch(r"[0-9 ,]{0,60}", text):
        raise InvalidParameterError(f"Give values with commas between, such as 2, 3: got {text!r}.")
    return tuple(int(part) for part in re.findall("[0-9]{1,9}", text))


def chosen_evaluation(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth
) -> Result | None:
    """Return the evaluation asked for last, or the newest of this source with this truth."""
    found = [
        each
        for each in snapshot.results(tomogram, "evaluations")
        if each.made_from == source.id and _is_against(each, truth)
    ]
    wanted = st.session_state.get("evaluation")
    return next((each for each in found if each.id == wanted), next(iter(found), None))


def _is_against(evaluation: Result, truth: Truth) -> bool:
    if isinstance(truth, Path):
        return evaluation.run["truth"] == str(truth)
    return evaluation.identity.get("true_annotation", {}).get("id") == truth.id


def told_old(evaluation: Result, source: Result | KeptAnnotation, truth: Truth) -> list[str]:
    """Return which annotations have been edited since an evaluation, in sentences."""
    compared = {"annotation": source, "true_annotation": truth}
    edited = [
        kept.name
        for key, kept in compared.items()
        if isinstance(kept, KeptAnnotation)
        and evaluation.identity[key]["digest"] != kept.version().digest
    ]
    return [f"'{name}' has been edited since; evaluate again." for name in edited]


def numbers(evaluation: Result, histogram: ScoreHistogram | None) -> None:
    """Show the scores: of voxels at the present threshold, the others at that of the run.

    An annotation has no threshold, and no histogram.
    """
    report: dict[str, Any] = evaluation.run["report"]
    voxels = dict(report["voxels"])
    ignored = voxels.pop("ignored")
    present, measured = state.threshold(), report["threshold"]
    counts = PixelCounts(**voxels) if histogram is None else histogram.counts(present)
    above = "" if histogram is None else f", above {present:.2f}"
    then = "" if histogram is None else f", above {measured:.2f}"
    scores = counts.scores()
    st.markdown(f"**Voxel by voxel**{above}", help=texts.TERMS["threshold"] if above else None)
    _metrics({name: f"{getattr(scores, name):.3f}" for name in _PIXEL_HELP}, _PIXEL_HELP)
    st.caption(
        f"{counts.true_positive:,} voxels right, {counts.false_positive:,} wrongly marked, "
        f"{counts.false_negative:,} missed" + (f", {ignored:,} ignored" if ignored else "")
    )
    lengths = ((report["tolerance_px"], "px"), (report["tolerance_nm"], "nm"))
    tolerance = " = ".join(f"{length:g} {unit}" for length, unit in lengths if length is not None)
    st.markdown(f"**Within {tolerance} in the slice**{then}")
    _metrics({name: f"{report[name]:.3f}" for name in _TOLERANT_HELP}, _TOLERANT_HELP)
    distances = report["surface_distances"]
    st.markdown(f"**Distance between the surfaces**{then}")
    if distances is None:
        st.caption("One of the two is empty, so there is no distance.")
    else:
        unit = "nm" if distances["unit"] == "nm" else "voxels"
        _metrics(
            {name: f"{number_text(distances[name])} {unit}" for name in _DISTANCE_HELP},
            _DISTANCE_HELP,
        )
    if histogram is not None and present != measured:
        st.caption(
            f"Tolerance and distances were measured at {measured:.2f}; evaluate again for those "
            f"at {present:.2f}."
        )


def _metrics(values: dict[str, str], named: dict[str, tuple[str, str]]) -> None:
    with st.container(horizontal=True, gap="large"):
        for name, value in values.items():
            label, meaning = named[name]
            st.metric(label, value, help=meaning, width="content")


def curve_card(histogram: ScoreHistogram) -> None:
    """Show precision against recall, and offer the best threshold."""
    curve, best, present = histogram.curve(), histogram.best_threshold(), state.threshold()
    shown = curve.recall > 0
    figure = go.Figure()
    figure.add_scatter(
        x=curve.recall[shown],
        y=curve.precision[shown],
        customdata=curve.thresholds[shown],
        mode="lines",
        line={"color": _LINE, "width": 3},
        hovertemplate="threshold %{customdata:.2f}<br>precision %{y:.3f}, recall %{x:.3f}"
        "<extra></extra>",
        showlegend=False,
    )
    for name, threshold, colour, symbol in (
        ("Present", present, _PRESENT, "circle"),
        ("Best", best, _BEST, "star"),
    ):
        scores = histogram.counts(threshold).scores()
        figure.add_scatter(
            x=[scores.recall],
            y=[scores.precision],
            mode="markers",
            marker={"color": colour, "size": 13, "symbol": symbol},
            name=f"{name}: {threshold:.2f}, F1 {scores.f1:.3f}",
            hovertemplate="precision %{y:.3f}, recall %{x:.3f}",
        )
    figure.update_layout(
        height=320,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": "Recall", "range": [0, 1.02]},
        yaxis={"title": "Precision", "range": [0, 1.02]},
        legend={"x": 0.02, "y": 0.04, "bgcolor": "rgba(0,0,0,0)"},
    )
    st.plotly_chart(figure, width="stretch", key="curve", config={"displaylogo": False})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Average precision {curve.average_precision:.3f}",
            width="stretch",
            help="The precision averaged over all recalls: one number for all thresholds.",
        )
        if st.button(
            f"Use the best threshold ({best:.2f})",
            icon=":material/star:",
            disabled=best == present,
            help="That of the highest F1 against this truth. All pages take it over.",
        ):
            state.set_threshold(best)
            st.rerun()


def report_button(
    evaluation: Result,
    truth: Truth,
    source: Result | KeptAnnotation,
    histogram: ScoreHistogram | None,
) -> None:
    """Offer all numbers as a file."""
    report = evaluation.run["report"]
    if histogram is not None and isinstance(source, Result):
        report = report | {"calibration": calibration.told(histogram, source)}
    st.download_button(
        "All numbers",
        json.dumps({"truth": truth.name, **report}),
        "evaluation.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        help="JSON, as `deepsxt evaluate --json` prints it.",
    )


def results(
    tomogram: Tomogram, source: Result | KeptAnnotation, truth: Truth, evaluation: Result
) -> None:
    """Show the numbers, the curve of a score, where it is wrong, and the worst places."""
    codes = evaluation.run["codes"]
    histogram = None if codes is None else ScoreHistogram.from_json(codes)
    with st.container(border=True, key="numbers"):
        notices.old(told_old(evaluation, source, truth))
        numbers(evaluation, histogram)
        report_button(evaluation, truth, source, histogram)
    places = st.columns(2, gap="medium") if histogram is not None else [st.container()]
    if histogram is not None:
        with places[0], st.container(border=True, key="curve_card"):
            curve_card(histogram)
    with places[-1], st.container(border=True, key="agreement_card"):
        agreement.picture(tomogram, source, truth, evaluation.params(EvaluateParams))
    if histogram is not None and isinstance(source, Result):
        with st.container(border=True, key="calibration_card"):
            calibration.card(histogram, source)
    with st.container(border=True, key="slices_card"):
        slices, each = st.columns(2, gap="medium")
        with slices:
            comparison.worst_slices(tomogram, source, truth, evaluation)
        with each:
            comparison.worst_objects(tomogram, source, truth, evaluation)


tomogram = widgets.required_tomogram()
widgets.header("Evaluate", texts.shortened(tomogram.name, 80))
with widgets.errors_shown():
    source = sources.compared(tomogram)
    left, right = widgets.split(2, 5)
    with left, st.container(border=True, key="comparison"):
        source = sources.compared_chooser(tomogram, source)
        truth = truths.choose(tomogram, source)
        params = None if truth is None else run_card(tomogram, source, truth)
    evaluation = None if truth is None else chosen_evaluation(tomogram, source, truth)
    if evaluation is not None:
        notices.size_correction(tomogram, evaluation)
    notices.damaged_results([tomogram], "scores", "evaluations")
    with right:
        if evaluation is not None and truth is not None:
            results(tomogram, source, truth, evaluation)
        elif truth is not None and params is not None:
            with st.container(border=True, key="agreement_card"):
                agreement.picture(tomogram, source, truth, params)
        else:
            with st.container(border=True, key="no_truth"):
                st.markdown("### :material/fact_check:", text_alignment="center")
                st.caption(
                    "Bring labels of this tomogram, drawn by hand or simulated: numbers and "
                    "pictures of the agreement appear here.",
                    text_alignment="center",
                )
