"""Surfaces cut slab by slab and joined into the one that the whole volume would give."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.field.bodies import BodyJoiner
from deepsxt_core.surface.field.object_ids import inside_voxels
from deepsxt_core.surface.field.smoothing import BORDER

RIM: Final = 0.01
"""Height in voxels of the bevel between a cap at the border and the sides of a body: with none,
points would coincide."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A mesh of everything above the threshold, before anything is left out.

    Attributes
    ----------
    points : ndarray
        float32 (n, 3), x, y, z in voxel indices of the volume.
    triangles : ndarray
        int64 (faces, 3), facing outwards.
    point_labels : ndarray
        Label of the connected body each point lies on (n,), from 1.
    voxels_of_label : ndarray
        Voxels per label; 0 for label 0, the background, and for bodies without a core.
    label_of_provisional : ndarray
        The label of each provisional one in the file of `BodyJoiner`.
    field_of_label : ndarray
        Mean of the field over the voxels of each label.
    grey_of_label : ndarray or None
        Sum of the finite grey values over the voxels of each label, where there are any.
    measured_of_label : ndarray
        Voxels per label with a finite grey value.
    highest : float
        Largest value of the field.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int64]
    point_labels: NDArray[np.int32]
    voxels_of_label: NDArray[np.int64]
    label_of_provisional: NDArray[np.int32]
    field_of_label: NDArray[np.float64]
    grey_of_label: NDArray[np.float64] | None
    measured_of_label: NDArray[np.float64]
    highest: float


class SlabJoiner:
    """Takes slabs of the field in order; what it holds grows with the surface, not the volume.

    Neighbouring slabs share one slice. Points on it come out of both with the same
    coordinates, to the last bit, and are kept once; bodies that meet in it are one.

    Parameters
    ----------
    shape : tuple of int
        Of the volume (z, y, x).
    read_grey : callable, optional
        ``read_grey(first, end)`` returns grey values of slices of the volume (end - first, y, x);
        those that are not finite are left out.
    scratch : Path, optional
        A file that gets the provisional label of each voxel; see `BodyJoiner`.
    core_height : float
        Of the field; see `BodyJoiner`.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        read_grey: Callable[[int, int], NDArray] | None = None,
        scratch: Path | None = None,
        core_height: float = 0.0,
    ) -> None:
        self.slices = 0
        """Slices taken in so far."""
        self.highest = -np.inf
        """Largest value of the field."""
        self._shape = shape
        self._read_grey = read_grey
        self._points: list[NDArray[np.float32]] = []
        self._triangles: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.int64]] = []
        self._bodies = BodyJoiner(scratch, core_height)
        self._sums: list[NDArray[np.float64]] = [np.zeros(1)]
        self._greys: list[NDArray[np.float64]] = [np.zeros(1)]
        self._measured: list[NDArray[np.float64]] = [np.zeros(1)]
        self._n_points = self._faces = 0
        self._seam: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None

    def add(self, first: int, field: NDArray[np.float32]) -> None:
        """Take in the slab whose first slice has the index `first` in the volume."""
        inner = inside_voxels(field, first, self._shape[0])
        depth = len(inner)
        self.highest = max(self.highest, float(inner.max()))
        known = self._bodies.labels
        labels, fresh = self._bodies.add(inner)
        self._sum(labels, inner, self._bodies.labels - known, first, fresh)

        grid, triangles = _cut(field)
        voxel = grid - np.array([BORDER, BORDER, BORDER if first == 0 else 0], np.float32)
        own = known + _label_of_points(voxel, labels).astype(np.int64)
        places = np.arange(self._n_points, self._n_points + len(grid))
        new = np.ones(len(grid), bool)
        if self._seam is not None:
            seam = np.flatnonzero(voxel[:, 2] == 0)
            seam = seam[np.lexsort(voxel[seam, :2].T)]
            _, earlier = self._seam
            new[seam] = False
            places[new] = self._n_points + np.arange(len(grid) - len(seam))
            places[seam] = earlier
        self._faces += len(triangles)
        self._triangles.append(places[triangles])
        self._labels.append(own[new])
        last = np.flatnonzero(voxel[:, 2] == depth - 1)
        last = last[np.lexsort(voxel[last, :2].T)]
        self._seam = voxel[last, :2], places[last]
        voxel[:, 2] += first
        self._points.append(_to_faces(voxel, self._shape)[new])

        self._n_points += int(new.sum())
        self.slices = first + depth

    def what_follows(self) -> float:
        """Return how many times as long as the cut it takes to finish, write and prepare it.

        From seconds for a million faces and voxels (``benchmarks/estimates.py``).
        """
        voxels = self.slices * math.prod(self._shape[1:])
        return (2.4 * self._faces + 0.02 * voxels) / (0.42 * self._faces + 0.055 * voxels)

    def joined(self) -> Cut:
        """Return everything taken in as one mesh, and keep nothing of it."""
        bodies = self._bodies.joined()
        counts = np.maximum(bodies.voxels, 1)

        def total(sums: list[NDArray[np.float64]]) -> NDArray[np.float64]:
            of_label = np.concatenate(sums)
            return np.bincount(bodies.body_of_label, of_label, len(counts)).astype(np.float64)

        has_grey = self._read_grey is not None

        return Cut(
            _emptied(self._points),
            _emptied(self._triangles),
            bodies.body_of_label[_emptied(self._labels)],
            bodies.voxels,
            bodies.body_of_label,
            total(self._sums) / counts,
            total(self._greys) if has_grey else None,
            total(self._measured) if has_grey else np.zeros(len(counts)),
            self.highest,
        )

    def _sum(
        self,
        labels: NDArray[np.integer],
        field: NDArray[np.float32],
        n: int,
        first: int,
        fresh: slice,
    ) -> None:
        body = labels[fresh] > 0
        label = labels[fresh][body]
        sums = np.bincount(label, field[fresh][body], n + 1)
        self._sums.append(sums[1:].astype(np.float64))
        if self._read_grey is not None:
            grey = self._read_grey(first, first + len(labels))[fresh]
            values = grey[body].astype(np.float64)
            known = np.isfinite(values)
            sums = np.bincount(label[known], values[known], n + 1)
            self._greys.append(sums[1:].astype(np.float64))
            self._measured.append(np.bincount(label[known], minlength=n + 1)[1:].astype(float))


def _emptied(pieces: list[NDArray]) -> NDArray:
    whole = np.concatenate(pieces)
    pieces.clear()
    return whole


def _cut(field: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return points (x, y, z) in indices of `field`, and triangles, facing outwards."""
    import pyvista

    grid = pyvista.ImageData(dimensions=field.shape[::-1])
    grid.point_data["score"] = field.ravel()
    mesh = grid.contour(
        [0.0],
        scalars="score",
        method="flying_edges",
        compute_normals=False,
        compute_scalars=False,
    )
    points = np.asarray(mesh.points, np.float32).reshape(-1, 3)
    return points, np.asarray(mesh.regular_faces, np.int64).reshape(-1, 3)


def _to_faces(points: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Move the border planes of the field to where they stand for: the outermost voxels' faces."""
    for axis, n in enumerate(reversed(shape)):
        along = points[:, axis]
        # Cut between the two border planes, the caps lie 1.5 away from the outermost voxels.
        along[:] = np.interp(
            along,
            [-1.5, -1, 0, n - 1, n, n + 0.5],
            [-0.5, RIM - 0.5, 0, n - 1, n - 0.5 - RIM, n - 0.5],
        )
    return points


def _label_of_points(
    points: NDArray[np.float32], labels: NDArray[np.integer]
) -> NDArray[np.integer]:
    # A point lies between two neighbouring voxels, of which one is inside.
    label = np.zeros(len(points), labels.dtype)
    for side in (np.floor, np.ceil):
        place = np.zeros(len(points), np.int64)
        for axis, n in enumerate(labels.shape):
            along = side(points[:, 2 - axis])
            place *= n
            place += np.minimum(np.maximum(along, 0), n - 1).astype(np.int32)
        np.maximum(label, labels.ravel()[place], out=label)
    return label
