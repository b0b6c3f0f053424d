"""Volume, area, counts, precision, recall and F1 of a whole tomogram, from what a review found.

The machine's own sums are known; a review tells how far they are off, unit by unit. The sum of
these differences over all units is estimated from a stratified random sample, and the machine's
sum is corrected by it: the difference estimator of Cassel, Särndal and Wretman (1976, Biometrika
63, 615), which prediction-powered inference is for a mean (Angelopoulos et al. 2023, Science 382,
669, https://doi.org/10.1126/science.adi6000; Mozer 2026, https://arxiv.org/abs/2603.19160). What
was looked at is known, and has no error: variances have the correction for a finite population
(Cochran, Sampling Techniques, 3rd ed. 1977, sections 5.4 and 5.9). An interval is one of t with the
degrees of freedom of Satterthwaite (Cochran, section 5.4), on the logarithm of a size and the logit
of a share, to which variances are brought by Taylor's series (Woodruff 1971, Journal of the
American Statistical Association 66, 411).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from deepsxt_core.review.population import LEAST_IN_GROUP, Group

ERRORS = ("wrong", "missed", "area", "wrong_objects", "missed_objects")
"""What is summed over units: voxels that are not right, voxels that are missing, by how much the
area is larger, objects that are none, objects that are missing (one that reaches into m units
counts 1/m in each: Lavallée, Indirect Sampling, 2007, chapter 2)."""

_CONFIDENCE = 0.95
_Gradient = NDArray[np.float64]


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
    parts = [_Part.of(group, found) for found in kinds for group in found.groups if group.members]
    measures = _measures(machine)
    plain = {"volume": machine.voxels, "area": machine.area, "count": float(machine.objects)}
    if any(part is None for part in parts):
        return [Estimate(name, plain.get(name)) for name in measures]
    known = [part for part in parts if part is not None]
    total = sum((part.total for part in known), np.zeros(len(ERRORS)))
    return [
        Estimate(name, plain.get(name), *map(float, _interval(total, known, *measure)))
        for name, measure in measures.items()
    ]


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

    def variance(self, gradient: _Gradient) -> float:
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


_Measure = tuple[
    Callable[[NDArray[np.float64]], float], Callable[[NDArray[np.float64]], _Gradient], bool
]


def _measures(machine: Machine) -> dict[str, _Measure]:
    """Return for each name the number as a function of all errors, its gradient, and whether it
    is a share."""
    m, area, objects = machine.voxels, machine.area, machine.objects

    def sized(start: float, *signs: float) -> _Measure:
        weights = np.array(signs)
        return lambda e: start + float(weights @ e), lambda _: weights, False

    def right(e: NDArray[np.float64]) -> float:
        return max(m - e[0], 0.0)

    def ratio(a: float, b: float) -> float:
        return a / b if b > 0 else 1.0

    def share(
        bottom: Callable[[NDArray[np.float64]], float], wrong: float, missed: float
    ) -> _Measure:
        """Return right / bottom, where bottom grows by `wrong` and `missed` per voxel of these."""

        def gradient(e: NDArray[np.float64]) -> _Gradient:
            b, p = bottom(e), ratio(right(e), bottom(e))
            return np.array([-1 - p * wrong, -p * missed, 0, 0, 0]) / b if b > 0 else np.zeros(5)

        return lambda e: ratio(right(e), bottom(e)), gradient, True

    return {
        "volume": sized(m, -1, 1, 0, 0, 0),
        "area": sized(area, 0, 0, 1, 0, 0),
        "count": sized(objects, 0, 0, 0, -1, 1),
        "precision": share(lambda _: m, 0, 0),
        "recall": share(lambda e: right(e) + e[1], -1, 1),
        # 2 right / (found + truth), with the half of it below.
        "f1": share(lambda e: m - (e[0] - e[1]) / 2, -0.5, 0.5),
    }


def _interval(
    total: NDArray[np.float64],
    parts: Sequence[_Part],
    value_of: Callable[[NDArray[np.float64]], float],
    gradient_of: Callable[[NDArray[np.float64]], _Gradient],
    is_share: bool,
) -> tuple[float, float, float]:
    """Return value, low and high."""
    value, gradient = value_of(total), gradient_of(total)
    variances = np.array([part.variance(gradient) for part in parts])
    variance = variances.sum()
    if variance == 0:
        return value, value, value
    freedom = variance**2 / sum(
        v**2 / part.freedom for v, part in zip(variances, parts, strict=True)
    )
    reach = float(stats.t.ppf((1 + _CONFIDENCE) / 2, freedom) * np.sqrt(variance))
    if is_share and 0 < value < 1:
        middle, scaled = np.log(value / (1 - value)), reach / (value * (1 - value))
        low, high = (1 / (1 + np.exp(-(middle + sign * scaled))) for sign in (-1, 1))
        return value, low, high
    if not is_share and value > 0:
        return value, value * np.exp(-reach / value), value * np.exp(reach / value)
    return value, max(value - reach, 0.0), min(value + reach, 1.0) if is_share else value + reach
