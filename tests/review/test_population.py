"""Which units come next, and that what was seen of a stratum is a random sample of it."""

import numpy as np
import pytest

from benchmarks.review import drawn
from deepsxt_core.review import Judged, Population

SIZES = np.array([1.0] * 40 + [5.0] * 15 + [40.0] * 5)


def through(units: Population, seen: Judged, count: int) -> Judged:
    for _ in range(count):
        seen = Judged(seen.sampled | {units.next_sampled(seen)}, seen.targeted, seen.doubtful)
    return seen


def test_strata_hold_units_of_like_size_and_about_as_much():
    units = Population(SIZES, 0)
    sums = [SIZES[units.stratum == n].sum() for n in range(3)]
    assert max(sums) < 2.2 * min(sums)
    for lower in range(2):
        assert SIZES[units.stratum == lower].max() <= SIZES[units.stratum == lower + 1].min()


def test_the_random_queue_takes_strata_in_turn_and_each_unit_once():
    units = Population(SIZES, 4)
    seen = through(units, Judged(), 9)
    counts = [len(group.decided) for group in units.groups(seen)[1:]]
    assert counts == [3, 3, 3]
    assert seen.sampled == drawn(units, Judged(), 9)
    assert through(units, seen, 51).sampled == set(range(60))
    assert units.next_sampled(through(units, seen, 51)) is None


def test_the_targeted_queue_goes_by_size():
    units, seen = Population(SIZES, 4), Judged()
    for _ in range(5):
        unit = units.next_targeted(seen)
        assert SIZES[unit] == 40
        seen = Judged(targeted=seen.targeted | {unit})
    first, *rest = units.groups(seen)
    assert first.members == first.decided == set(range(55, 60))
    assert not any(group.members & first.members for group in rest)


def test_each_unit_of_a_stratum_is_as_likely_whatever_was_targeted():
    """Of the units that the targeted queue has not reached, each is sampled as often."""
    units = Population(SIZES, 0, strata=1)
    times, reviews = np.zeros(60), 2000
    for seed in range(reviews):
        units = Population(SIZES, seed, strata=1)
        seen = through(units, Judged(), 6)
        for _ in range(3):
            unit = units.next_targeted(seen)
            seen = Judged(seen.sampled, seen.targeted | {unit})
        _, group = units.groups(seen)
        share = len(group.members) / max(len(group.decided), 1)
        times[list(group.decided)] += share
    last = 55 - 1  # beyond what the targeted queue ever reaches
    np.testing.assert_allclose(times[:last] / reviews, 1, atol=5 * np.sqrt(10 / reviews))


def test_doubtful_units_are_not_offered_again_and_do_not_count():
    units = Population(SIZES, 4)
    first = units.next_sampled(Judged())
    seen = Judged(doubtful=frozenset({first}))
    assert through(units, seen, 59).sampled == set(range(60)) - {first}
    assert units.lacking(seen) == units.lacking(Judged()) == 6


@pytest.mark.parametrize("sizes", [np.zeros(7), np.zeros(0), np.ones(1)])
def test_few_or_empty_units_are_a_population_too(sizes):
    units = Population(sizes, 1)
    everything = Judged(sampled=frozenset(range(len(sizes))))
    assert units.lacking(everything) == 0
    assert units.next_targeted(everything) is None
