import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import BoundaryCounts, PixelCounts, pixel_scores, tolerant_f1

masks = hnp.arrays(bool, (6, 7))


def test_scores_of_a_known_confusion():
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    prediction = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0], bool)

    scores = pixel_scores(prediction, truth)

    assert scores.accuracy == pytest.approx(0.8)
    assert scores.precision == pytest.approx(3 / 4)
    assert scores.recall == pytest.approx(3 / 4)
    assert scores.f1 == pytest.approx(3 / 4)
    assert scores.iou == pytest.approx(3 / 5)


def test_nothing_to_find_and_nothing_marked_is_perfect():
    nothing = np.zeros((4, 4), bool)

    assert pixel_scores(nothing, nothing).f1 == 1
    assert tolerant_f1(nothing, nothing, 3) == 1


def test_marks_where_nothing_is_score_zero():
    nothing, everything = np.zeros((4, 4), bool), np.ones((4, 4), bool)

    assert pixel_scores(everything, nothing).f1 == 0
    assert tolerant_f1(everything, nothing, 3) == 0
    assert tolerant_f1(nothing, everything, 3) == 0


@given(masks, masks)
def test_counts_of_parts_add_up_to_those_of_the_whole(prediction, truth):
    parts = PixelCounts.of(prediction[:2], truth[:2]) + PixelCounts.of(prediction[2:], truth[2:])

    assert parts == PixelCounts.of(prediction, truth)


@given(masks, masks)
def test_without_tolerance_the_tolerant_f1_is_the_pixel_f1(prediction, truth):
    strict = pixel_scores(prediction, truth)

    assert BoundaryCounts.of(prediction, truth, 0).f1 == pytest.approx(
        strict.f1 if prediction.any() or not truth.any() else 0
    )


def test_a_line_shifted_by_the_tolerance_agrees_and_one_pixel_further_does_not():
    truth = np.zeros((30, 30), bool)
    truth[:, 10] = True

    assert tolerant_f1(np.roll(truth, 3, axis=1), truth, 3) == 1
    assert tolerant_f1(np.roll(truth, 4, axis=1), truth, 3) == 0


def test_tolerance_counts_both_sides():
    truth = np.zeros((9, 40), bool)
    truth[4] = True
    half = truth.copy()
    half[:, 20:] = False

    counts = BoundaryCounts.of(half, truth, 2)

    assert counts.precision == 1
    assert counts.recall == pytest.approx(22 / 40)


def test_boundary_counts_add_up_over_images():
    line = np.zeros((9, 9), bool)
    line[4] = True
    empty = np.zeros((9, 9), bool)

    both = BoundaryCounts.of(line, line, 1) + BoundaryCounts.of(line, empty, 1)

    assert both.precision == pytest.approx(0.5)
    assert both.recall == 1


@pytest.mark.parametrize("score", [pixel_scores, lambda a, b: tolerant_f1(a, b, 1)])
def test_other_shape_is_refused(score):
    with pytest.raises(InvalidParameterError, match=r"\(2, 2\) and \(2, 3\)"):
        score(np.zeros((2, 2), bool), np.zeros((2, 3), bool))


def test_negative_tolerance_is_refused():
    with pytest.raises(InvalidParameterError, match="-1"):
        tolerant_f1(np.zeros((2, 2), bool), np.zeros((2, 2), bool), -1)
