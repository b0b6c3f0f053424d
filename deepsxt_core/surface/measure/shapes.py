"""Shape of one closed mesh: axes, largest extent, curvature, which of its faces are outside."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Solid:
    """A body from the second moments of its volume.

    Attributes
    ----------
    volume, area : float
    axes : tuple of float
        Long, middle and short axis of the ellipsoid with the same moments.
    direction : ndarray
        Of the long axis, (x, y, z).
    beam_elongation : float
        Size along z / size across it, of the same moments.
    """

    volume: float
    area: float
    axes: tuple[float, float, float]
    direction: NDArray[np.float64]
    beam_elongation: float


def solid(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> Solid:
    """Return what the body that a closed mesh encloses is like.

    The second moments follow from the tetrahedra between its faces and the origin; for one with
    corners 0, a, b, c and s = a + b + c: V/20 (a aᵀ + b bᵀ + c cᵀ + s sᵀ).
    """
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    tetrahedra = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    volume = float(tetrahedra.sum())
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    s = a + b + c
    second = sum((part * tetrahedra[:, np.newaxis]).T @ part for part in (a, b, c, s)) / 20
    mean = tetrahedra @ s / 4 / volume
    covariance = second / volume - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    # The variance of an ellipsoid along an axis of length d is d²/20.
    short, middle, long = np.sqrt(20 * np.maximum(values, 1e-30)).tolist()
    across = max((covariance[0, 0] + covariance[1, 1]) / 2, 1e-30)
    elongation = float(np.sqrt(max(covariance[2, 2], 0.0) / across))
    return Solid(volume, area, (long, middle, short), vectors[:, -1], elongation)


def outer_faces(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which faces belong to closed surfaces that face away from what they enclose."""
    ends = (triangles[:, :2].ravel(), triangles[:, 1:].ravel())
    edges = (np.ones(len(ends[0]), bool), ends)
    graph = scipy.sparse.coo_array(edges, shape=(len(points), len(points)))
    n, piece = scipy.sparse.csgraph.connected_components(graph, directed=False)
    if n == 1:
        return np.ones(len(triangles), bool)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    piece_of_face = piece[triangles[:, 0]]
    volumes = np.bincount(piece_of_face, np.einsum("ij,ij->i", a, np.cross(b, c)), n)
    return volumes[piece_of_face] > 0


def mean_curvature(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> float:
    """Return the mean over the area of the mean curvature: 1/r for a ball, 1/(2r) for a tube.

    The curvature of a mesh lies in its edges: half the length times the angle between the two
    faces, positive where they bulge out (Steiner's formula; Santaló 1976).
    """
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    doubled = np.linalg.norm(normals, axis=1, keepdims=True)
    area = doubled.sum() / 2
    normals /= np.maximum(doubled, 1e-30)
    starts, ends = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    forward = np.flatnonzero(starts < ends)
    backward = np.flatnonzero(starts > ends)
    key = np.minimum(starts, ends) * len(points) + np.maximum(starts, ends)
    forward = forward[np.argsort(key[forward], kind="stable")]
    backward = backward[np.argsort(key[backward], kind="stable")]
    if not np.array_equal(key[forward], key[backward]):
        return float("nan")  # not closed
    edge = points[ends[forward]] - points[starts[forward]]
    length = np.linalg.norm(edge, axis=1)
    first, second = normals[forward // 3], normals[backward // 3]
    turn = np.einsum("ij,ij->i", np.cross(first, second), edge) / np.maximum(length, 1e-30)
    angle = np.arctan2(turn, np.einsum("ij,ij->i", first, second))
    return float((length * angle).sum() / 2 / area)


def feret_diameter(points: NDArray[np.float64]) -> float:
    """Return the largest distance between two points (n, 3)."""
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # flat, or too few points
        corners = points
    return max(
        float(cdist(corners[first : first + _ROWS_AT_ONCE], corners).max())
        for first in range(0, len(corners), _ROWS_AT_ONCE)
    )


def wedge_elongation(tilt_deg: float) -> float:
    """Return by how much tilting to ± `tilt_deg` stretches fine detail along the beam.

    The factor of Radermacher (1988, Ultramicroscopy 25, 241-254): 1 at 90°, 1.55 at 60°.
    """
    tilt = np.radians(tilt_deg)
    half = np.sin(tilt) * np.cos(tilt)
    return float(np.sqrt((tilt + half) / (tilt - half)))
