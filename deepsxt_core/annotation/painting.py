"""Operations that give voxels to an object, or take them: strokes, fills, slices."""

from collections.abc import Iterator

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.ink import Ink, ink_of, slice_box
from deepsxt_core.annotation.objects import ObjectRow, TableChange, row_change, shade_of
from deepsxt_core.annotation.operations import (
    CopySlice,
    Erase,
    FillBox,
    FillSlice,
    Interpolate,
    Paint,
)
from deepsxt_core.annotation.resolution import TILE, Change, Resolution
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.annotation.strokes import PLANES, Limits
from deepsxt_core.errors import InvalidParameterError

MOST_FILLED_VOXELS = 1 << 25


def paint(operation: Paint, scene: Scene) -> Resolution:
    """Resolve `Paint`."""
    ink = ink_of(operation.stroke, scene)
    return _given(scene, operation.object, _inked(scene, ink, operation.object, operation.limits))


def erase(operation: Erase, scene: Scene) -> Resolution:
    """Resolve `Erase`."""
    return Resolution(_inked(scene, ink_of(operation.stroke, scene), 0, operation.limits))


def fill_slice(operation: FillSlice, scene: Scene) -> Resolution:
    """Resolve `FillSlice`."""
    scene.require_voxel(operation.seed)
    index = operation.seed[PLANES[operation.plane]]
    box = slice_box(scene.whole, operation.plane, index)
    filled = _filled(scene, box, operation.seed, operation.object, operation.limits)
    return _given(scene, operation.object, filled)


def fill_box(operation: FillBox, scene: Scene) -> Resolution:
    """Resolve `FillBox`."""
    scene.require_voxel(operation.seed)
    box = Box(*operation.first, *operation.end).meet(scene.whole)
    if not box.holds(operation.seed):
        raise InvalidParameterError(
            f"The voxel {operation.seed} to fill from lies outside of the box from "
            f"{operation.first} to {operation.end}."
        )
    if box.voxels > MOST_FILLED_VOXELS:
        raise InvalidParameterError(
            f"The box to fill in holds {box.voxels:,} voxels; at most {MOST_FILLED_VOXELS:,} are "
            "filled at once. Make it smaller."
        )
    filled = _filled(scene, box, operation.seed, operation.object, operation.limits)
    return _given(scene, operation.object, filled)


def copy_slice(operation: CopySlice, scene: Scene) -> Resolution:
    """Resolve `CopySlice`."""
    scene.table.require([operation.object])
    source = slice_box(scene.whole, operation.plane, operation.source)
    target = slice_box(scene.whole, operation.plane, operation.target)

    def changes() -> Iterator[Change]:
        covered = scene.labels.read(source) == operation.object
        yield _covered(scene, target, covered, operation.object, operation.limits)

    return Resolution(changes())


def interpolate(operation: Interpolate, scene: Scene) -> Resolution:
    """Resolve `Interpolate`."""
    scene.table.require([operation.object])
    first = slice_box(scene.whole, operation.plane, operation.first)
    last = slice_box(scene.whole, operation.plane, operation.last)
    if operation.first > operation.last:
        raise InvalidParameterError(
            f"first must not lie after last: got {operation.first} and {operation.last}."
        )
    searched = Box(*first.first, *last.end)
    boxes = [box.meet(searched) for box in scene.labels.boxes_of([operation.object])]
    around = Box.union(boxes)
    return Resolution(iter(()) if around is None else _between(operation, scene, around))


def _between(operation: Interpolate, scene: Scene, around: Box) -> Iterator[Change]:
    axis = PLANES[operation.plane]
    before: tuple[int, NDArray[np.bool_]] | None = None
    for index in range(around.first[axis], around.end[axis]):
        box = slice_box(scene.whole, operation.plane, index).meet(around)
        drawn = (scene.labels.read(box) == operation.object).squeeze(axis)
        if not drawn.any():
            continue
        if before is not None and index > before[0] + 1:
            steps = (before[0], index)
            yield from _filled_gap(operation, scene, around, steps, before[1], drawn)
        before = (index, drawn)


def _filled_gap(
    operation: Interpolate,
    scene: Scene,
    around: Box,
    steps: tuple[int, int],
    low: NDArray[np.bool_],
    high: NDArray[np.bool_],
) -> Iterator[Change]:
    axis = PLANES[operation.plane]
    # What is outside of both outlines stays outside of all between them.
    rows, columns = (np.flatnonzero((low | high).any(axis=1 - i)) for i in range(2))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sampling = np.delete(scene.edges, axis)
    below, above = (signed_distance(drawn[part], sampling) for drawn in (low, high))
    corners = np.array(around).reshape(2, 3)
    others = [i for i in range(3) if i != axis]
    start = corners[0, others]
    corners[1, others] = start + np.array([rows[-1] + 1, columns[-1] + 1])
    corners[0, others] = start + np.array([rows[0], columns[0]])
    for index in range(steps[0] + 1, steps[1]):
        share = (index - steps[0]) / (steps[1] - steps[0])
        corners[:, axis] = index, index + 1
        covered = np.expand_dims((1 - share) * below + share * above > 0, axis)
        box = Box(*corners.ravel().tolist())
        yield _covered(scene, box, covered, operation.object, operation.limits)


def signed_distance(inside: NDArray[np.bool_], sampling: NDArray) -> NDArray[np.float64]:
    """Return the distance to the outline of a shape (y, x), below 0 outside.

    Both are counted to the nearest pixel of the other side; all beyond the array is outside.
    """
    padded = np.pad(inside, 1)
    within = distance_transform_edt(padded, sampling)
    beyond = distance_transform_edt(~padded, sampling)
    return (within - beyond)[1:-1, 1:-1]


def _given(scene: Scene, number: int, changes: Iterator[Change]) -> Resolution:
    """Return the changes, and the new row of the object that they are for if it has none."""
    if number in scene.table:
        scene.table.require([number])
        return Resolution(changes)
    row = ObjectRow(id=number, name=f"Object {number}", colour=shade_of(number))
    table: list[TableChange] = []

    def noted() -> Iterator[Change]:
        for change in changes:
            if not table and (change.old != change.new).any():
                table.append(row_change(None, row))
            yield change

    return Resolution(noted(), table)


def _inked(scene: Scene, ink: Ink, number: int, limits: Limits) -> Iterator[Change]:
    for tile in ink.extent.meet(scene.whole).tiles(TILE):
        covered = ink.covers(tile)
        if covered.any():
            yield _covered(scene, tile, covered, number, limits)


def _covered(
    scene: Scene, box: Box, covered: NDArray[np.bool_], number: int, limits: Limits
) -> Change:
    """Return the change that gives what is covered, within the limits, to an object."""
    old = scene.labels.read(box)
    changing = covered & scene.may_change(box, old, limits)
    return Change(box, old, np.where(changing, np.uint16(number), old))


def _filled(
    scene: Scene, box: Box, seed: tuple[int, int, int], number: int, limits: Limits
) -> Iterator[Change]:
    old = scene.labels.read(box)
    at_seed = tuple(np.subtract(seed, box.first))
    open_to_fill = (old == old[at_seed]) & scene.may_change(box, old, limits)
    if open_to_fill[at_seed]:
        patches = cc3d.connected_components(open_to_fill, connectivity=6)
        patch = patches == patches[at_seed]
        yield Change(box, old, np.where(patch, np.uint16(number), old))
