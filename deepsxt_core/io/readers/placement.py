"""Where the voxels of a file lie in space: edges, origin, and axes that run backwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import STORED_AXES, Axes
from deepsxt_core.io.readers.calibration import as_length

_Edges = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Placement:
    """Edges (z, y, x) in nm, None where unknown; origin (z, y, x) in nm; what deserves a word.

    `axes` are as in `Geometry`.
    """

    edges_nm: _Edges = (None, None, None)
    origin_nm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    warnings: tuple[str, ...] = ()
    axes: Axes = STORED_AXES


def as_origin(values: Sequence[object], unit_nm: float | None = 1.0) -> tuple[float, float, float]:
    """Return (z, y, x) positions in nm, zeros where they are no three finite numbers."""
    try:
        z, y, x = (float(value) * unit_nm for value in values)  # type: ignore[arg-type, operator]
    except (TypeError, ValueError):
        return 0.0, 0.0, 0.0
    return (z, y, x) if all(map(math.isfinite, (z, y, x))) else (0.0, 0.0, 0.0)


def from_columns(
    columns: Sequence[NDArray[np.floating]], origin: NDArray[np.floating], unit_nm: float
) -> Placement:
    """Return the placement of an affine map.

    Parameters
    ----------
    columns : sequence of arrays (3,)
        The step (x, y, z) from one voxel to the next along the fastest axis, the middle, the
        slowest, in units; fewer where the file has fewer axes.
    origin : array (3,)
        The position (x, y, z) of the first voxel, in units.
    unit_nm : float
    """
    lengths = [as_length(float(np.linalg.norm(column)), unit_nm) for column in columns]
    x, y, z = (*lengths, None, None, None)[:3]
    warnings = []
    backwards = []
    tilted = False
    for name, column, axis in zip("xyz", columns, range(3), strict=False):
        along = abs(float(column[axis]))
        tilted |= bool(along < 0.999 * np.linalg.norm(column))
        if column[axis] < 0:
            backwards.append(name)
    if tilted:
        warnings.append(
            "The file turns its axes in space; the voxels are taken in the order in which they are "
            "stored, and the rotation is not carried on."
        )
    elif backwards:
        mirrored = "a mirrored" if len(backwards) % 2 else "a turned"
        warnings.append(
            f"The file counts its axis {' and '.join(backwards)} backwards ({mirrored} view); the "
            "voxels are taken in the order in which they are stored."
        )
    place = as_origin([float(v) for v in origin[::-1]], unit_nm)
    return Placement((z, y, x), place, tuple(warnings), _axes(columns))


def _axes(columns: Sequence[NDArray[np.floating]]) -> Axes:
    """Return which way the axes run, as stored where they do not run along those of space."""
    main = [int(np.argmax(np.abs(column))) for column in columns]
    if sorted(main) != [0, 1, 2]:
        return STORED_AXES
    x, y, z = (
        ("-" if column[axis] < 0 else "+") + "xyz"[axis]
        for axis, column in zip(main, columns, strict=True)
    )
    return z, y, x
