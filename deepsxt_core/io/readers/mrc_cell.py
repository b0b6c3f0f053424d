"""What the header of an MRC file says about axes, cell and origin, and what is odd in it."""

import math

import numpy as np

from deepsxt_core.io.readers.calibration import as_length
from deepsxt_core.io.readers.placement import as_origin

_LARGEST_START = 1 << 20
_NM_PER_ANGSTROM = 0.1
_ANGLE_TOLERANCE = 0.01
IMOD_STAMP = 1146047817
# Its header has the sign of MRC2014; without the flag, IMOD's own, which is the other.
_SIGN_OF_2014 = 4


def axes_of(fields: np.void) -> list[int]:
    """Return which of x, y, z (1, 2, 3) the sections, rows and columns run along."""
    axes = [int(fields[name]) for name in ("maps", "mapr", "mapc")]
    # Old files leave the axis order empty; they mean x for columns, y for rows, z for sections.
    return axes if sorted(axes) == [1, 2, 3] else [3, 2, 1]


def odd_cell(fields: np.void) -> tuple[str, ...]:
    """Return the words on what the header says about axes and cell, and that is not used."""
    words = []
    told = [int(fields[name]) for name in ("mapc", "mapr", "maps")]
    if sorted(told) not in ([0, 0, 0], [1, 2, 3]):
        words.append(
            f"The header gives the order of the axes as {told}, which is none; columns, rows and "
            "sections are taken to run along x, y and z."
        )
    cell = [float(fields["cella"][name]) for name in "xyz"]
    intervals = [int(fields[f"m{name}"]) for name in "xyz"]
    listed = " x ".join(f"{length:g}" for length in cell)
    if any(cell) and any(length <= 0 or not math.isfinite(length) for length in cell):
        words.append(
            f"The header gives a cell of {listed} Å, which is no size; what is not above 0 is not "
            "used. Enter the voxel size if it is missing."
        )
    if any(cell) and min(intervals) <= 0:
        words.append(
            f"The header is odd: it gives {intervals} intervals (MX, MY, MZ) for a cell of "
            f"{listed} Å, so that it tells no voxel size there. Enter the voxel size in nm."
        )
    angles = [float(fields["cellb"][name]) for name in ("alpha", "beta", "gamma")]
    if any(angles) and any(
        abs(angle - 90) > _ANGLE_TOLERANCE or angle != angle for angle in angles
    ):
        words.append(
            f"The header gives cell angles of {', '.join(f'{angle:g}' for angle in angles)} "
            "degrees; the axes are taken as perpendicular."
        )
    return tuple(words)


def imod_origin(fields: np.void, imod: tuple[int, int]) -> tuple[str, ...]:
    """Return the word on a position that IMOD counts the other way, from its stamp and flags."""
    stamp, flags = imod
    origin = [float(fields["origin"][name]) for name in "xyz"]
    if stamp != IMOD_STAMP or flags & _SIGN_OF_2014 or not any(origin):
        return ()
    return (
        f"IMOD wrote the origin ({', '.join(f'{each:g}' for each in origin)} Å) with the other "
        "sign than MRC2014; it is taken as MRC2014 and ChimeraX have it. For IMOD the volume lies "
        "at minus that position.",
    )


def origin_nm(
    fields: np.void, edges: tuple[float | None, float | None, float | None]
) -> tuple[float, float, float]:
    """Return the position (z, y, x) of the first voxel: ORIGIN, or the start indices if zero."""
    origin = as_origin([float(fields["origin"][name]) for name in "zyx"], _NM_PER_ANGSTROM)
    if any(origin) or None in edges:
        return origin
    # These belong to sections, rows and columns, whichever way they run.
    starts = [int(fields[name]) for name in ("nzstart", "nystart", "nxstart")]
    # Indices out of all proportion are leftovers of old programs.
    if max(map(abs, starts)) > _LARGEST_START:
        return 0.0, 0.0, 0.0
    along = {
        axis: n * (edge or 0.0)
        for axis, n, edge in zip(axes_of(fields), starts, edges, strict=True)
    }
    return as_origin([along[axis] for axis in (3, 2, 1)])


def edges_nm(fields: np.void) -> tuple[float | None, float | None, float | None]:
    """Return the voxel edges along sections, rows and columns as stored."""
    edges = []
    for axis in axes_of(fields):
        name = "xyz"[axis - 1]
        intervals = int(fields[f"m{name}"])
        cell = float(fields["cella"][name])
        edges.append(as_length(cell / intervals, _NM_PER_ANGSTROM) if intervals > 0 else None)
    z, y, x = edges
    return z, y, x
