"""What scores mean as probabilities: the calibration curve, and its numbers."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from deepsxt_core.evaluation import ScoreHistogram
from deepsxt_core.evaluation.calibration import curves_csv, report
from deepsxt_core.io import SCORE_NAME
from deepsxt_core.network.calibrations import calibration_of_score
from deepsxt_core.workspace import Result
from shared import charts

_NAMES = {
    "score": ("As scored", "#f27828", "dot"),
    "of_model": ("As the model says", "#179d8f", "solid"),
    "fitted_here": ("Fitted on this truth", "#5696ff", "dash"),
}
_HELP = (
    "A probability of 0.8 is right if 80 of 100 such voxels are membrane. The expected calibration "
    "error is how far the two are apart, averaged over all voxels: "
)


def told(histogram: ScoreHistogram, score: Result) -> dict[str, Any]:
    """Return the numbers, with what the model of the score says now."""
    return report(histogram, calibration_of_score(score.folder / SCORE_NAME))


def card(histogram: ScoreHistogram, score: Result) -> None:
    """Draw how often voxels are membrane, by the probability that they are given."""
    found = told(histogram, score)
    shown = {key: found[key] for key in _NAMES if found[key] is not None}
    st.markdown("**Calibration**: what a score means", help=f"{_HELP}{found['binning']}.")
    with st.container(horizontal=True, gap="large"):
        for key, one in shown.items():
            st.metric(f"Error, {_NAMES[key][0].lower()}", f"{one['expected_error']:.4f}")
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": "grey", "width": 1}, name="Perfect",
        hoverinfo="skip",
    )  # fmt: skip
    for key, one in shown.items():
        name, colour, dash = _NAMES[key]
        figure.add_scatter(
            x=[row["mean_probability"] for row in one["curve"]],
            y=[row["share_of_membrane"] for row in one["curve"]],
            customdata=[row["voxels"] for row in one["curve"]],
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            name=name,
            hovertemplate="probability %{x:.3f}, membrane %{y:.3f}<br>%{customdata:,} voxels",
        )
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1])
    x_title, y_title = "Probability of membrane (0 to 1)", "Share that is membrane (0 to 1)"
    charts.draw(figure, x_title, y_title, "calibration_curve", legend=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_sentence(found), width="stretch")
        st.download_button(
            "Curve",
            curves_csv(found),
            "calibration.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="The points of the curves as CSV.",
        )


def _sentence(found: dict[str, Any]) -> str:
    model = found["of_model"]
    if model is None:
        return (
            "The model of this score is not calibrated, or no longer here: as scored, a number is "
            "no probability. What was fitted on this very truth shows the best that there can be."
        )
    return (
        f"Temperature {model['temperature']:.2f} and bias {model['bias']:+.2f}, fitted on "
        f"{model['fitted_on'] or 'data that nobody has noted'}."
    )
