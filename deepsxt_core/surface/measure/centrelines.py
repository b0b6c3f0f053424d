"""The line through the middle of a body: found on a grid, in branches, made smooth."""

from collections.abc import Iterator
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects, maximum_filter
from scipy.spatial import cKDTree

from deepsxt_core.surface.polydata import polydata

MOST_INSIDE = 1 << 20
"""Points of the grid in a body, about; a larger body gets a coarser grid: ways take 10 µs each."""
_MOST_POINTS = 1 << 24

# Power of the depth with which a way becomes cheaper.
_MIDDLE = 3
# The grid leaves the line within about this many grid steps of the middle.
_ROUGHNESS = 0.5
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Grid:
    """A body on a cubic grid.

    Attributes
    ----------
    inside : ndarray
        bool (z, y, x).
    origin : ndarray
        Place (x, y, z) of the first grid point.
    step : float
        Between neighbouring grid points.
    """

    inside: NDArray[np.bool_]
    origin: NDArray[np.float64]
    step: float

    def places(self, voxels: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the places (n, 3), x, y, z, of grid points (n, 3), z, y, x."""
        return self.origin + voxels[:, ::-1] * self.step


@dataclass(frozen=True, slots=True)
class Branch:
    """A piece of a middle line, rough as its grid.

    Attributes
    ----------
    points : ndarray
        (n, 3), x, y, z.
    depths : ndarray
        Distance of each point to the surface (n,), to about a step of the grid.
    is_side : bool
        Whether its first point lies at the surface of a branch found before.
    """

    points: NDArray[np.float64]
    depths: NDArray[np.float64]
    is_side: bool = False


def rasterise(points: NDArray[np.floating], triangles: NDArray[np.int64], step: float) -> Grid:
    """Return which points of a cubic grid lie inside a closed mesh.

    Parameters
    ----------
    points : ndarray
        (n, 3), x, y, z.
    triangles : ndarray
        Point indices (faces, 3).
    step : float
        Of the grid; made larger where more than `MOST_INSIDE` points would lie inside.
    """
    import pyvista
    from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

    low, high = points.min(axis=0), points.max(axis=0)
    mesh = polydata(points, triangles)
    box = np.prod((high - low) + 2 * _MARGIN * step)
    step = float(max(step, np.cbrt(mesh.volume / MOST_INSIDE), np.cbrt(box / _MOST_POINTS)))
    counts = np.ceil((high - low) / step).astype(int) + 2 * _MARGIN
    # Half a step off: grid points must not lie on the flat caps of bodies cut by the border.
    origin = low - (_MARGIN - 0.5) * step
    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(mesh)
    stencil.SetOutputOrigin(*origin)
    stencil.SetOutputSpacing(step, step, step)
    stencil.SetOutputWholeExtent(0, counts[0] - 1, 0, counts[1] - 1, 0, counts[2] - 1)
    image = vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.SetOutputScalarTypeToUnsignedChar()
    image.Update()
    values = np.asarray(pyvista.wrap(image.GetOutput()).point_data.active_scalars)
    return Grid(values.reshape(counts[::-1]).astype(bool), np.asarray(origin), step)


def branches(grid: Grid) -> Iterator[Branch]:
    """Yield the branches of the middle line of each connected piece, its longest way first.

    After Sato et al. (2000, TEASAR, Pacific Graphics 281-289): the ends are the points farthest
    from one end of the body, and the way to each keeps to the middle because it costs more near
    the surface. A branch is without the part inside the body that it leaves; one that sticks out
    less than it is thick is a bump of the surface and left out. A ring is followed along one
    side.
    """
    pieces, n = cc3d.connected_components(grid.inside, connectivity=26, return_N=True)
    boxes = find_objects(pieces)
    for label, box in enumerate(boxes[:n], 1):
        low = np.array([side.start for side in box])
        for voxels, depths, is_side in _ways(np.pad(pieces[box] == label, 1)):
            yield Branch(grid.places(voxels - 1 + low), depths * grid.step, is_side)


def _ways(
    inside: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], bool]]:
    """Yield voxels (n, 3) and depths in voxels (n,) of each branch, and whether it is a side one.

    `inside` (z, y, x) is one piece that does not touch the border of the array.
    """
    from skimage.graph import MCP_Geometric

    depth = distance_transform_edt(inside)
    even = np.where(inside, 1.0, -1.0)  # below 0 there is no way
    start, _ = _farthest(even, np.argwhere(inside)[0])
    end, distance = _farthest(even, start)
    cost = np.where(inside, np.maximum(depth, 1.0) ** -_MIDDLE, -1.0)
    ways = MCP_Geometric(cost)
    ways.find_costs([start])
    ends = np.argwhere((distance == maximum_filter(distance, 5)) & inside)
    ends = ends[np.argsort(-distance[tuple(ends.T)], kind="stable")]

    found = np.array(ways.traceback(tuple(end)))
    yield found, depth[tuple(found.T)], False
    is_found = np.zeros(inside.shape, bool)
    is_found[tuple(found.T)] = True
    ends = _away_from(found, depth, ends)
    while len(ends):
        way = np.array(ways.traceback(tuple(ends[0])))
        ends = ends[1:]
        root = np.flatnonzero(is_found[tuple(way.T)])[-1]
        out = np.linalg.norm(way - way[root], axis=1) >= depth[tuple(way[root])]
        out[:root] = False
        depths = depth[tuple(way[out].T)]
        if len(depths) > 2 and len(depths) > 2 * np.median(depths):
            yield way[out], depths, True
            is_found[tuple(way.T)] = True
            ends = _away_from(way, depth, ends)


def _farthest(
    even: NDArray[np.float64], start: NDArray[np.integer]
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    """Return the voxel that is farthest from `start`, and the distances from there."""
    from skimage.graph import MCP_Geometric

    distance, _ = MCP_Geometric(even).find_costs([start])
    distance[~np.isfinite(distance)] = -1
    return np.array(np.unravel_index(np.argmax(distance), distance.shape)), distance


def _away_from(
    way: NDArray[np.int64], depth: NDArray[np.float64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return those of the `ends` that are not in the part of the body along `way`."""
    if not len(ends):
        return ends
    distances, nearest = cKDTree(way).query(ends)
    return ends[distances > 1.5 * depth[tuple(way[nearest].T)] + 2]


def smooth_line(points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return a smooth line (n, 3) with points about `step` apart along rough `points`."""
    if len(points) < 2:
        return points
    if len(points) < 5:
        points = np.linspace(points[0], points[-1], 5)
    tolerance = len(points) * (_ROUGHNESS * step) ** 2 * 3
    # Imported here: it takes a third of a second, which few commands need.
    from scipy.interpolate import splev, splprep

    spline, _ = splprep(points.T, s=tolerance, k=3)
    dense = np.array(splev(np.linspace(0, 1, 8 * len(points)), spline)).T
    along = arc_length(dense)
    wanted = np.linspace(0, along[-1], max(2, round(along[-1] / step) + 1))
    return np.stack([np.interp(wanted, along, axis) for axis in dense.T], axis=1)


def arc_length(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far along the line (n, 3) each of its points lies (n,)."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
