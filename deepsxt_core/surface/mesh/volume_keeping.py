"""Finishing that keeps the volume of every object, however thin or small it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.mesh.finishing import part_of, taubin, with_volumes
from deepsxt_core.surface.mesh.joining import RIM
from deepsxt_core.surface.mesh.object_rows import object_volumes, volume_gradient
from deepsxt_core.surface.mesh.volume_range import VolumeRange
from deepsxt_core.surface.params import VOLUME_BOUND

# A cut that is off by more is fitted to its voxels: half the bound, so that smoothing, which is
# held to the cut and to the voxels, has room between the two.
_OFF = VOLUME_BOUND / 2
# Of the way from a point of the cut to the next voxel centre. All of it would make points meet.
_FARTHEST = 0.95
# Shares of the smoothing that are tried in turn; with none of it a volume stays what it was.
_SHARES = (0.5, 0.25, 0.125, 0.0)
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Boundaries that objects share, once as they are and once as a closed surface of each.

    Attributes
    ----------
    triangles : ndarray
        Of the boundaries.
    place : ndarray
        Which point of the boundaries each point of the closed surfaces is (m,).
    faces : ndarray
        Triangles of the closed surfaces, facing outwards.
    owners : ndarray
        The object that each of their points belongs to (m,), from 1.
    """

    triangles: NDArray[np.int64]
    place: NDArray[np.int64]
    faces: NDArray[np.int64]
    owners: NDArray[np.int32]


def unlike_voxels(volumes: NDArray[np.float64], voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ids of objects that a cut mesh does not give the volume of their voxels."""
    return 1 + np.flatnonzero(np.abs(volumes - voxels) > _OFF * voxels)


def fitted_to_voxels(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    shape: tuple[int, int, int],
    volumes: NDArray[np.float64],
    voxels: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the points of a cut mesh with objects as large as their voxels.

    The cut of a mask halves the way from each voxel inside to the one outside, which takes most
    of a body that is one voxel wide: a sixth is left of a voxel by itself. Where an object is off
    by more than a fortieth, each of its points slides along the edge of the grid that it lies on,
    all of them by the same share of the way to the next voxel. The cut stays one of the grid: no
    two surfaces meet.

    Parameters
    ----------
    points : ndarray
        float32 (n, 3), x, y, z in voxels, as they were cut.
    shape : tuple of int
        Of the volume (z, y, x). Points of its outer faces stay in them.
    volumes, voxels : ndarray
        Of objects 1, 2, … (largest id,) as they are; 0 of ids without faces.
    """
    off = unlike_voxels(volumes, voxels)
    own = np.isin(point_objects, off)
    part, faces, ids = part_of(points, triangles, point_objects, off)
    objects = np.searchsorted(off, ids)
    grows = (voxels > volumes)[off - 1]
    path = _to_next_voxel(part, faces, shape, outwards=grows[objects])
    # Along straight paths a volume is a polynomial of the third degree: four values tell all.
    at = np.linspace(0, 1, 4)
    owners = (objects[faces[:, 0]] + 1).astype(np.int32)
    values = [object_volumes(part + share * path, faces, owners, len(off)) for share in at]
    coefficients = np.linalg.solve(np.vander(at, increasing=True), np.stack(values))
    low, high = np.zeros(len(off)), np.full(len(off), _FARTHEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        short = (middle ** np.arange(4)[:, np.newaxis] * coefficients).sum(axis=0)
        farther = (short < voxels[off - 1]) == grows
        low, high = np.where(farther, middle, low), np.where(farther, high, middle)
    moved = points.copy()
    moved[own] = part + low[objects, np.newaxis].astype(np.float32) * path
    return moved


def _to_next_voxel(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    shape: tuple[int, int, int],
    outwards: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return how points of a cut get to the next voxel centre on their edge of the grid, (n, 3).

    To that outside the body where `outwards` (n,), else to that inside it.
    """
    outermost = np.array(shape[::-1], np.float32) - 1
    # What lies farther out belongs to the caps on the border: whole along that axis.
    within = (points > RIM - 0.5 + 1e-3) & (points < outermost + 0.5 - RIM - 1e-3)
    between = (points != np.rint(points)) & within
    # One side of such an edge is inside, and a body grows where a point goes to the other.
    gradient, _ = volume_gradient(points, triangles)
    towards = np.sign(gradient.T) * np.where(outwards, 1, -1)[:, np.newaxis]
    target = np.where(towards > 0, np.ceil(points), np.floor(points))
    return np.where(between & (towards != 0), target - points, 0).astype(np.float32)


def smoothed(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    pinned: NDArray[np.bool_],
    iterations: int,
    wanted: NDArray[np.float64],
    allowed: VolumeRange,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the points of a closed mesh smoothed, and the ids of objects smoothed less.

    An object whose volume leaves what is allowed goes a half, a quarter, an eighth of the way
    from its cut to its smooth surface, or stays as it was cut.

    Parameters
    ----------
    points : ndarray
        float32 (n, 3) in voxels. As they are, all objects must have volumes that are allowed.
    wanted : ndarray
        Volumes (largest id,) in voxels that objects are given back where `with_volumes` can.
    """
    smooth = taubin(points, triangles, pinned, iterations)
    result = with_volumes(smooth, triangles, point_objects, pinned, wanted)
    volumes = object_volumes(result, triangles, point_objects[triangles[:, 0]], len(wanted))
    less = still = allowed.left_by(volumes)
    for share in _SHARES:
        if not len(still):
            break
        own = np.isin(point_objects, still)
        start, faces, ids = part_of(points, triangles, point_objects, still)
        trial = start
        if share:
            trial = start + np.float32(share) * (smooth[own] - start)
            trial = with_volumes(trial, faces, ids, pinned[own], wanted)
        result[own] = trial
        volumes = object_volumes(trial, faces, ids[faces[:, 0]], len(wanted))
        still = np.intersect1d(still, allowed.left_by(volumes))
    return result, less


def smoothed_together(
    points: NDArray[np.float32],
    boundaries: Boundaries,
    pinned: NDArray[np.bool_],
    iterations: int,
    wanted: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the points of boundaries that objects share, smoothed, and who is smoothed less.

    As `smoothed`; a point goes as far as the objects beside it all allow, and an object is given
    its volume back where it meets no other.

    Parameters
    ----------
    points : ndarray
        float32 (n, 3) in voxels, as they were cut.
    pinned : ndarray
        Points (n,) that stay where they are.
    wanted : ndarray
        Volumes (largest number,) in voxels, as they were cut.
    """
    smooth = taubin(points, boundaries.triangles, pinned, iterations)
    place, faces, owners = boundaries.place, boundaries.faces, boundaries.owners
    kept = (np.bincount(place, minlength=len(points)) > 1) | pinned
    free = ~kept[place]
    allowed = VolumeRange.around(wanted)
    shares = np.ones(len(wanted))
    ladder = (1.0, *_SHARES)
    while True:
        of_point = np.ones(len(points), np.float32)
        np.minimum.at(of_point, place, shares[owners - 1].astype(np.float32))
        result = points + of_point[:, np.newaxis] * (smooth - points)
        given = with_volumes(result[place], faces, owners, ~free, wanted)
        result[place[free]] = given[free]
        result[of_point == 0] = points[of_point == 0]
        volumes = object_volumes(result[place], faces, owners[faces[:, 0]], len(wanted))
        still = allowed.left_by(volumes)
        # With nothing left to take back, what remains is rounding.
        still = still[shares[still - 1] > 0]
        if not len(still):
            return result, 1 + np.flatnonzero(shares < 1)
        for each in still - 1:
            shares[each] = ladder[ladder.index(shares[each]) + 1]
