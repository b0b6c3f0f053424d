import itertools

import numpy as np
import pytest
from scipy import stats

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation.conditions import contrast


def condition(prefix, *medians):
    return {f"{prefix}{i}": [median - 1, median, median + 5] for i, median in enumerate(medians)}


def test_one_number_per_tomogram_is_compared():
    found = contrast(condition("a", 1, 2, 3), condition("b", 4, 6, 8))
    assert (found.first.mean, found.second.mean, found.difference) == (2, 6, 4)
    assert (found.first.objects, found.first.medians) == (9, {"a0": 1, "a1": 2, "a2": 3})
    assert found.second.deviation == pytest.approx(2)
    # More objects of the same tomograms make nothing more certain.
    many = {name: values * 100 for name, values in condition("a", 1, 2, 3).items()}
    again = contrast(many, condition("b", 4, 6, 8))
    assert (again.p_value, again.interval) == (found.p_value, found.interval)


def test_the_interval_is_that_of_welch():
    found = contrast(condition("a", 1, 2, 3), condition("b", 4, 6, 8))
    low, high = found.interval
    variance = 1 / 3 + 4 / 3
    freedom = variance**2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    assert (low, high) == pytest.approx((4 - half, 4 + half))


def test_the_p_value_counts_all_arrangements():
    first, second = [1.0, 2.0, 7.0], [4.0, 6.0, 8.0, 9.0]
    found = contrast(condition("a", *first), condition("b", *second))
    values, seen = first + second, np.mean(second) - np.mean(first)
    differences = np.array([
        np.mean(np.delete(values, list(chosen))) - np.mean(np.array(values)[list(chosen)])
        for chosen in itertools.combinations(range(7), 3)
    ])  # fmt: skip
    above, below = (differences >= seen - 1e-9).mean(), (differences <= seen + 1e-9).mean()
    assert found.p_value == pytest.approx(min(1, 2 * min(above, below)))


def test_three_against_three_cannot_reach_the_usual_threshold():
    found = contrast(condition("a", 1, 2, 3), condition("b", 40, 60, 80))
    assert found.p_value == found.least_p_value == pytest.approx(0.1)


def test_swapping_the_conditions_mirrors_the_result():
    a, b = condition("a", 1, 2, 5), condition("b", 4, 6, 8)
    one, other = contrast(a, b), contrast(b, a)
    assert other.difference == -one.difference
    assert other.interval == pytest.approx((-one.interval[1], -one.interval[0]))
    assert other.p_value == one.p_value


def test_of_a_single_tomogram_nothing_is_claimed():
    found = contrast(condition("a", 1), condition("b", 4, 6, 8))
    assert found.difference == 5
    assert (found.interval, found.p_value, found.first.deviation) == (None, None, None)


def test_tomograms_that_do_not_differ_have_no_interval():
    found = contrast(condition("a", 2, 2), condition("b", 4, 4))
    assert found.interval is None


def test_what_cannot_be_compared_is_told():
    with pytest.raises(InvalidParameterError, match="'a1' is"):
        contrast(condition("a", 1, 2), {"a1": [1.0], "b": [2.0]})
    with pytest.raises(InvalidParameterError, match="no object"):
        contrast(condition("a", 1, 2), {"b": []})


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        first, second = rng.normal(0, 1, 4), rng.normal(1, 2, 6)
        low, high = contrast(condition("a", *first), condition("b", *second)).interval
        held += low <= 1 <= high
    assert 0.92 <= held / 400 <= 0.98
