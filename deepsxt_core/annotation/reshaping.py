"""Operations on the shape of one object: grow, shrink, smooth, split."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.objects import row_change, shade_of
from deepsxt_core.annotation.operations import Grow, Shrink, Smooth, Split
from deepsxt_core.annotation.resolution import Change, Resolution
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.errors import InvalidParameterError

MOST_MARGIN = 32
MOST_SPLIT_VOXELS = 1 << 21

_TRUNCATE = 4.0
_ROUNDING = 1 + 1e-9


def grow(operation: Grow, scene: Scene) -> Resolution:
    """Resolve `Grow`."""
    radius, margins = _reach(scene, operation.object, operation.radius, operation.unit)

    def grown(box: Box, labels: NDArray[np.uint16], core: tuple[slice, ...]) -> NDArray:
        inside = labels == operation.object
        near = distance_transform_edt(~inside, scene.edges)[core] <= radius * _ROUNDING
        old = labels[core]
        gained = near & ~inside[core] & scene.may_change(box, old, operation.limits)
        return np.where(gained, np.uint16(operation.object), old)

    return Resolution(_reshaped(scene, operation.object, margins, margins, grown))


def shrink(operation: Shrink, scene: Scene) -> Resolution:
    """Resolve `Shrink`."""
    radius, margins = _reach(scene, operation.object, operation.radius, operation.unit)

    def shrunk(box: Box, labels: NDArray[np.uint16], core: tuple[slice, ...]) -> NDArray:  # noqa: ARG001
        inside = labels == operation.object
        old = labels[core]
        if inside.all():
            return old
        deep = distance_transform_edt(inside, scene.edges)[core] > radius * _ROUNDING
        return np.where(inside[core] & ~deep, np.uint16(0), old)

    return Resolution(_reshaped(scene, operation.object, (0, 0, 0), margins, shrunk))


def smooth(operation: Smooth, scene: Scene) -> Resolution:
    """Resolve `Smooth`."""
    radius, _ = _reach(scene, operation.object, operation.radius, operation.unit)
    deviations = radius / scene.edges
    halo = [int(_TRUNCATE * deviation + 0.5) for deviation in deviations]

    def smoothed(box: Box, labels: NDArray[np.uint16], core: tuple[slice, ...]) -> NDArray:
        inside = labels == operation.object
        share = gaussian_filter(
            inside.astype(np.float32), deviations, mode="nearest", truncate=_TRUNCATE
        )
        most, held, old = share[core] > 0.5, inside[core], labels[core]
        gained = most & ~held & scene.may_change(box, old, operation.limits)
        kept = np.where(held & ~most, np.uint16(0), old)
        return np.where(gained, np.uint16(operation.object), kept)

    return Resolution(_reshaped(scene, operation.object, halo, halo, smoothed))


def split(operation: Split, scene: Scene) -> Resolution:
    """Resolve `Split`."""
    (row,) = scene.table.require([operation.object])
    for seed in operation.seeds:
        scene.require_voxel(seed)
        at = Box(*seed, *(index + 1 for index in seed))
        if scene.labels.read(at).item() != operation.object:
            raise InvalidParameterError(
                f"The voxel {seed} is not one of object {operation.object}."
            )
    (number,) = scene.table.free_ids(1)
    part = replace(
        row,
        id=number,
        name=f"Object {number}",
        colour=shade_of(number),
        origin=f"split from object {operation.object}",
        true_voxels=None,
    )
    table = [row_change(None, part)]
    if row.true_voxels is not None:
        table.append(row_change(row, replace(row, true_voxels=None)))
    return Resolution(_parted(operation, scene, number), table)


def _parted(operation: Split, scene: Scene, number: int) -> Iterator[Change]:
    from skimage.segmentation import watershed

    around = scene.mask_box([operation.object])
    if around is None:
        return
    # A body that is too large is parted on a grid that is coarser.
    step = int(np.ceil(np.cbrt(around.voxels / MOST_SPLIT_VOXELS)))
    shape = tuple(-(-n // step) for n in around.shape)
    boxes = [box.meet(around) for box in scene.labels.boxes_of([operation.object])]
    body = np.zeros(shape, bool)
    for box in boxes:
        voxels = np.argwhere(scene.labels.read(box) == operation.object)
        body[_cells(voxels, box, around, step)] = True
    seeds = _cells(np.array(operation.seeds), Box.whole((0, 0, 0)), around, step)
    markers = np.zeros(shape, np.int32)
    markers[seeds] = 1, 2
    if len(np.unique(np.stack(seeds), axis=1).T) < 2:
        raise InvalidParameterError(
            f"The voxels {operation.seeds[0]} and {operation.seeds[1]} lie too near to each other "
            f"to split object {operation.object} between them. Choose others."
        )
    distance = distance_transform_edt(np.pad(body, 1), scene.edges)[1:-1, 1:-1, 1:-1]
    basins = watershed(-distance, markers, connectivity=1, mask=body)
    for box in boxes:
        old = scene.labels.read(box)
        new = old.copy()
        voxels = np.argwhere(old == operation.object)
        second = voxels[basins[_cells(voxels, box, around, step)] == 2]
        new[tuple(second.T)] = number
        yield Change(box, old, new)


def _cells(voxels: NDArray, box: Box, around: Box, step: int) -> tuple[NDArray, ...]:
    """Return where voxels (n, 3) of a box lie in the grid of `step` voxels over another."""
    return tuple(((voxels + box.first - around.first) // step).T)


def _reach(
    scene: Scene, number: int, radius: float, unit: str
) -> tuple[float, tuple[int, int, int]]:
    """Return the radius in shortest edges, and the voxels that it spans along z, y, x."""
    scene.table.require([number])
    length = scene.length(radius, unit)
    margins = scene.margins(length)
    if max(margins) > MOST_MARGIN:
        raise InvalidParameterError(
            f"A radius of {radius:g} {unit} spans {max(margins)} voxels; at most {MOST_MARGIN} "
            "are allowed. Repeat a smaller one."
        )
    return length, margins


def _reshaped(
    scene: Scene,
    number: int,
    gain: tuple[int, ...] | list[int],
    halo: tuple[int, ...] | list[int],
    made: Callable[[Box, NDArray[np.uint16], tuple[slice, ...]], NDArray[np.uint16]],
) -> Iterator[Change]:
    """Yield what an object becomes, cube by cube.

    Parameters
    ----------
    scene : Scene
    number : int
        The object.
    gain : (z, y, x)
        How far beyond itself it may change.
    halo : (z, y, x)
        How many voxels around a cube `made` must see.
    made : callable
        Takes a cube, the labels of it and its halo, and where it lies in them.
    """
    cubes = {
        _whole_cube(part, scene)
        for box in scene.labels.boxes_of([number])
        for part in box.grown(gain).meet(scene.whole).tiles(scene.labels.edges)
    }
    for cube in sorted(cubes):
        seen = cube.grown(halo).meet(scene.whole)
        labels = scene.labels.read(seen)
        core = cube.within(seen)
        if (labels == number).any():
            yield Change(cube, labels[core], made(cube, labels, core))


def _whole_cube(part: Box, scene: Scene) -> Box:
    edges = scene.labels.edges
    first = [index // edge * edge for index, edge in zip(part.first, edges, strict=True)]
    whole = Box(*first, *(a + edge for a, edge in zip(first, edges, strict=True)))
    return whole.meet(scene.whole)
