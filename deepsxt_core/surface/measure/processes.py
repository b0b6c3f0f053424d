"""Thin processes such as filopodia: their length, and their diameter from end to end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from deepsxt_core.parameters import Limits, checked
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.centrelines import (
    Branch,
    arc_length,
    branches,
    rasterise,
    smooth_line,
)
from deepsxt_core.surface.measure.shapes import outer_faces
from deepsxt_core.surface.surfaces import Surfaces

# A body whose farthest point is no farther from its centre than this many radii of the ball of
# the same volume has no process that sticks out.
_NEARLY_A_BALL = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessParams:
    """What counts as a thin process.

    Attributes
    ----------
    min_aspect : float
        How many times as long as thick it is at least; shorter ones are no processes but bumps.
    max_diameter : float or None
        Parts of a branch that are thicker, in the unit of the surfaces, do not belong to it: a
        cell that filopodia grow from. Left out, there is no limit.
    max_unroundness : float
        How far the surface may be from round about the middle line: standard deviation of its
        distance / mean distance, the median along the line. Round tubes have
        up to 0.15; sheets, and shells that are followed around what they enclose, 0.22 to 0.65.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range.
    """

    min_aspect: Annotated[float, Limits(least=1)] = 3.0
    max_diameter: Annotated[float | None, Limits(above=0)] = None
    max_unroundness: Annotated[float, Limits(above=0, most=1)] = 0.2

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A thin process; lengths in the unit of its surfaces.

    Attributes
    ----------
    object : int
        Id of the object that it is, or is a part of.
    branch : int
        1 is the longest of its object.
    length : float
        Along its middle line from tip to tip, or to the surface of the branch that it leaves.
    diameter : float
        Mean along the shaft, which ends where the round tips begin.
    thinnest, thickest : float
        Of the shaft.
    tips : int
        Free ends, 0 to 2.
    straightness : float
        Distance between its ends / length: 1 is straight.
    unroundness : float
        As in `ProcessParams`.
    line : ndarray
        Its middle line (n, 3), x, y, z, in steps of about a voxel.
    diameters : ndarray
        Along the middle line (n,), of a circle as far from the line as the surface is on average.
    """

    object: int
    branch: int
    length: float
    diameter: float
    thinnest: float
    thickest: float
    tips: int
    straightness: float
    unroundness: float
    line: NDArray[np.float64]
    diameters: NDArray[np.float64]


def trace_processes(
    surfaces: Surfaces,
    params: ProcessParams | None = None,
    progress: Progress | None = None,
) -> tuple[Process, ...]:
    """Return the thin processes among the objects and of the objects.

    Only the outer surface of an object counts, so a process may be solid or a membrane around a
    lumen. Bodies that are nearly balls are passed over. The middle line is found on a cubic
    grid, the diameter is measured on the mesh.
    """
    params, progress = params or ProcessParams(), progress or NoProgress()
    points, ids = np.asarray(surfaces.mesh.points, np.float64), [row.id for row in surfaces.objects]
    starts = np.searchsorted(surfaces.face_objects, ids)
    ends = np.searchsorted(surfaces.face_objects, ids, side="right")
    found: list[Process] = []
    progress.stage("Tracing processes", len(ids), "object")
    for row, start, end in zip(surfaces.objects, starts, ends, strict=True):
        triangles = surfaces.triangles[start:end]
        first = int(triangles.min())
        own = points[first : int(triangles.max()) + 1]
        triangles = triangles - first
        triangles = triangles[outer_faces(own - row.centroid, triangles)]
        step = float(np.cbrt(row.volume / max(row.voxels, 1)))
        traced = sorted(
            _processes(row.id, own, triangles, step, params), key=lambda each: -each.length
        )
        found += [replace(each, branch=number) for number, each in enumerate(traced, 1)]
        progress.advance()
    return tuple(found)


def _processes(
    object_id: int,
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    step: float,
    params: ProcessParams,
) -> Iterator[Process]:
    if _is_nearly_a_ball(points, triangles):
        return
    grid = rasterise(points, triangles, step)
    found = list(branches(grid))
    if not found:
        return
    lines = [_to_the_tips(branch, points, grid.step) for branch in found]
    around = _around(lines, points, triangles)
    for branch, line, (along, uneven) in zip(found, lines, around, strict=True):
        for first, end in _thin_runs(along, params.max_diameter):
            is_tip = first == 0 and not branch.is_side, end == len(line)
            part = slice(first, end)
            process = _process(object_id, line[part], along[part], uneven[part], is_tip)
            if (
                process.length >= params.min_aspect * process.diameter
                and process.unroundness <= params.max_unroundness
            ):
                yield process


def _is_nearly_a_ball(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> bool:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    tetrahedra = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    volume = tetrahedra.sum()
    centre = tetrahedra @ (a + b + c) / 4 / volume
    radius = np.cbrt(3 / 4 / np.pi * volume)
    return bool(np.linalg.norm(a - centre, axis=1).max() <= _NEARLY_A_BALL * radius)


def _to_the_tips(branch: Branch, points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Return the smooth line of a branch, which reaches the surface at its free ends."""
    radius = max(float(np.median(branch.depths)), step)
    along = arc_length(branch.points)
    # Within a round tip the thinned line may turn aside.
    is_kept = along <= along[-1] - radius
    if not branch.is_side:
        is_kept &= along >= radius
    rough = branch.points[is_kept] if is_kept.sum() >= 4 else branch.points
    line = smooth_line(rough, step)
    if not branch.is_side:
        line = _extended(line[::-1], radius, points, step)[::-1]
    return _extended(line, radius, points, step)


def _extended(
    line: NDArray[np.float64], radius: float, points: NDArray[np.float64], step: float
) -> NDArray[np.float64]:
    """Return `line` with its end drawn on straight to the surface."""
    back = line[-1] - line
    near = np.flatnonzero(np.linalg.norm(back, axis=1) <= 2 * radius)
    direction = line[-1] - line[near[0]]
    length = np.linalg.norm(direction)
    if length == 0:
        return line
    direction /= length
    offset = points - line[-1]
    along = offset @ direction
    beside = np.linalg.norm(offset - along[:, np.newaxis] * direction, axis=1)
    ahead = along[(beside <= radius / 2) & (along > 0) & (along <= 4 * radius)]
    if not len(ahead):
        return line
    reach = float(ahead.max())
    steps = np.linspace(0, reach, max(2, round(reach / step) + 1))[1:, np.newaxis]
    return np.concatenate([line, line[-1] + steps * direction])


def _around(
    lines: list[NDArray[np.float64]], points: NDArray[np.float64], triangles: NDArray[np.int64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return diameter and unroundness at each point of the lines.

    The diameter is twice the mean distance of the surface nearest to a point: the mean all around
    depends little on whether the line lies exactly in the middle. Unroundness is the standard
    deviation of that distance / its mean.
    """
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    every = np.concatenate(lines)
    distance, nearest = cKDTree(every).query((a + b + c) / 3)
    weight, total, squares = (
        np.bincount(nearest, areas * distance**power, len(every)) for power in range(3)
    )
    known = np.flatnonzero(weight > 0)
    mean = total[known] / weight[known]
    uneven = np.sqrt(np.maximum(squares[known] / weight[known] - mean**2, 0)) / mean
    places = np.arange(len(every))
    diameters, unevenness = (np.interp(places, known, each) for each in (2 * mean, uneven))
    ends = np.cumsum([len(line) for line in lines])[:-1]
    return list(zip(np.split(diameters, ends), np.split(unevenness, ends), strict=True))


def _thin_runs(diameters: NDArray[np.float64], max_diameter: float | None) -> list[tuple[int, int]]:
    """Return where the diameter stays at or below the limit, as (first, end)."""
    thin = np.ones(len(diameters), bool) if max_diameter is None else diameters <= max_diameter
    edges = np.flatnonzero(np.diff(np.concatenate([[False], thin, [False]]).astype(np.int8)))
    return [(first, end) for first, end in edges.reshape(-1, 2).tolist() if end - first > 1]


def _process(
    object_id: int,
    line: NDArray[np.float64],
    diameters: NDArray[np.float64],
    uneven: NDArray[np.float64],
    is_tip: tuple[bool, bool],
) -> Process:
    along = arc_length(line)
    length = float(along[-1])
    radius = float(np.median(diameters)) / 2
    shaft = (along >= radius * is_tip[0]) & (along <= length - radius * is_tip[1])
    if not shaft.any():
        shaft[len(shaft) // 2] = True
    inside = diameters[shaft]
    return Process(
        object=object_id,
        branch=0,
        length=length,
        diameter=float(inside.mean()),
        thinnest=float(inside.min()),
        thickest=float(inside.max()),
        tips=sum(is_tip),
        straightness=float(np.linalg.norm(line[-1] - line[0])) / length,
        unroundness=float(np.median(uneven[shaft])),
        line=line,
        diameters=diameters,
    )


def process_columns(found: Sequence[Process], unit: Unit) -> dict[str, list[Any]]:
    """Return a table of one line per process, by names with units."""
    length = plain_unit(unit)
    names = ("length", "diameter", "thinnest", "thickest")
    columns: dict[str, list[Any]] = {
        "object": [each.object for each in found],
        "branch": [each.branch for each in found],
    }
    columns |= {f"{name}_{length}": [getattr(each, name) for each in found] for name in names}
    columns |= {
        name: [getattr(each, name) for each in found]
        for name in ("tips", "straightness", "unroundness")
    }
    for place, end in ((0, "start"), (-1, "end")):
        for axis, letter in enumerate("xyz"):
            columns[f"{end}_{letter}_{length}"] = [float(each.line[place, axis]) for each in found]
    return columns


def profile_columns(found: Sequence[Process], unit: Unit) -> dict[str, list[Any]]:
    """Return the diameter along each process as a table of one line per point."""
    length = plain_unit(unit)
    columns: dict[str, list[Any]] = {"object": [], "branch": []}
    for name in ("along", "diameter", "x", "y", "z"):
        columns[f"{name}_{length}"] = []
    for each in found:
        values = np.column_stack([arc_length(each.line), each.diameters, each.line])
        columns["object"] += [each.object] * len(values)
        columns["branch"] += [each.branch] * len(values)
        for column, part in zip(list(columns.values())[2:], values.T, strict=True):
            column += part.tolist()
    return columns
