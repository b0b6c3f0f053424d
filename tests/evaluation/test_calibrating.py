import csv
import io

import numpy as np
import pytest
from scipy.special import expit

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation.calibration import (
    BINS,
    Calibration,
    curve,
    curves_csv,
    fit,
    left_out,
    report,
)
from deepsxt_core.evaluation.precision_recall import ScoreHistogram
from deepsxt_core.volume import SCORE_LEVELS, Score

RNG = np.random.default_rng(5)


def drawn(temperature, bias, voxels=400_000, seed=0):
    """A model that claims `temperature` times too much, over codes that are equally frequent."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, SCORE_LEVELS, voxels).astype(np.uint8)
    claimed = 2 * np.arctanh(Score.decode(codes).astype(float))
    return ScoreHistogram.of(codes, rng.random(voxels) < expit(claimed / temperature + bias))


def test_a_score_claims_the_probability_of_its_tanh():
    found = Calibration().probabilities()
    assert found[[0, 255]] == pytest.approx([0.5 / 255, 1 - 0.5 / 255])
    assert found[1:-1] == pytest.approx((1 + Score.decode(np.arange(1, 255))) / 2, abs=1e-6)


@pytest.mark.parametrize(("temperature", "bias"), [(2.5, -0.7), (0.6, 0.4)])
def test_the_temperature_and_bias_of_a_known_model_are_found(temperature, bias):
    histogram = drawn(temperature, bias)
    found = fit(histogram)
    assert found.temperature == pytest.approx(temperature, rel=0.02)
    assert found.bias == pytest.approx(bias, abs=0.02)
    assert curve(histogram).error > 0.05
    assert curve(histogram, found).error < 0.005
    # Of voxels that the fit has not seen, too.
    assert curve(drawn(temperature, bias, seed=1), found).error < 0.005


def test_the_error_is_that_of_its_definition():
    codes = RNG.integers(0, 256, 3000).astype(np.uint8)
    truth = RNG.random(3000) < 0.3
    probabilities = Calibration().probabilities()[codes]
    bins = np.minimum(np.floor(probabilities * BINS), BINS - 1)
    wanted = sum(
        (bins == i).mean() * abs(probabilities[bins == i].mean() - truth[bins == i].mean())
        for i in np.unique(bins)
    )
    assert curve(ScoreHistogram.of(codes, truth)).error == pytest.approx(wanted)


def test_a_part_that_differs_is_told_by_leaving_it_out():
    alike, other = drawn(2, 0), drawn(2, 3, seed=1)
    assert left_out([alike, drawn(2, 0, seed=2)]).error < 0.01
    assert left_out([alike, other]).error > 0.2
    with pytest.raises(InvalidParameterError, match="two"):
        left_out([alike])


def test_a_truth_without_membranes_can_be_judged_and_not_fitted():
    nothing = ScoreHistogram.of(np.full(50, 200, np.uint8), np.zeros(50, bool))
    with pytest.raises(InvalidParameterError, match="on and off the membranes"):
        fit(nothing)
    told = report(nothing)
    assert told["fitted_here"] is None
    assert told["of_model"] is None
    assert told["score"]["expected_error"] == pytest.approx(200 / 255)


def test_perfect_scores_give_finite_numbers():
    truth = np.arange(100) < 50
    found = fit(ScoreHistogram.of(np.where(truth, 255, 0).astype(np.uint8), truth))
    assert np.isfinite([found.temperature, found.bias]).all()


def test_the_table_has_every_curve_bin_by_bin():
    told = report(drawn(2, 0), Calibration(temperature=2.0))
    rows = list(csv.DictReader(io.StringIO(curves_csv(told))))
    assert {row["probabilities"] for row in rows} == {"score", "fitted_here", "of_model"}
    of_model = [row for row in rows if row["probabilities"] == "of_model"]
    assert sum(int(row["voxels"]) for row in of_model) == 400_000
    for row in of_model:
        assert float(row["from"]) <= float(row["mean_probability"]) <= float(row["to"])


@pytest.mark.parametrize(
    "content", [{}, {"temperature": 0, "bias": 0}, {"temperature": "a", "bias": 0},
                {"temperature": 1, "bias": float("nan")}, {"temperature": None, "bias": 1}]
)  # fmt: skip
def test_what_is_no_calibration_is_refused(content):
    with pytest.raises(InvalidParameterError):
        Calibration.from_json(content)
