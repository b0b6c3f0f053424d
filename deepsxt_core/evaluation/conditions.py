"""Two conditions, each of several tomograms: how far they differ, and how sure that is.

Objects of one tomogram resemble each other, so they are no independent samples: counted as such,
they make nearly every difference look significant (pseudoreplication: Hurlbert 1984, Ecological
Monographs 54, 187-211). What is compared is one number per tomogram, the median of its objects.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from deepsxt_core.errors import InvalidParameterError

_EXACT_UP_TO = 20_000
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is known of the tomograms of one condition.

    Attributes
    ----------
    medians : mapping of str to float
        The median of its objects, by tomogram.
    objects : int
        In all of them.
    """

    medians: Mapping[str, float]
    objects: int

    @property
    def mean(self) -> float:
        """Of the medians."""
        return float(np.mean(list(self.medians.values())))

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the medians between tomograms; None of a single one."""
        values = list(self.medians.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """How far the second condition differs from the first.

    Attributes
    ----------
    first, second : Condition
    difference : float
        Of the means of the medians, second less first.
    interval : tuple of float or None
        95 %, by Welch's t: medians of tomograms are taken as normally distributed, with a variance
        of its own in each condition. None where a condition has fewer than two tomograms.
    p_value : float or None
        Two-sided permutation test of the difference: tomograms are taken as exchangeable if the
        conditions do not differ. None where a condition has fewer than two tomograms.
    least_p_value : float or None
        The smallest that so few tomograms can give at all.
    """

    first: Condition
    second: Condition
    difference: float
    interval: tuple[float, float] | None
    p_value: float | None
    least_p_value: float | None


def contrast(
    first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]
) -> Contrast:
    """Compare two conditions by the values of their objects, given by tomogram.

    Tomograms without an object count as none.

    Raises
    ------
    InvalidParameterError
        If a condition has no object, or a tomogram stands in both.
    """
    both = sorted(first.keys() & second.keys())
    if both:
        raise InvalidParameterError(
            f"A tomogram cannot be in both conditions: '{both[0]}' is. Leave it out of one."
        )
    one, two = _condition(first), _condition(second)
    samples = [np.array(list(condition.medians.values())) for condition in (one, two)]
    difference = two.mean - one.mean
    p_value, least = _permuted(samples) if min(map(len, samples)) > 1 else (None, None)
    return Contrast(
        first=one,
        second=two,
        difference=difference,
        interval=_interval(samples[0], samples[1]) if p_value is not None else None,
        p_value=p_value,
        least_p_value=least,
    )


def _permuted(samples: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Return the two-sided p-value, and the smallest that there could be."""
    found = stats.permutation_test(
        samples,
        lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis),
        vectorized=True,
        n_resamples=_EXACT_UP_TO,
        rng=np.random.default_rng(_SEED),
    )
    arrangements = min(math.comb(sum(map(len, samples)), len(samples[0])), _EXACT_UP_TO)
    # SciPy counts both sides by doubling the smaller one.
    return float(found.pvalue), min(1.0, 2 / arrangements)


def _condition(values: Mapping[str, Sequence[float]]) -> Condition:
    filled = {name: list(of_one) for name, of_one in values.items() if len(of_one)}
    if not filled:
        raise InvalidParameterError(
            "A condition holds no object. Choose other tomograms, or another class."
        )
    return Condition(
        medians={name: float(np.median(of_one)) for name, of_one in filled.items()},
        objects=sum(len(of_one) for of_one in filled.values()),
    )


def _interval(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Return Welch's 95 % interval; None where no medians differ, so that nothing is known."""
    if not (np.ptp(first) or np.ptp(second)):
        return None
    interval = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    return float(interval.low), float(interval.high)
