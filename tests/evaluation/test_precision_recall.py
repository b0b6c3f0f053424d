import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepsxt_core.evaluation import PixelCounts, ScoreHistogram
from deepsxt_core.volume import Score

codes = hnp.arrays(np.uint8, (5, 6))
truths = hnp.arrays(bool, (5, 6))


@settings(deadline=None)
@given(codes, truths, st.floats(-1, 1, exclude_max=True))
def test_the_counts_at_a_threshold_are_those_of_the_mask(codes, truth, threshold):
    mask = codes >= Score.threshold_code(threshold)

    assert ScoreHistogram.of(codes, truth).counts(threshold) == PixelCounts.of(mask, truth)


@settings(deadline=None)
@given(codes, truths)
def test_the_curve_is_that_of_the_thresholds(codes, truth):
    histogram = ScoreHistogram.of(codes, truth)
    curve = histogram.curve()

    for threshold, precision, recall, f1 in zip(
        curve.thresholds.round(4), curve.precision, curve.recall, curve.f1, strict=True
    ):
        scores = histogram.counts(threshold).scores()
        assert (scores.precision, scores.recall, scores.f1) == pytest.approx(
            (precision, recall, f1)
        )


@settings(deadline=None)
@given(codes, truths)
def test_every_step_of_the_curve_is_another_code(codes, truth):
    thresholds = ScoreHistogram.of(codes, truth).curve().thresholds.round(4)

    assert [Score.threshold_code(each) for each in thresholds] == list(range(1, 256))


@settings(deadline=None)
@given(codes, truths)
def test_histograms_of_parts_add_up(codes, truth):
    whole = ScoreHistogram.of(codes, truth)
    parts = ScoreHistogram.of(codes[:2], truth[:2]) + ScoreHistogram.of(codes[2:], truth[2:])

    np.testing.assert_array_equal(parts.membrane, whole.membrane)
    np.testing.assert_array_equal(parts.background, whole.background)


def test_the_best_threshold_parts_what_can_be_parted():
    truth = np.arange(100) < 30
    score = np.where(truth, 0.4, -0.2) + np.linspace(-0.05, 0.05, 100)
    histogram = ScoreHistogram.of(Score.encode(score), truth)

    best = histogram.best_threshold()

    assert -0.16 < best < 0.35
    assert histogram.counts(best).scores().f1 == 1
    assert histogram.counts(0).scores().f1 == 1
    assert histogram.counts(0.5).scores().f1 == 0
    assert histogram.curve().average_precision == pytest.approx(1)


def test_average_precision_of_a_known_ranking():
    """By hand: hits at ranks 1 and 3 of 4, so (1/1 + 2/3) / 2."""
    ranked = Score.encode(np.array([0.8, 0.4, 0.0, -0.4]))
    histogram = ScoreHistogram.of(ranked, np.array([True, False, True, False]))

    assert histogram.curve().average_precision == pytest.approx((1 + 2 / 3) / 2)
