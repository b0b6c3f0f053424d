"""What a batch comes to: sums, and which tomograms are unlike the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean, median
from typing import Any

from deepsxt_core.numerals import number_text

FINISHED = ("done", "kept")
"""What the status of a row is where there are results."""

LEAST_TOMOGRAMS = 5
"""Among fewer none is called unlike the others."""

_LIMIT = 3.5
_LEAST_DIFFERENCE = 0.1

CRITERION = (
    f"Unlike the others is what lies more than {_LIMIT} robust standard deviations from the median "
    f"of all finished tomograms and differs from it by more than {_LEAST_DIFFERENCE:.0%}, where "
    f"there are at least {LEAST_TOMOGRAMS}. That deviation is 1.4826 times the median distance "
    "from the median; where that is 0, 1.2533 times the mean distance (Iglewicz and Hoaglin 1993)."
)

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What is compared: its name, its value in a row, None where not known, its unit and digits."""

    name: str
    value: Callable[[_Row], float | None]
    unit: str
    digits: int = 3

    def text(self, value: float) -> str:
        return f"{number_text(value, digits=self.digits)} {self.unit}".rstrip()


def _voxel_size(row: _Row) -> float | None:
    edges = [edge for axis in "zyx" if (edge := row.get(f"voxel_size_{axis}_nm"))]
    return geometric_mean(edges) if len(edges) == 3 else None


def _percent(row: _Row) -> float | None:
    fraction = row.get("membrane_fraction")
    return None if fraction is None else 100 * fraction


_QUANTITIES = (
    _Quantity("membrane", _percent, "%"),
    _Quantity("objects", lambda row: row.get("objects"), "", 6),
    _Quantity("volume", lambda row: row.get("volume_um3"), "µm³"),
    _Quantity("area", lambda row: row.get("area_um2"), "µm²"),
    _Quantity("voxel size", _voxel_size, "nm", 4),
)


def totals(rows: Sequence[_Row]) -> dict[str, Any]:
    """Return what the finished tomograms come to.

    Returns
    -------
    dict
        ``finished``, ``failed`` (tomograms); ``slices``, ``objects``, ``faces``, ``volume_um3``,
        ``area_um2``, ``seconds``: sums over the finished ones, None where none has the value;
        ``without_size``: how many of them have no voxel size and so no volume and area.
    """
    finished = [row for row in rows if row["status"] in FINISHED]
    found: dict[str, Any] = {
        "finished": len(finished),
        "failed": sum(row["status"] == "failed" for row in rows),
        "without_size": sum(_voxel_size(row) is None for row in finished),
    }
    for name in ("slices", "objects", "faces", "volume_um3", "area_um2", "seconds"):
        known = [row[name] for row in finished if row.get(name) is not None]
        found[name] = sum(known) if known else None
    return found


def outliers(rows: Sequence[_Row]) -> dict[int, dict[str, str]]:
    """Return the tomograms unlike the others, as `CRITERION` has it.

    Returns
    -------
    dict
        By their place in `rows`: what is unlike, with the reason in words.
    """
    finished = {place: row for place, row in enumerate(rows) if row["status"] in FINISHED}
    found: dict[int, dict[str, str]] = {}
    for quantity in _QUANTITIES:
        values = {
            place: float(value)
            for place, row in finished.items()
            if (value := quantity.value(row)) is not None
        }
        for place, reason in _unlike(values, quantity).items():
            found.setdefault(place, {})[quantity.name] = reason
    return dict(sorted(found.items()))


def _unlike(values: Mapping[int, float], quantity: _Quantity) -> dict[int, str]:
    if len(values) < LEAST_TOMOGRAMS:
        return {}
    middle = median(values.values())
    distances = {place: abs(value - middle) for place, value in values.items()}
    typical = median(distances.values())
    deviation = 1.4826 * typical or 1.2533 * fmean(distances.values())
    about = f"within {quantity.text(typical)} of " if typical else "at "
    return {
        place: f"{quantity.name} {quantity.text(values[place])}, where half of all lie "
        f"{about}{quantity.text(middle)}"
        for place, distance in distances.items()
        if distance > _LIMIT * deviation and distance > _LEAST_DIFFERENCE * abs(middle)
    }
