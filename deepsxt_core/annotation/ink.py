"""Which voxels a stroke covers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.runs import spread
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.annotation.strokes import PLANES, Brush, Polygon, RunStroke, Stroke
from deepsxt_core.errors import InvalidParameterError

# So that a voxel whose distance is the radius is inside, however the distance is rounded.
_ROUNDING = 1 + 1e-9
_MOST_SAMPLES = 1 << 20
_EDGES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Ink:
    """What a stroke covers.

    Attributes
    ----------
    extent : Box
        Nothing is covered outside of it.
    covers : callable
        ``covers(box)`` returns which voxels of a box inside the extent are covered, as bool
        (z, y, x).
    """

    extent: Box
    covers: Callable[[Box], NDArray[np.bool_]]


def ink_of(stroke: Stroke, scene: Scene) -> Ink:
    """Return what a stroke covers in a scene.

    Raises
    ------
    InvalidParameterError
        If runs leave the volume, a path is far too long, or something that the stroke needs is
        not there: a voxel size, a score.
    """
    if isinstance(stroke, RunStroke):
        return _runs(stroke, scene)
    return _brush(stroke, scene) if isinstance(stroke, Brush) else _polygon(stroke, scene)


def slice_box(whole: Box, plane: str, index: int) -> Box:
    """Return the box of one slice of a plane.

    Raises
    ------
    InvalidParameterError
        If there is no such slice.
    """
    axis = PLANES[plane]
    if not 0 <= index < whole.shape[axis]:
        raise InvalidParameterError(
            f"The plane {plane} has slices 0 to {whole.shape[axis] - 1}: got {index}."
        )
    limits = list(whole)
    limits[axis], limits[axis + 3] = index, index + 1
    return Box(*limits)


def _runs(stroke: RunStroke, scene: Scene) -> Ink:
    axis = PLANES[stroke.plane]
    slices, rows, first, length = np.array(stroke.runs, np.int64).T
    # In the order: across the plane, rows, columns.
    order = (axis, *(other for other in range(3) if other != axis))
    shape = [scene.labels.shape[i] for i in order]
    ends = (slices.max() + 1, rows.max() + 1, (first + length).max())
    if any(end > n for end, n in zip(ends, shape, strict=True)):
        raise InvalidParameterError(
            f"A run leaves the annotation: the plane {stroke.plane} has {shape[0]} slices of "
            f"{shape[1]} x {shape[2]} voxels, and the runs reach {max(ends[0] - 1, 0)}, "
            f"{ends[1] - 1}, {ends[2] - 1}."
        )
    corners = np.empty((2, 3), np.int64)
    corners[:, order] = [[slices.min(), rows.min(), first.min()], ends]
    back = np.argsort(order)

    def covers(box: Box) -> NDArray[np.bool_]:
        low, size = (np.array(values)[list(order)] for values in (box.first, box.shape))
        start = np.maximum(first - low[2], 0)
        count = np.minimum(first + length - low[2], size[2]) - start
        a, b = slices - low[0], rows - low[1]
        here = (count > 0) & (a >= 0) & (a < size[0]) & (b >= 0) & (b < size[1])
        covered = np.zeros(size, bool)
        places = (a[here] * size[1] + b[here]) * size[2] + start[here]
        covered.reshape(-1)[spread(places, count[here])] = True
        return covered.transpose(back)

    return Ink(Box(*corners[0].tolist(), *corners[1].tolist()), covers)


def _brush(stroke: Brush, scene: Scene) -> Ink:
    radius = scene.length(stroke.radius, stroke.unit)
    path = np.array(stroke.points)
    limit = scene.whole
    if stroke.plane is not None:
        axis = PLANES[stroke.plane]
        index = round(float(path[0, axis]))
        limit = slice_box(limit, stroke.plane, index)
        path[:, axis] = index
    samples = _samples(path, scene.edges, 0.5)
    if stroke.snap:
        samples = _snapped(samples, scene.length(stroke.snap, stroke.unit), limit, scene)
        path = samples
    nearest = np.floor(samples + 0.5).astype(np.int64)
    # The box of a long line is mostly far from it.
    path = _samples(path, scene.edges, max(2 * radius, 8))
    starts, ends = path[:-1], path[1:]
    if len(path) == 1:
        starts = ends = path
    reach = radius / scene.edges

    def covers(box: Box) -> NDArray[np.bool_]:
        covered = np.zeros(box.shape, bool)
        inside = ((nearest >= box.first) & (nearest < box.end)).all(axis=1)
        covered[tuple((nearest[inside] - box.first).T)] = True
        low, high = np.minimum(starts, ends) - reach, np.maximum(starts, ends) + reach
        near = ((low < box.end) & (high >= box.first)).all(axis=1)
        for a, b in zip(starts[near], ends[near], strict=True):
            part = Box.around(np.stack([a, b]), reach).meet(box)
            if not part.is_empty:
                covered[part.within(box)] |= _is_near(part, a, b, radius, scene.edges)
        return covered

    return Ink(Box.around(path, np.maximum(reach, 1)).meet(limit), covers)


def _is_near(box: Box, a: NDArray, b: NDArray, radius: float, edges: NDArray) -> NDArray[np.bool_]:
    """Return which voxels of a box are within the radius of the line from `a` to `b`."""
    way = (b - a) * edges
    steps = [
        (np.arange(first, end) - a[i]) * edges[i]
        for i, (first, end) in enumerate(zip(box.first, box.end, strict=True))
    ]
    z, y, x = np.ix_(*steps)
    squared = z * z + y * y + x * x
    length = float(way @ way)
    if length:
        along = z * way[0] + y * way[1] + x * way[2]
        share = np.clip(along / length, 0, 1)
        squared = squared - share * (2 * along - share * length)
    return squared <= radius**2 * _ROUNDING


def _samples(path: NDArray, edges: NDArray, step: float) -> NDArray[np.float64]:
    """Return points of a path (n, 3), its own among them, at most a step apart."""
    lengths = np.linalg.norm(np.diff(path, axis=0) * edges, axis=1)
    counts = np.maximum(np.ceil(lengths / step), 1)
    if counts.sum() > _MOST_SAMPLES:
        raise InvalidParameterError(
            f"The path of a brush is {lengths.sum():.0f} voxels long; at most "
            f"{_MOST_SAMPLES // 2} are allowed. Draw it in parts."
        )
    pieces = [
        np.linspace(a, b, int(n), endpoint=False)
        for a, b, n in zip(path[:-1], path[1:], counts, strict=True)
    ]
    return np.concatenate([*pieces, path[-1:]])


def _snapped(samples: NDArray, reach: float, limit: Box, scene: Scene) -> NDArray[np.float64]:
    """Return for each point the voxel of highest score within reach, the nearest of equal ones."""
    moved = samples.copy()
    for i, sample in enumerate(samples):
        box = Box.around(sample[None], reach / scene.edges).meet(limit)
        if box.is_empty:
            continue
        score = scene.score_of(box)
        steps = [
            (np.arange(first, end) - sample[axis]) * scene.edges[axis]
            for axis, (first, end) in enumerate(zip(box.first, box.end, strict=True))
        ]
        z, y, x = np.ix_(*steps)
        squared = z * z + y * y + x * x
        usable = (squared <= reach**2 * _ROUNDING) & ~np.isnan(score)
        if not usable.any():
            continue
        best = usable & (score == score[usable].max())
        chosen = np.where(best, squared, np.inf).argmin()
        moved[i] = np.add(np.unravel_index(chosen, box.shape), box.first)
    # Neighbours often go to the same voxel.
    kept = np.append(True, np.diff(moved, axis=0).any(axis=1))
    return moved[kept]


def _polygon(stroke: Polygon, scene: Scene) -> Ink:
    extent = slice_box(scene.whole, stroke.plane, stroke.index)
    axis = PLANES[stroke.plane]
    corners = np.insert(np.array(stroke.corners), axis, stroke.index, axis=1)
    extent = Box.around(corners, np.zeros(3)).meet(extent)
    if extent.is_empty:
        return Ink(extent, lambda box: np.zeros(box.shape, bool))
    other = [i for i in range(3) if i != axis]
    low = np.array(extent.first)[other]
    size = np.array(extent.shape)[other]
    outline = np.array(stroke.corners) - low
    inside = np.expand_dims(_is_inside(outline, int(size[0]), int(size[1])), axis)
    return Ink(extent, lambda box: inside[box.within(extent)])


def _is_inside(outline: NDArray, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return which points (row, column) lie inside an outline (n, 2), by the even-odd rule.

    Each side that crosses a row turns the points left of the crossing.
    """
    turns = np.zeros((rows, columns + 1), np.int32)
    following = np.roll(outline, -1, axis=0)
    for first in range(0, len(outline), _EDGES_AT_ONCE):
        a, b = outline[first : first + _EDGES_AT_ONCE], following[first : first + _EDGES_AT_ONCE]
        top, bottom = np.minimum(a[:, 0], b[:, 0]), np.maximum(a[:, 0], b[:, 0])
        start = np.clip(np.ceil(top), 0, rows).astype(np.int64)
        count = np.clip(np.ceil(bottom), 0, rows).astype(np.int64) - start
        side = np.repeat(np.arange(len(a)), count)
        row = spread(start, count)
        slope = (b[side, 1] - a[side, 1]) / (b[side, 0] - a[side, 0])
        crossing = a[side, 1] + (row - a[side, 0]) * slope
        column = np.clip(np.ceil(crossing), 0, columns).astype(np.int64)
        np.add.at(turns, (row, column), 1)
    # A point is left of all crossings in columns beyond its own.
    left_of = turns[:, ::-1].cumsum(axis=1)[:, ::-1]
    return left_of[:, 1:] % 2 == 1
