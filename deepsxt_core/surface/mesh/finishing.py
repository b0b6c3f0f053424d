"""Smoothing and thinning of a finished mesh."""

import threading
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from deepsxt_core.surface.mesh.deviation import distances_to_thinned
from deepsxt_core.surface.mesh.object_rows import object_volumes, volume_gradient
from deepsxt_core.surface.mesh.volume_range import VolumeRange
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.surface.report import Report
from deepsxt_core.surface.surfaces import Surfaces

# What varies faster over the mesh than this frequency is smoothed away: 0 is constant, 1 is
# noise. Chosen for the smallest errors in docs/accuracy.md.
_STOP_BAND = 0.45
_DECIMATION_ROUNDS = 4
# Of a surface, in voxels, to give it its volume back. Bodies of radius 4 and more need a third of
# it; a speck that needs more keeps its distance from the next one instead.
_FARTHEST_SHIFT = 0.1
_SLIVERS = np.float32(0.05)  # voxel² about a point; half a voxel² is common
# fast_simplification keeps the mesh that it works on in static memory: of meshes thinned in two
# threads at once, one gets the points of the other.
_ONE_AT_A_TIME = threading.Lock()


def taubin(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    pinned: NDArray[np.bool_],
    iterations: int,
) -> NDArray[np.float32]:
    """Return the points (n, 3) of a closed mesh smoothed without shrinking.

    As Taubin (1995, SIGGRAPH 351-358) has it: a polynomial of the matrix that averages each
    point with its neighbours is a low pass, and one that is flat at 0 does not shrink.

    Parameters
    ----------
    pinned : ndarray
        Points (n,) that stay where they are.
    iterations : int
        Degree of the polynomial. The first two change nothing: they serve to keep the shape.
    """
    average = _averaging(len(points), triangles, pinned)
    weights = _low_pass(max(2, iterations)).astype(np.float32)
    # Chebyshev polynomials: T(0) = p, T(1) = A p, T(i+1) = 2 A T(i) - T(i-1).
    origin = (points.min(axis=0) + points.max(axis=0)) / 2  # in whatever order the points come
    before = points - origin
    now = average @ before
    smooth = weights[0] * before + weights[1] * now
    for weight in weights[2:]:
        after = average @ now
        after *= 2
        after -= before
        before, now = now, after
        smooth += weight * now
    smooth += origin
    smooth[pinned] = points[pinned]
    return smooth


def with_volumes(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    pinned: NDArray[np.bool_],
    volumes: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return points (n, 3) moved along their normals until the objects have known volumes.

    All of an object moves equally far, by 0.1 voxels at most, to first order in that distance.

    Parameters
    ----------
    points : ndarray
        (n, 3) in voxels, of a closed mesh.
    point_objects : ndarray
        Ids (n,) from 1.
    pinned : ndarray
        Points (n,) that stay where they are.
    volumes : ndarray
        Wanted volumes of objects 1, 2, … (largest id,) in voxels; of ids without faces any.
    """
    found = object_volumes(points, triangles, point_objects[triangles[:, 0]], len(volumes))
    gradient, area = volume_gradient(points, triangles)
    # At most 1 long, and short where faces are slivers or turn all ways: there a normal would be
    # anything.
    normal = gradient / np.maximum(area, _SLIVERS)
    normal[:, pinned] = 0
    gained = np.einsum("ij,ij->j", gradient, normal)
    slope = np.bincount(point_objects - 1, gained, len(volumes))
    # The volume of a speck with less than a voxel's face of area is mostly rounding.
    shift = (volumes - found) / np.maximum(slope, 1)
    shift = np.clip(shift, -_FARTHEST_SHIFT, _FARTHEST_SHIFT).astype(np.float32)
    normal *= shift[point_objects - 1]
    return (points + normal.T).astype(np.float32, copy=False)


def _low_pass(degree: int) -> NDArray[np.float64]:
    """Return the Chebyshev coefficients of a low pass in the eigenvalue a = 1 - frequency.

    Of all polynomials with value 1, slope 0 and curvature 0 at a = 1 it has the least mean
    square over the stop band, -1 <= a <= 1 - _STOP_BAND.
    """
    chebyshev = np.polynomial.chebyshev
    nodes = np.cos(np.linspace(np.arccos(1 - _STOP_BAND), np.pi, 50 * degree))
    values = chebyshev.chebvander(nodes, degree) * (1 - nodes**2)[:, np.newaxis] ** 0.25
    n = np.arange(degree + 1, dtype=np.float64)
    at_one = np.stack([np.ones(degree + 1), n**2, n**2 * (n**2 - 1) / 3])  # T(1), T'(1), T''(1)
    # Lagrange multipliers hold the three conditions.
    system = np.block([[values.T @ values, at_one.T], [at_one, np.zeros((3, 3))]])
    wanted = np.append(np.zeros(degree + 1), [1.0, 0.0, 0.0])
    return np.linalg.solve(system, wanted)[: degree + 1]


def _averaging(
    n: int, triangles: NDArray[np.int64], pinned: NDArray[np.bool_]
) -> scipy.sparse.csr_array:
    """Return the sparse matrix (n, n) that gives each point the mean of its neighbours."""
    # In a closed, oriented mesh the directed edges name each neighbour of a point once.
    starts = triangles.astype(np.int32)
    ends = np.roll(starts, -1, axis=1)
    neighbours = np.bincount(starts.ravel(), minlength=n)
    weights = (1 / np.maximum(neighbours, 1)).astype(np.float32)[starts]
    weights[pinned[starts]] = 0
    entries = (weights.ravel(), (starts.ravel(), ends.ravel()))
    matrix = scipy.sparse.csr_array(entries, shape=(n, n))
    return matrix + scipy.sparse.diags_array(pinned.astype(np.float32)) if pinned.any() else matrix


def decimate(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    keep: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Return points, triangles, object per point, and which point each of the former has become.

    About the fraction `keep` of the faces is left; a point that is left with none has become -1.
    Edges are collapsed by the quadric error (Garland and Heckbert 1997). Thin places may
    tear and small objects may vanish: see `decimate_closed`.
    """
    import fast_simplification

    with _ONE_AT_A_TIME:
        fewer_points, fewer_triangles, collapses = fast_simplification.simplify(
            points, triangles.astype(np.int32), 1 - keep, return_collapses=True
        )
    # Where an object vanishes, the numbers that `replay_simplification` (0.2) gives for the points
    # after it are wrong. What is left are the points of faces with three different corners.
    became = np.arange(len(points))
    became[collapses[:, 1]] = collapses[:, 0]
    while not np.array_equal(became, further := became[became]):
        became = further
    corners = became[triangles]
    used = np.zeros(len(points), bool)
    used[corners[(corners != np.roll(corners, 1, axis=1)).all(axis=1)]] = True
    target = np.where(used, np.cumsum(used) - 1, -1)[became]
    return fewer_points, fewer_triangles.astype(np.int64), point_objects[used], target


@dataclass(frozen=True, slots=True)
class Thinned:
    """A mesh with fewer faces.

    Attributes
    ----------
    points, triangles, point_objects : ndarray
        As `build_mesh` takes them; points of object 0 belong to no face.
    moved : float
        Largest distance of a point of the full mesh from the thinned one.
    untouched : ndarray
        Ids of the objects that have all their faces.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int64]
    point_objects: NDArray[np.int32]
    moved: float
    untouched: NDArray[np.int32]


def thin(
    surfaces: Surfaces,
    report: Report,
    params: ReconstructParams,
    voxel_edge: float,
    allowed: VolumeRange,
) -> tuple[Surfaces, Report]:
    """Return surfaces with fewer triangles, not yet measured, and the report with what changed.

    Parameters
    ----------
    surfaces : Surfaces
    report : Report
    params : ReconstructParams
    voxel_edge : float
        The edge of a cube of a voxel's volume, in the unit of the surfaces.
    allowed : VolumeRange
        Volumes that objects may come to have, in voxels.
    """
    thinned = decimate_closed(
        np.asarray(surfaces.mesh.points),
        surfaces.triangles,
        surfaces.point_objects,
        params.decimate_to,
        params.decimate_error_voxels * voxel_edge,
        allowed.scaled(voxel_edge**3),
    )
    mesh = build_mesh(thinned.points, thinned.triangles, thinned.point_objects)
    report = replace(
        report, thinning_moved=thinned.moved, not_thinned=tuple(thinned.untouched.tolist())
    )
    return Surfaces(mesh, (), surfaces.unit), report


def decimate_closed(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    keep: float,
    max_error: float,
    allowed: VolumeRange,
) -> Thinned:
    """Decimate within bounds.

    Objects that would be torn, get a volume that is not `allowed`, or have a point farther than
    `max_error` from the thinned surface are tried again with more faces, and in the end keep them
    all.
    """
    n = len(allowed.low)
    parts: list[tuple[NDArray, NDArray, NDArray]] = []
    moved = 0.0
    open_ids = np.unique(point_objects)
    for _ in range(_DECIMATION_ROUNDS):
        part = part_of(points, triangles, point_objects, open_ids)
        fewer_points, fewer_triangles, fewer_objects, target = decimate(*part, keep)
        after = object_volumes(
            fewer_points, fewer_triangles, fewer_objects[fewer_triangles[:, 0]], n
        )
        unlike = np.union1d(allowed.left_by(after), _torn(fewer_triangles, fewer_objects))
        intact = np.setdiff1d(open_ids, unlike)
        errors = np.zeros(n)
        distances = distances_to_thinned(part[0], target, fewer_points, fewer_triangles)
        np.maximum.at(errors, part[2] - 1, distances)
        good = intact[errors[intact - 1] <= max_error].astype(np.int32)
        moved = max(moved, float(errors[good - 1].max(initial=0.0)))
        parts.append(part_of(fewer_points, fewer_triangles, fewer_objects, good))
        open_ids = np.setdiff1d(open_ids, good)
        if not len(open_ids):
            break
        keep = float(np.sqrt(keep))
    parts.append(part_of(points, triangles, point_objects, open_ids))
    offsets = np.cumsum([0] + [len(part[0]) for part in parts])
    return Thinned(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] + first for part, first in zip(parts, offsets, strict=False)]),
        np.concatenate([part[2] for part in parts]),
        moved,
        open_ids,
    )


def unsound_objects(surfaces: Surfaces) -> list[int]:
    """Return the ids of objects whose surface is not closed, not manifold or not oriented."""
    return _torn(surfaces.triangles, surfaces.point_objects).tolist()


def part_of(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    ids: NDArray[np.integer],
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]:
    """Return the part of a mesh that belongs to objects `ids`."""
    kept = np.isin(point_objects, ids)
    place = np.cumsum(kept) - 1
    return points[kept], place[triangles[kept[triangles[:, 0]]]], point_objects[kept]


def _torn(triangles: NDArray[np.int64], point_objects: NDArray[np.int32]) -> NDArray[np.int32]:
    # In a closed, consistently oriented surface every directed edge occurs once, and once in
    # the other direction.
    starts = triangles.ravel()
    ends = np.roll(triangles, -1, axis=1).ravel()
    directed = starts * len(point_objects) + ends
    forward, backward = np.sort(directed), np.sort(ends * len(point_objects) + starts)
    if np.array_equal(forward, backward) and (np.diff(forward) > 0).all():
        return np.zeros(0, np.int32)
    values, counts = np.unique(directed, return_counts=True)
    repeated = np.isin(directed, values[counts > 1])
    unpaired = ~np.isin(directed, backward)
    return np.unique(point_objects[starts[repeated | unpaired]])
