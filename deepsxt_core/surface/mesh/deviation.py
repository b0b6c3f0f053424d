"""How far the points of a mesh lie from a thinned one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

_PAIRS_AT_ONCE = 1 << 17
# Of the distances to the faces around one point, most are those to the surface; what is farther
# than this many times the mean is looked for again in wider rings of faces.
_OUTLIER = 3
_RINGS = 3


def distances_to_thinned(
    points: NDArray[np.floating],
    target: NDArray[np.int64],
    thin_points: NDArray[np.floating],
    thin_triangles: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return how far each point (n,) is from the surface that it became part of, at most.

    That to the faces around the point that it became, and where those are far, to the faces around
    these: the surface may be a little nearer still, never farther. All objects are done at once,
    without a search through faces and without one of another object being taken.

    Parameters
    ----------
    points : ndarray
        (n, 3).
    target : ndarray
        Index (n,) of the point of the thinned mesh that each has become; -1 for none.
    thin_points, thin_triangles : ndarray
        (m, 3) and (faces, 3).

    Returns
    -------
    ndarray
        Infinite where a point has become none.
    """
    found = np.full(len(points), np.inf)
    own: NDArray[np.int64] = np.flatnonzero(target >= 0)
    if not len(own) or not len(thin_triangles):
        return found
    fans = _Fans.of(thin_triangles, len(thin_points))
    centre = target[own]
    for ring in range(_RINGS):
        if ring:
            far = np.flatnonzero(found > _OUTLIER * float(found[np.isfinite(found)].mean()))
            kept = np.isin(own, far)
            own, centre = fans.beside(own[kept], centre[kept], thin_triangles)
        for pair, face in fans.faces(centre):
            distances = _to_triangles(
                points[own[pair]].astype(np.float64),
                thin_points[thin_triangles[face]].astype(np.float64),
            )
            np.minimum.at(found, own[pair], distances)
    return found


@dataclass(frozen=True, slots=True)
class _Fans:
    """The faces around each point of a mesh.

    Attributes
    ----------
    face : ndarray
        Of all points, one after another.
    start, count : ndarray
        Where those of each point are.
    """

    face: NDArray[np.int64]
    start: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, triangles: NDArray[np.int64], n: int) -> Self:
        """Return those of a mesh of `n` points."""
        corners = triangles.ravel()
        count = np.bincount(corners, minlength=n)
        return cls(np.argsort(corners, kind="stable") // 3, np.cumsum(count) - count, count)

    def faces(
        self, centre: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield places in `centre`, each as often as there are faces around it, and these faces."""
        ends = np.cumsum(self.count[centre])
        first = done = 0
        while first < len(centre):
            last = max(first + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
            counts = self.count[centre[first:last]]
            place = np.repeat(np.arange(first, last), counts)
            nth = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
            yield place, self.face[self.start[centre[place]] + nth]
            first, done = last, int(ends[last - 1])

    def beside(
        self, own: NDArray[np.int64], centre: NDArray[np.int64], triangles: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return `own` and `centre` with all corners of the faces around each as centres."""
        n = len(self.count)
        keys = [np.zeros(0, np.int64)]
        for pair, face in self.faces(centre):
            keys.append(np.unique(own[pair, np.newaxis] * n + triangles[face]))
        key = np.unique(np.concatenate(keys))
        return key // n, key % n


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
