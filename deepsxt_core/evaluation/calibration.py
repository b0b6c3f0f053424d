"""From scores to probabilities: temperature scaling, and how far a probability is from the truth.

A score s is a tanh, so (1 + s) / 2 is the sigmoid of 2 artanh(s): the probability that it claims.
Temperature scaling divides that logit by one number and here adds another, as membranes are rarer
than what is none (Guo et al. 2017, https://arxiv.org/abs/1706.04599; Platt 1999). The error is the
expected calibration error over 15 bins of equal width of the probability of membrane. All is
computed from how often each score code occurs on and off the membranes.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation.precision_recall import ScoreHistogram
from deepsxt_core.volume import SCORE_LEVELS

BINS = 15
BINNING = f"{BINS} bins of equal width of the probability of membrane"
_MOST_SLOPE, _MOST_BIAS = 50.0, 20.0
_MOST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How scores become probabilities: sigmoid(logit / temperature + bias).

    Attributes
    ----------
    temperature : float
        Above 1 where scores claim too much.
    bias : float
        Added to the logit; below 0 where too much is called membrane.
    fitted_on : str
        One sentence for people.

    Raises
    ------
    InvalidParameterError
        If the temperature is not above 0, or a number is not finite.
    """

    temperature: float = 1.0
    bias: float = 0.0
    fitted_on: str = ""

    def __post_init__(self) -> None:
        if not (0 < self.temperature < np.inf and np.isfinite(self.bias)):
            raise InvalidParameterError(
                "A calibration needs a temperature above 0 and a bias, both finite: got "
                f"{self.temperature} and {self.bias}."
            )

    def probabilities(self) -> NDArray[np.float64]:
        """Return the probability of membrane of each score code, float64 (256,), ascending."""
        return expit(_LOGITS / self.temperature + self.bias)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `asdict` gave, of a file that anybody may have written.

        Raises
        ------
        InvalidParameterError
            If it is no calibration.
        """
        try:
            return cls(
                temperature=float(content["temperature"]),
                bias=float(content["bias"]),
                fitted_on=str(content.get("fitted_on", ""))[:_MOST_TEXT],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidParameterError(
                f"A calibration needs the numbers temperature and bias: {error!r}."
            ) from error


# Half a code at both ends, so that the surest scores do not claim to be infinitely sure.
_LOGITS = logit(np.clip(np.arange(SCORE_LEVELS + 1) / SCORE_LEVELS, 0.5 / 255, 1 - 0.5 / 255))

UNCALIBRATED = Calibration()
"""Takes scores as the probabilities that they claim."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationCurve:
    """How often voxels are membrane, by the probability that they are given; curves add up.

    Attributes
    ----------
    voxels, summed, membrane : ndarray
        float64 (15,), of each bin: its voxels, the sum of their probabilities, and how many of
        them are membrane.
    """

    voxels: NDArray[np.float64]
    summed: NDArray[np.float64]
    membrane: NDArray[np.float64]

    def __add__(self, other: "CalibrationCurve") -> "CalibrationCurve":
        return CalibrationCurve(
            self.voxels + other.voxels, self.summed + other.summed, self.membrane + other.membrane
        )

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 (best) to 1; 0 without any voxel."""
        gaps = np.abs(self.summed - self.membrane).sum()
        return float(gaps / max(self.voxels.sum(), 1))

    def rows(self) -> list[dict[str, float]]:
        """Return the bins that hold voxels, ascending."""
        return [
            {
                "from": round(place / BINS, 6),
                "to": round((place + 1) / BINS, 6),
                "voxels": int(self.voxels[place]),
                "mean_probability": round(float(self.summed[place] / self.voxels[place]), 6),
                "share_of_membrane": round(float(self.membrane[place] / self.voxels[place]), 6),
            }
            for place in np.flatnonzero(self.voxels)
        ]


def curve(histogram: ScoreHistogram, calibration: Calibration = UNCALIBRATED) -> CalibrationCurve:
    """Return how probabilities and truth agree, from the counts of score codes."""
    probabilities = calibration.probabilities()
    voxels = histogram.membrane + histogram.background
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)

    def binned(counts: NDArray) -> NDArray[np.float64]:
        return np.bincount(bins, weights=counts, minlength=BINS).astype(np.float64)

    return CalibrationCurve(
        binned(voxels), binned(voxels * probabilities), binned(histogram.membrane)
    )


def left_out(histograms: Sequence[ScoreHistogram]) -> CalibrationCurve:
    """Return the curve where each part is judged by a calibration that the others were fitted for.

    Raises
    ------
    InvalidParameterError
        If there are fewer than two parts, or without one of them there is no membrane left.
    """
    if len(histograms) < 2:
        raise InvalidParameterError("To leave one out there must be two: got one labelled image.")
    whole = sum(histograms, ScoreHistogram.empty())
    return sum(
        (curve(part, fit(whole - part)) for part in histograms[1:]),
        curve(histograms[0], fit(whole - histograms[0])),
    )


def fit(histogram: ScoreHistogram, fitted_on: str = "") -> Calibration:
    """Return the calibration under which the truth is likeliest.

    It is a logistic regression of two numbers on the logit of the score: convex, so that there is
    one best.

    Raises
    ------
    InvalidParameterError
        If there is no membrane, or nothing else.
    """
    counts = np.stack([histogram.membrane, histogram.background]).astype(np.float64)
    if not counts.sum(axis=1).all():
        raise InvalidParameterError(
            "A calibration needs voxels on and off the membranes: one of the two is missing."
        )
    shares = counts / counts.sum()

    def loss(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = numbers[0] * _LOGITS + numbers[1]
        value = np.sum(shares[0] * np.logaddexp(0, -scaled) + shares[1] * np.logaddexp(0, scaled))
        slope = shares.sum(axis=0) * expit(scaled) - shares[0]
        return float(value), np.array([slope @ _LOGITS, slope.sum()])

    bounds = [(1 / _MOST_SLOPE, _MOST_SLOPE), (-_MOST_BIAS, _MOST_BIAS)]
    found = minimize(
        loss, [1.0, 0.0], jac=True, bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-10}
    )
    steepness, bias = map(float, found.x)
    return Calibration(temperature=1 / steepness, bias=bias, fitted_on=fitted_on)


def report(histogram: ScoreHistogram, carried: Calibration | None = None) -> dict[str, Any]:
    """Return what `deepsxt evaluate` tells of a score, ready for JSON.

    Parameters
    ----------
    histogram : ScoreHistogram
    carried : Calibration, optional
        Of the model that made the score.
    """
    fitted = None
    if histogram.membrane.any() and histogram.background.any():
        fitted = fit(histogram)
    return {
        "binning": BINNING,
        "score": _told(histogram, UNCALIBRATED),
        "fitted_here": fitted and _told(histogram, fitted),
        "of_model": carried and _told(histogram, carried) | {"fitted_on": carried.fitted_on},
    }


def _told(histogram: ScoreHistogram, calibration: Calibration) -> dict[str, Any]:
    found = curve(histogram, calibration)
    return {
        "temperature": calibration.temperature,
        "bias": calibration.bias,
        "expected_error": found.error,
        "curve": found.rows(),
    }


def curves_csv(report: Mapping[str, Any]) -> str:
    """Return the curves of a `report` as a table: one row for each bin with voxels."""
    rows = [
        {"probabilities": name} | row
        for name, one in report.items()
        if isinstance(one, dict)
        for row in one["curve"]
    ]
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
