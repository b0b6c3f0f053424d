"""How sure a measurement is: what may be off, part by part, and all of it together.

Each part is half of an interval that holds the truth in 95 % of cases, and they add up as the
square root of the sum of their squares (Guide to the expression of uncertainty in measurement,
JCGM 100:2008, 5.1.2). What the threshold, the network and growth leave open was measured on
simulated tomograms (`tools/calibrate_uncertainty.py`); what an image of another kind, or another
model, leaves open may be more.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from deepsxt_core.parameters import Limits, checked
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.columns import PARTS
from deepsxt_core.surface.measure.quantities import ObjectQuantities
from deepsxt_core.surface.surfaces import ObjectRow

BEST_THRESHOLDS = (-0.7, 0.98)
"""Between what the threshold lay that gives the true volume: on 36 phantoms, from -0.66 to 1.00,
where the score ends."""

NETWORK_ERRORS = {"volume": 0.32, "area": 0.45, "objects": 2.02}
"""What is missed or wrong in a whole tomogram beside what the threshold tells, relative."""

NETWORK_ERRORS_OF_OBJECTS = ((3000, 0.78, 0.92), (300, 2.18, 0.92), (0, 5.16, 1.54))
"""The same of one object: from how many voxels on, of its volume, of its area."""

_SURE = ("threshold", "growth")


@dataclass(frozen=True, slots=True, kw_only=True)
class UncertaintyParams:
    """What is known of the uncertainty of what was measured.

    Attributes
    ----------
    voxel_size_error : float
        By what part of it the edge of a voxel may be off, in 95 % of cases: 0.02 is 2 %. No file
        tells it, so the default is an assumption; the calibration of your microscope's
        magnification knows better. Volumes are off by three times as much, areas by twice.

    Raises
    ------
    InvalidParameterError
        If the value is out of its range.
    """

    voxel_size_error: Annotated[float, Limits(least=0, most=0.5)] = 0.02

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What an object was at other thresholds, at most off; None where there is no threshold."""

    volume: float
    area: float


def combined(parts: Iterable[float | None]) -> float:
    """Return the root of the sum of the squares of the parts that are known."""
    return math.sqrt(sum(part * part for part in parts if part is not None))


def with_uncertainty(
    found: ObjectQuantities,
    row: ObjectRow,
    moved: Moved | None,
    params: UncertaintyParams,
    unit: Unit,
) -> ObjectQuantities:
    """Return the same object with all parts of its error bars, and what they come to.

    Where neither a threshold nor growth tells how well it was outlined, as of a mask or of what
    was painted, there are parts, but nothing that holds the truth: no error bar.

    Lengths come from the volume: a change of volume of dV moves a surface of the area A by dV / A,
    and both ends of a length; what is grown is as much off along each axis.

    Parameters
    ----------
    moved : Moved or None
        What other thresholds change.
    """
    size = params.voxel_size_error if unit == "µm" else None
    volume: dict[str, float | None] = dict.fromkeys(PARTS)
    area = dict(volume)
    volume["mesh"] = row.volume_error
    if size is not None:
        volume["voxel_size"], area["voxel_size"] = 3 * size * found.volume, 2 * size * found.area
    if moved is not None:
        _, of_volume, of_area = next(
            each for each in NETWORK_ERRORS_OF_OBJECTS if row.voxels >= each[0]
        )
        volume["threshold"], area["threshold"] = moved.volume, moved.area
        volume["network"], area["network"] = of_volume * found.volume, of_area * found.area
    if row.true_voxels is not None and row.voxels:
        relative = max(abs(row.true_voxels[n] / row.voxels - 1) for n in (0, 1))
        volume["growth"], area["growth"] = relative * found.volume, relative * found.area * 2 / 3
    told: dict[str, Any] = {f"volume_error_{name}": part for name, part in volume.items()}
    told |= {f"area_error_{name}": part for name, part in area.items() if name != "mesh"}
    if any(volume[name] is not None for name in _SURE):
        told["volume_error"] = combined(volume.values())
        told["area_error"] = combined(area.values())
        moves = 2 * (volume["threshold"] or 0.0) / found.area
        scale = math.hypot((volume["growth"] or 0.0) / found.volume / 3, size or 0.0)
        for name in ("equivalent_diameter", "mean_thickness"):
            told[f"{name}_error"] = math.hypot(moves, scale * getattr(found, name))
    return replace(found, **told)


def total_parts(found: Sequence[ObjectQuantities], quantity: str) -> dict[str, float | None]:
    """Return the parts of the error bar of the sum of a quantity, "volume" or "area".

    One threshold and one voxel size move all objects the same way: their parts add up. Growth and
    meshes are off by chance: the squares do. What the network misses was measured on sums.
    """
    parts: dict[str, float | None] = {}
    for name in PARTS:
        field = f"{quantity}_error_{name}"
        known = [part for each in found if (part := getattr(each, field, None)) is not None]
        parts[name] = None if not known else sum(known)
        if known and name in ("growth", "mesh"):
            parts[name] = combined(known)
        elif known and name == "network":
            parts[name] = NETWORK_ERRORS[quantity] * sum(getattr(one, quantity) for one in found)
    return parts


def total_error(found: Sequence[ObjectQuantities], quantity: str) -> float | None:
    """Return the error bar of the sum of a quantity; None where that of an object is not known."""
    if any(getattr(each, f"{quantity}_error") is None for each in found):
        return None
    return combined(total_parts(found, quantity).values())


def count_parts(count: int, at_other_thresholds: Sequence[int]) -> dict[str, float | None]:
    """Return the parts of the error bar of a number of objects."""
    parts: dict[str, float | None] = dict.fromkeys(PARTS)
    if at_other_thresholds:
        parts["threshold"] = float(max(abs(other - count) for other in at_other_thresholds))
        parts["network"] = NETWORK_ERRORS["objects"] * count
    return parts
