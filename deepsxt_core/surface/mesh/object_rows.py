"""Volume, area, centroid and bounds of the objects of a mesh."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.surfaces import ObjectRow

_Vectors: TypeAlias = tuple[NDArray[np.float64], ...]
"""Their coordinates (n,) along x, y and z."""
_FACES_AT_ONCE = 1 << 16  # what is worked on stays in the cache of the processor


def object_volumes(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    face_objects: NDArray[np.int32],
    n: int,
) -> NDArray[np.float64]:
    """Return the enclosed volumes (n,) of objects 1 to n of a closed mesh; 0 where absent."""
    volume = np.zeros(n)
    for part, corners in _corners(points, triangles, _apex(points)):
        six_tetrahedra, _ = _tetrahedra_and_normals(corners)
        volume += np.bincount(face_objects[part] - 1, six_tetrahedra, n)
    return volume / 6


def volume_gradient(
    points: NDArray[np.float32], triangles: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how the volume changes with each point, and the area that belongs to the point.

    A third of each face belongs to each of its corners.

    Returns
    -------
    gradient : ndarray
        float32 (3, n), along x, y and z: the sum of the outward areas of a point's faces, a third.
    area : ndarray
        float32 (n,), at least as large as the gradient is long.
    """
    sums = np.zeros((4, len(points)), np.float32)
    for part, corners in _corners(points, triangles, _apex(points)):
        _, normal = _tetrahedra_and_normals(corners)
        parts = (*normal, _length(normal))
        own = triangles[part]
        first = int(own.min())
        # The faces of a mesh are about in the order of its points: few are between.
        for corner in np.ascontiguousarray(own.T) - first:
            end = first + int(corner.max()) + 1
            for total, each in zip(sums, parts, strict=True):
                total[first:end] += np.bincount(corner, each).astype(np.float32)
    sums /= 6
    return sums[:3], sums[3]


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
    for part, corners in _corners(points, triangles, apex):
        place = np.searchsorted(known, face_objects[part])
        six_tetrahedra, normal = _tetrahedra_and_normals(corners)
        volume += np.bincount(place, six_tetrahedra / 6, n)
        area += np.bincount(place, _length(normal) / 2, n)
        for axis in range(3):
            a, b, c = (corner[axis] for corner in corners)
            moment[:, axis] += np.bincount(place, six_tetrahedra * (a + b + c) / 24, n)

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
    return points[:: 1 + len(points) // 1000].mean(axis=0, dtype=np.float64)


def _corners(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    apex: NDArray[np.float64],
) -> Iterator[tuple[slice, tuple[_Vectors, ...]]]:
    """Yield which faces, and their corners relative to `apex`, many at once."""
    columns = np.ascontiguousarray(points.T)
    for first in range(0, len(triangles), _FACES_AT_ONCE):
        part = slice(first, first + _FACES_AT_ONCE)
        corners = tuple(
            tuple(column[corner] - origin for column, origin in zip(columns, apex, strict=True))
            for corner in np.ascontiguousarray(triangles[part].T)
        )
        yield part, corners


def _tetrahedra_and_normals(corners: tuple[_Vectors, ...]) -> tuple[NDArray, _Vectors]:
    """Return six times the volumes between faces and apex, and normals as long as two areas."""
    a, b, c = corners
    ux, uy, uz = (end - start for end, start in zip(b, a, strict=True))
    vx, vy, vz = (end - start for end, start in zip(c, a, strict=True))
    normal = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    return a[0] * normal[0] + a[1] * normal[1] + a[2] * normal[2], normal


def _length(vectors: _Vectors) -> NDArray[np.float64]:
    x, y, z = vectors
    return np.sqrt(x * x + y * y + z * z)
