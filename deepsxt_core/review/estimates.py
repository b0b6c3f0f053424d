"""Volume, area, counts, precision, recall and F1 of a whole tomogram, from what a review found.

The machine's own sums are known; a review tells how far they are off, unit by unit. The sum of
these differences over all units is estimated from a stratified random sample, and the machine's
sum is corrected by it: the difference estimator of Cassel, Särndal and Wretman (1976, Biometrika
63, 615), which prediction-powered inference is for a mean (Angelopoulos et al. 2023, Science 382,
669, https://doi.org/10.1126/science.adi6000; Mozer 2026, https://arxiv.org/abs/2603.19160). What
was looked at is known, and has no error: variances have the correction for a finite population
(Cochran, Sampling Techniques, 3rd ed. 1977, sections 5.4 and 5.9). An interval is one of t with the
degrees of freedom of Satterthwaite (Cochran, section 5.4): of the number of objects, of the
logarithm of a size, of the logit of a share; their variances come by Taylor's series (Woodruff
1971, Journal of the American Statistical Association 66, 411).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from deepsxt_core.review.population import LEAST_IN_GROUP, Group

ERRORS = ("wrong", "missed", "area", "wrong_objects", "missed_objects")
"""What is summed over units: voxels that are not right, voxels that are missing, by how much the
area is larger, objects that are none, objects that are missing (one that reaches into m units
counts 1/m in each: Lavallée, Indirect Sampling, 2007, chapter 2)."""

_WRONG_OBJECTS, _MISSED_OBJECTS = (ERRORS.index(f"{what}_objects") for what in ("wrong", "missed"))
_CONFIDENCE = 0.95
_Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine has found in the whole tomogram: voxels, area in any unit, objects."""

    voxels: float
    area: float
    objects: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number for the whole tomogram.

    Attributes
    ----------
    name : str
    machine : float or None
        Without the review; None of a share, of which the machine knows nothing.
    value, low, high : float or None
        With it, and the interval that holds the truth in 95 % of reviews; None where too little
        was looked at.
    """

    name: str
    machine: float | None
    value: float | None = None
    low: float | None = None
    high: float | None = None

    def with_size_error(self, relative: float) -> "Estimate":
        """Return it with what the size of a voxel may be off, as an error of 95 %.

        Each half of the interval becomes the root of the sum of the squares.

        Parameters
        ----------
        relative : float
            Of the edge of a voxel; a volume is off by three times as much, an area by twice.
        """
        power = {"volume": 3, "area": 2}.get(self.name, 0)
        if self.value is None or self.low is None or self.high is None or not power:
            return self
        off = power * relative * self.value
        low, high = (math.hypot(end - self.value, off) for end in (self.low, self.high))
        return replace(self, low=max(self.value - low, 0.0), high=self.value + high)


@dataclass(frozen=True, slots=True)
class Found:
    """What a review has found in the units of one kind.

    Attributes
    ----------
    groups : sequence of Group
    errors : mapping of int to ndarray
        float64 (5,) of each decided unit, in the order of `ERRORS`.
    typical : ndarray
        float64 (5,): what one unit has where all of it is wrong, or missing.
    """

    groups: Sequence[Group]
    errors: dict[int, NDArray[np.float64]]
    typical: NDArray[np.float64]


def estimates(machine: Machine, kinds: Sequence[Found]) -> list[Estimate]:
    """Return the estimates for the whole tomogram; without values where too little was seen.

    Where nothing was found in a stratum it may yet hold something: its variance is as if one
    more unit had been looked at and had shown a typical error. For n units without any, the
    interval then reaches to about 2.2 such errors in n units, as the rule of three does to 3.
    """
    plain = {"volume": machine.voxels, "area": machine.area, "count": float(machine.objects)}
    found = []
    for name, measure in _measures(machine).items():
        parts = [
            _Part.of(group, kind)
            for kind in kinds
            if kind.typical[list(measure.errors)].any()
            for group in kind.groups
            if group.members
        ]
        known = [part for part in parts if part is not None]
        interval = measure.interval(known) if len(known) == len(parts) else ()
        found.append(Estimate(name, plain.get(name), *interval))
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """The decided units of one group."""

    size: int
    errors: NDArray[np.float64]
    typical: NDArray[np.float64]

    @classmethod
    def of(cls, group: Group, found: Found) -> "_Part | None":
        """Return the part, None where too little of it is decided."""
        size, decided = len(group.members), sorted(group.decided)
        if len(decided) < min(LEAST_IN_GROUP, size):
            return None
        return cls(size, np.array([found.errors[unit] for unit in decided]), found.typical)

    @property
    def total(self) -> NDArray[np.float64]:
        return self.size * self.errors.mean(axis=0)

    def variance(self, gradient: _Sums) -> float:
        """Return that of the estimated total of a sum of errors, each by its weight."""
        n = len(self.errors)
        if n == self.size:
            return 0.0
        spread = float((self.errors @ gradient).var(ddof=1))
        if not self.errors[:, gradient != 0].any():
            spread = float(np.max((self.typical * gradient) ** 2)) / (n + 1)
        return self.size**2 * (1 - n / self.size) * spread / n

    @property
    def freedom(self) -> int:
        return max(len(self.errors) - 1, 1)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A number of which the estimate is wanted.

    Attributes
    ----------
    value, gradient : callable
        Of the sums of all errors (5,).
    errors : tuple of int
        Which of them it depends on.
    is_share, is_count : bool
        Whether it is one, from 0 to 1, or a number of objects; a size otherwise.
    """

    value: Callable[[_Sums], float]
    gradient: Callable[[_Sums], _Sums]
    errors: tuple[int, ...]
    is_share: bool = False
    is_count: bool = False

    def interval(self, parts: Sequence[_Part]) -> tuple[float, float, float]:
        """Return value, low and high."""
        total = sum((part.total for part in parts), np.zeros(len(ERRORS)))
        value, gradient = self.value(total), self.gradient(total)
        variances = np.array([part.variance(gradient) for part in parts])
        variance = float(variances.sum())
        if variance == 0:
            return value, value, value
        freedom = variance**2 / sum(
            v**2 / part.freedom for v, part in zip(variances.tolist(), parts, strict=True)
        )
        reach = float(stdtrit(freedom, (1 + _CONFIDENCE) / 2)) * math.sqrt(variance)
        if self.is_share and 0 < value < 1:
            middle, scaled = math.log(value / (1 - value)), reach / (value * (1 - value))
            low, high = (float(expit(middle + sign * scaled)) for sign in (-1, 1))
            return value, low, high
        if self.is_count:
            return value, max(value - reach, value - self._most_wrong(parts, total)), value + reach
        if not self.is_share and value > 0:
            return value, value * math.exp(-reach / value), value * math.exp(reach / value)
        return (
            value,
            max(value - reach, 0.0),
            min(value + reach, 1.0 if self.is_share else math.inf),
        )

    @staticmethod
    def _most_wrong(parts: Sequence[_Part], total: _Sums) -> float:
        """Return by how many fewer objects there may be: all that nobody saw are wrong, or none."""
        seen = sum(part.errors.sum(axis=0) for part in parts)
        unseen = sum(part.size - len(part.errors) for part in parts if part.typical[_WRONG_OBJECTS])
        return unseen - (total - seen)[_WRONG_OBJECTS] + (total - seen)[_MISSED_OBJECTS]


def _measures(machine: Machine) -> dict[str, _Measure]:
    """Return what is estimated, by name."""
    m = machine.voxels

    def size(start: float, *weights: float, is_count: bool = False) -> _Measure:
        w = np.array(weights)
        errors = tuple(np.flatnonzero(w).tolist())
        return _Measure(lambda e: start + float(w @ e), lambda _: w, errors, is_count=is_count)

    def share(of_wrong: float, of_missed: float) -> _Measure:
        """Return right / (found + of_wrong * wrong + of_missed * missed)."""

        def parts(e: _Sums) -> tuple[float, float]:
            return max(m - e[0], 0.0), m + of_wrong * e[0] + of_missed * e[1]

        def value(e: _Sums) -> float:
            right, all_of_them = parts(e)
            return right / all_of_them if all_of_them > 0 else 1.0

        def gradient(e: _Sums) -> _Sums:
            bottom = max(parts(e)[1], 1.0)
            return np.array([-1 - value(e) * of_wrong, -value(e) * of_missed, 0, 0, 0]) / bottom

        return _Measure(value, gradient, (0, 1), is_share=True)

    return {
        "volume": size(m, -1, 1, 0, 0, 0),
        "area": size(machine.area, 0, 0, 1, 0, 0),
        "count": size(machine.objects, 0, 0, 0, -1, 1, is_count=True),
        "precision": share(0, 0),
        "recall": share(-1, 1),
        "f1": share(-0.5, 0.5),
    }
