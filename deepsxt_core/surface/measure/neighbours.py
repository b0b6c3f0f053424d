"""How objects lie to each other: the gap to the nearest one, and where they touch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from deepsxt_core.surface.surfaces import Surfaces

CONTACT_VOXELS = 2.0
"""Surfaces closer than this many voxel edges touch: less cannot be told from a gap."""

_SAMPLE = 300


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What lies next to one object.

    Attributes
    ----------
    nearest : int
        Id of the object with the smallest gap.
    gap : float
        Between the two surfaces, from point to point of the meshes.
    contact_area : float
        Of its surface within `CONTACT_VOXELS` of any other object.
    """

    nearest: int
    gap: float
    contact_area: float


def neighbourhoods(surfaces: Surfaces) -> list[Neighbourhood | None]:
    """Return what lies next to each object, in their order; None where there is one alone."""
    rows = surfaces.objects
    if len(rows) < 2:
        return [None] * len(rows)
    edge = float(np.cbrt(sum(row.volume for row in rows) / sum(row.voxels for row in rows)))
    reach = CONTACT_VOXELS * edge
    all_points, triangles = np.asarray(surfaces.mesh.points, np.float64), surfaces.triangles
    ids = [row.id for row in rows]
    points = np.split(all_points, np.searchsorted(surfaces.point_objects, ids)[1:])
    faces = np.split(triangles, np.searchsorted(surfaces.face_objects, ids)[1:])
    trees = [cKDTree(own) for own in points]
    low = np.array([row.bounds[::2] for row in rows])
    high = np.array([row.bounds[1::2] for row in rows])

    found: list[Neighbourhood | None] = []
    for place, own in enumerate(points):
        # No nearer than the boxes around the two.
        apart = np.maximum(np.maximum(low - high[place], low[place] - high), 0)
        at_least = np.linalg.norm(apart, axis=1)
        at_least[place] = np.inf
        order = np.argsort(at_least)
        gap, nearest = np.inf, int(order[0])
        for other in order.tolist():
            if at_least[other] >= gap:
                break
            between = _gap(own, trees[other], gap)
            if between < gap:
                gap, nearest = between, other
        area = 0.0
        if gap <= 2 * reach:
            close = np.flatnonzero(at_least <= reach).tolist()
            area = _contact_area(all_points, faces[place], [trees[each] for each in close], reach)
        found.append(Neighbourhood(ids[nearest], float(gap), area))
    return found


def _gap(points: NDArray[np.float64], tree: cKDTree, at_most: float) -> float:
    # A few points give a bound, under which the search through all of them is quick.
    some, _ = tree.query(points[:: max(1, len(points) // _SAMPLE)])
    bound = min(at_most, float(some.min()) * (1 + 1e-9))
    distances, _ = tree.query(points, distance_upper_bound=bound)
    return min(float(some.min()), float(distances.min()))


def _contact_area(
    points: NDArray[np.float64], triangles: NDArray[np.int64], others: list[cKDTree], reach: float
) -> float:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    centres = (a + b + c) / 3
    touches = np.zeros(len(centres), bool)
    for tree in others:
        distances, _ = tree.query(centres, distance_upper_bound=reach)
        touches |= np.isfinite(distances)
    return float(areas[touches].sum())
