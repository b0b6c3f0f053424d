"""Volume, area, centroid and bounds of the objects of a mesh."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.surfaces import ObjectRow

_FACES_AT_ONCE = 1 << 20


def object_volumes(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    face_objects: NDArray[np.int32],
    n: int,
) -> NDArray[np.float64]:
    """Return the enclosed volumes (n,) of objects 1 to n of a closed mesh; 0 where absent."""
    volume = np.zeros(n)
    for ids, a, b, c in _corners(points, triangles, face_objects, _apex(points)):
        volume += np.bincount(ids - 1, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6, n)
    return volume


def measure_objects(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    face_objects: NDArray[np.int32],
    voxels: Mapping[int, int],
) -> tuple[ObjectRow, ...]:
    """Return one row per object of a closed mesh that is ordered by object.

    Volume and centroid follow from the divergence theorem: the signed tetrahedra between
    each face and one common point add up to the enclosed body.

    Parameters
    ----------
    points : ndarray
        float32 (n, 3), x, y, z.
    triangles : ndarray
        Point indices (faces, 3).
    face_objects : ndarray
        Ids (faces,), ascending.
    voxels : mapping of int to int
        Number of voxels of each id that occurs.
    """
    known = np.array(sorted(voxels))
    n = len(known)
    apex = _apex(points)
    volume, area = np.zeros(n), np.zeros(n)
    moment = np.zeros((n, 3))
    for ids, a, b, c in _corners(points, triangles, face_objects, apex):
        place = np.searchsorted(known, ids)
        tetrahedra = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
        volume += np.bincount(place, tetrahedra, n)
        doubled_areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        area += np.bincount(place, doubled_areas / 2, n)
        centres = (a + b + c) / 4
        for axis in range(3):
            moment[:, axis] += np.bincount(place, tetrahedra * centres[:, axis], n)

    starts = np.searchsorted(face_objects, known)
    faces = np.diff([*starts, len(triangles)])
    # The points are in the order of the objects too.
    first_points = np.minimum.reduceat(triangles, starts).min(axis=1)
    lowest = np.minimum.reduceat(points, first_points)
    highest = np.maximum.reduceat(points, first_points)
    centroid = apex + moment / volume[:, np.newaxis]
    return tuple(
        ObjectRow(
            id=int(object_id),
            voxels=voxels[int(object_id)],
            faces=int(faces[i]),
            volume=float(volume[i]),
            area=float(area[i]),
            centroid=tuple(centroid[i].tolist()),
            bounds=tuple(np.stack([lowest[i], highest[i]], axis=1).ravel().tolist()),
        )
        for i, object_id in enumerate(known)
    )


def _apex(points: NDArray[np.float32]) -> NDArray[np.float64]:
    # Near the mesh, so that little is lost in the difference of large tetrahedra.
    return points.mean(axis=0, dtype=np.float64)


def _corners(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    face_objects: NDArray[np.int32],
    apex: NDArray[np.float64],
) -> Iterator[tuple[NDArray, NDArray, NDArray, NDArray]]:
    """Yield object ids and the three corners, relative to `apex`, of many faces at once."""
    for first in range(0, len(triangles), _FACES_AT_ONCE):
        part = slice(first, first + _FACES_AT_ONCE)
        a, b, c = (points[triangles[part, corner]] - apex for corner in range(3))
        yield face_objects[part], a, b, c
