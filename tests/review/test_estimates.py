"""Intervals: known answers, honesty where nothing was found, and how often they hold."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.review import NAMES, Reviewed, review
from deepsxt_core.review import Found, Group, Machine, estimates

KEPT = Path(__file__).with_name("phantoms.npz")
TYPICAL = np.array([10.0, 10, 1, 1, 1])


def of(machine: Machine, size: int, errors: np.ndarray) -> dict:
    group = Group(frozenset(range(size)), frozenset(range(len(errors))))
    found = Found([group], dict(enumerate(errors.astype(float))), TYPICAL)
    return {one.name: one for one in estimates(machine, [found])}


def errors(wrong, missed=0.0) -> np.ndarray:
    found = np.zeros((len(wrong), 5))
    found[:, 0], found[:, 1] = wrong, missed
    return found


def test_a_sum_is_corrected_and_its_interval_is_that_of_t():
    missed = np.array([0.0, 4, 8, 2, 1])
    found = of(Machine(10_000, 0, 0), 100, errors(np.zeros(5), missed))["volume"]
    assert found.value == pytest.approx(10_000 + 100 * 3)
    reach = stats.t.ppf(0.975, 4) * 100 * np.sqrt(missed.var(ddof=1) / 5 * 0.95)
    assert found.high - found.low == pytest.approx(2 * reach, rel=1e-3)


def test_what_was_wholly_seen_has_no_interval():
    found = of(Machine(100, 0, 0), 4, errors([1, 0, 3, 0], [0, 2, 0, 0]))
    assert found["volume"].low == found["volume"].value == found["volume"].high == 98
    assert found["precision"].value == 0.96
    assert found["recall"].value == 96 / 98
    assert found["f1"].value == pytest.approx(2 * 96 / 198)


@pytest.mark.parametrize("seen", [5, 20, 80])
def test_where_nothing_was_found_something_may_yet_be(seen):
    """About as far as the rule of three: 3 / n of the units may hold a typical error."""
    found = of(Machine(10_000, 0, 0), 1000, errors(np.zeros(seen)))
    assert found["precision"].value == 1
    assert found["precision"].high == 1
    rule = 3 / seen * 1000 * 10 / 10_000 * np.sqrt(1 - seen / 1000)
    assert 0.5 * rule < 1 - found["precision"].low < 1.2 * rule


def test_more_looking_narrows_the_interval():
    rng = np.random.default_rng(3)
    wrong = rng.poisson(3.0, 200)
    widths = [
        (one := of(Machine(5000, 0, 0), 200, errors(wrong[:n]))["volume"]).high - one.low
        for n in (10, 40, 160, 200)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


def test_one_unit_alone_says_nothing():
    found = of(Machine(10, 0, 0), 9, errors([1.0]))["volume"]
    assert (found.machine, found.value, found.low) == (10, None, None)


def test_counts_need_objects_and_tiles():
    tiles = Found(
        [Group(frozenset(range(3)), frozenset(range(3)))],
        {n: np.array([0, 0, 0, 0, 0.5]) for n in range(3)},
        np.array([1, 1, 1, 0, 0.1]),
    )
    unseen = Found([Group(frozenset(range(4)), frozenset())], {}, np.array([0, 0, 0, 1.0, 0]))
    seen = Found(
        [Group(frozenset(range(4)), frozenset(range(4)))],
        {n: np.eye(5)[3] * (n == 0) for n in range(4)},
        unseen.typical,
    )
    machine = Machine(10, 0, 4)
    assert {e.name: e.value for e in estimates(machine, [tiles, unseen])} == {
        "volume": 10,
        "area": 0,
        "count": None,
        "precision": 1,
        "recall": 1,
        "f1": 1,
    }
    count = {e.name: e for e in estimates(machine, [tiles, seen])}["count"]
    assert (count.low, count.value, count.high) == (4.5, 4.5, 4.5)


def test_intervals_hold_the_truth_of_phantoms_as_often_as_they_claim():
    """As `benchmarks.review`, whose numbers are in docs/review.md, with fewer reviews."""
    with np.load(KEPT) as file:
        names = sorted({key.split("/")[0] for key in file})
        known = [
            Reviewed(**{f: file[f"{name}/{f}"] for f in Reviewed.__dataclass_fields__})
            for name in names
        ]
    hits = {name: [] for name in NAMES}
    for one in known:
        truth = one.truth()
        for seed in range(60):
            found = review(one, 40, 0, round(len(one.wrong_objects) / 2), seed)
            for name in NAMES:
                hits[name].append(found[name].low <= truth[name] <= found[name].high)
    # Where 95 % hold, of 180 fewer than 162 do with a chance of 1 in 300.
    shares = {name: np.mean(each) for name, each in hits.items()}
    assert all(0.9 <= share <= 1 for share in shares.values()), shares
