"""Where the voxels of a file lie in space: edges, origin, and axes that run backwards."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import STORED_AXES, Axes
from deepsxt_core.io.readers.calibration import as_length, settle_voxel_size, unitless
from deepsxt_core.volume import Volume, VoxelSize

_Edges = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the voxels lie.

    Attributes
    ----------
    edges_nm : tuple of float or None
        Along slices, rows and columns as stored, None where unknown.
    origin_nm : tuple of float
        Position (z, y, x) in space of the first voxel.
    warnings : tuple of str
        What deserves a word.
    axes : tuple of str
        Which way slices, rows and columns run, as in `Geometry`.
    """

    edges_nm: _Edges = (None, None, None)
    origin_nm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    warnings: tuple[str, ...] = ()
    axes: Axes = STORED_AXES

    def volume(
        self,
        shape: tuple[int, int, int],
        dtype: np.dtype,
        reader: Callable[[int, int], NDArray],
        path: Path,
        kind: str,
        *,
        voxel_size_nm: VoxelSize | None,
        dataset: str | None = None,
    ) -> Volume:
        """Return the volume that lies here.

        Parameters
        ----------
        shape, dtype, reader, path, kind, dataset
            As in `Volume`, where `kind` is its format.
        voxel_size_nm : VoxelSize or None
            The user's own value, which wins over the edges.
        """
        settled, doubts = settle_voxel_size(self.edges_nm, voxel_size_nm, shape[0])
        return Volume(
            shape,
            dtype,
            settled,
            reader,
            path,
            kind,
            dataset,
            self.warnings + doubts,
            self.origin_nm,
            self.axes,
        )


def as_origin(values: Sequence[object], unit_nm: float | None = 1.0) -> tuple[float, float, float]:
    """Return (z, y, x) positions in nm, zeros where they are no three finite numbers."""
    try:
        z, y, x = (float(value) * unit_nm for value in values)  # type: ignore[arg-type, operator]
    except (TypeError, ValueError):
        return 0.0, 0.0, 0.0
    return (z, y, x) if all(map(math.isfinite, (z, y, x))) else (0.0, 0.0, 0.0)


def from_columns(
    columns: Sequence[NDArray[np.floating]], origin: NDArray[np.floating], unit_nm: float | None
) -> Placement:
    """Return the placement of an affine map.

    Parameters
    ----------
    columns : sequence of arrays (3,)
        The step (x, y, z) from one voxel to the next along the fastest axis, the middle, the
        slowest, in units; fewer where the file has fewer axes.
    origin : array (3,)
        The position (x, y, z) of the first voxel, in units.
    unit_nm : float or None
        None where the file does not tell: edges and origin are not known then.
    """
    edges = [float(np.linalg.norm(column)) for column in columns]
    warnings = list(unitless(edges[::-1]) if unit_nm is None else ())
    x, y, z = (*(as_length(edge, unit_nm) for edge in edges), None, None, None)[:3]
    axes = _axes(columns)
    if any(
        np.abs(column).max() < 0.999 * edge for column, edge in zip(columns, edges, strict=True)
    ):
        warnings.append(
            "The file turns its axes in space; the voxels are taken along the nearest axes, and "
            "the rotation is not carried on."
        )
    place = as_origin([float(v) for v in origin[::-1]], unit_nm)
    return Placement((z, y, x), place, tuple(warnings), axes)


def _axes(columns: Sequence[NDArray[np.floating]]) -> Axes:
    """Return which way the axes run; where two run along the same one, as they are stored."""
    main = [int(np.argmax(np.abs(column))) for column in columns]
    if sorted(main) != [0, 1, 2]:
        return STORED_AXES
    x, y, z = (
        ("-" if column[axis] < 0 else "+") + "xyz"[axis]
        for axis, column in zip(main, columns, strict=True)
    )
    return z, y, x
