"""How far the points of a mesh lie from a thinned one."""

import numpy as np
from numpy.typing import NDArray

_PAIRS_AT_ONCE = 1 << 17


def distances_to_faces_around(
    points: NDArray[np.floating],
    target: NDArray[np.integer],
    thin_points: NDArray[np.floating],
    thin_triangles: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the distance (n,) of each point to the faces around the point that it became.

    The surface is at least as near as these few of its faces. No search through all of them is
    needed for that, and no VTK: `vtkImplicitPolyDataDistance` (9.7) writes beyond its memory
    where meshes hold slivers, about once in a hundred thousand bodies of noise.

    Parameters
    ----------
    points : ndarray
        (n, 3).
    target : ndarray
        Index (n,) of the point of the thinned mesh that each has become.
    thin_points, thin_triangles : ndarray
        (m, 3) and (faces, 3).

    Returns
    -------
    ndarray
        Infinite where no face is left around that point.
    """
    corners = thin_triangles.ravel()
    face_of = np.argsort(corners, kind="stable") // 3
    counts = np.bincount(corners, minlength=len(thin_points))
    starts = np.cumsum(counts) - counts
    pairs = counts[target]
    found = np.full(len(points), np.inf)
    ends = np.cumsum(pairs)
    first = 0
    while first < len(points):
        done = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        part = slice(first, last)
        own = np.repeat(np.arange(first, last), pairs[part])
        nth = np.arange(len(own)) - np.repeat(ends[part] - pairs[part] - done, pairs[part])
        faces = face_of[starts[target[own]] + nth]
        distances = _to_triangles(
            points[own].astype(np.float64), thin_points[thin_triangles[faces]].astype(np.float64)
        )
        np.minimum.at(found, own, distances)
        first = last
    return found


def _to_triangles(points: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances (n,) of points (n, 3) to triangles (n, 3 corners, 3)."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(normal, axis=1)
    above = np.ones(len(points), bool)  # of the inside of the triangle
    squared = np.full(len(points), np.inf)
    for corner in range(3):
        start = corners[:, corner]
        edge = corners[:, (corner + 1) % 3] - start
        to_point = points - start
        length = np.einsum("ij,ij->i", edge, edge)
        along = np.einsum("ij,ij->i", to_point, edge) / np.maximum(length, 1e-300)
        off = to_point - np.clip(along, 0, 1)[:, np.newaxis] * edge
        squared = np.minimum(squared, np.einsum("ij,ij->i", off, off))
        above &= np.einsum("ij,ij->i", np.cross(edge, to_point), normal) >= 0
    height = np.abs(np.einsum("ij,ij->i", points - corners[:, 0], normal))
    height /= np.maximum(doubled, 1e-300)
    return np.where(above & (doubled > 0), np.minimum(height, np.sqrt(squared)), np.sqrt(squared))
