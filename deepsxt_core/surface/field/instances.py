"""What counts as one object: bodies that touch are split, bodies that belong together merged."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.surface.field.label_field import LabelField

# Voxels that touch by an edge or a corner are separate bodies for flying edges too.
CONNECTIVITY: Final = 6

# What finds necks takes about 100 bytes for each.
_MOST_VOXELS = 1 << 23
# So far from its coarse picture, in voxels of that, a body may reach.
_NEAR = 2.0


def without_core(labels: NDArray[np.integer], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which voxels are of a label that holds nothing of a core."""
    return (labels > 0) & ~np.isin(labels, labels[core])


def split_planes(
    inside: NDArray[np.bool_], edges_zyx: NDArray[np.float64], depth_voxels: float
) -> NDArray[np.bool_]:
    """Return the voxels that part bodies at their necks, bool (z, y, x).

    The distance to the surface is largest in the middle of each part. Two parts are parted if
    it drops by `depth_voxels` from the smaller of the two maxima to the neck between, along the
    watershed (Beucher and Lantuéjoul 1979).

    Parameters
    ----------
    inside : ndarray
        bool (z, y, x).
    edges_zyx : ndarray
        Of a voxel, in any unit; distances count in cube roots of a voxel's volume.
    depth_voxels : float
        Above 0.
    """
    planes = np.zeros(inside.shape, bool)
    for box, body, basins in _parted(inside, edges_zyx, depth_voxels, lines=True):
        planes[box] |= body & (basins == 0)
    return planes


def split_field(
    field: LabelField, edges_zyx: NDArray[np.float64], depth_voxels: float
) -> dict[int, int]:
    """Part labels with a neck where they are, with no gap between.

    Necks are those of `split_planes`. The largest part of each body keeps the label; the others
    get those that follow the highest one, in the order of the labels. Memory is bounded: a label
    whose box has more than 8 million voxels is parted on a grid that is so much coarser, and the
    boundary between its parts lies on that grid.

    Parameters
    ----------
    field : LabelField
    edges_zyx : ndarray
        Of a voxel, in any unit.
    depth_voxels : float
        Above 0.

    Returns
    -------
    dict of int to int
        What each new label was a part of.
    """
    boxes = _boxes(field)
    owners: dict[int, int] = {}
    highest = max(boxes, default=0)
    after, before = range(highest + 1, np.iinfo(np.int32).max + 1), range(1, highest)
    free = (number for number in chain(after, before) if number not in boxes)
    for label, box in sorted(boxes.items()):
        n_voxels = math.prod(end - first for first, end in box)
        bin = max(1, math.ceil((n_voxels / _MOST_VOXELS) ** (1 / 3)))
        body = _coarse(field, label, box, bin)
        for inner, _, basins in _parted(body, edges_zyx, depth_voxels, spacing=bin):
            sizes = np.bincount(basins.ravel())
            parts = np.argsort(-sizes[1:], kind="stable") + 1
            targets = np.full(len(sizes), label, np.int32)
            for part in parts[1:].tolist():
                targets[part] = number = next(free)
                owners[number] = label
            if bin > 1:
                # Voxels of the body, too, that the coarse grid takes for outside.
                away, nearest = distance_transform_edt(basins == 0, return_indices=True)
                basins = np.where(away <= _NEAR, basins[tuple(nearest)], 0)
            _relabel(field, label, _finer(box, inner, bin), targets[basins], bin)
    return owners


_Box = tuple[tuple[int, int], ...]


def _boxes(field: LabelField) -> dict[int, _Box]:
    """Return the box (z, y, x) of each label above 0, as (first, end) along each axis."""
    boxes: dict[int, _Box] = {}
    for first, end in field.slabs():
        slab = field.padded[first:end]
        known = np.unique(slab)
        places = np.searchsorted(known[known > 0], slab) + 1
        places[slab == 0] = 0
        for label, found in zip(known[known > 0].tolist(), find_objects(places), strict=True):
            box = tuple(
                (each.start + at, each.stop + at)
                for each, at in zip(found, (first, 0, 0), strict=True)
            )
            boxes[label] = tuple(
                (min(a), max(b))
                for a, b in (
                    zip(one, other, strict=True)
                    for one, other in zip(box, boxes.get(label, box), strict=True)
                )
            )
    return boxes


def _coarse(field: LabelField, label: int, box: _Box, bin: int) -> NDArray[np.bool_]:
    """Return where at least half of `bin` voxels along each axis of a box are of a label."""
    (z0, z1), *rows = box
    inside = (slice(*rows[0]), slice(*rows[1]))
    if bin == 1:
        return np.asarray(field.padded[(slice(z0, z1), *inside)] == label)
    planes = []
    for z in range(z0, z1, bin):
        part = field.padded[(slice(z, min(z + bin, z1)), *inside)] == label
        sums = np.add.reduceat(part.sum(axis=0, dtype=np.int32), range(0, part.shape[1], bin), 0)
        planes.append(np.add.reduceat(sums, range(0, part.shape[2], bin), 1) * 2 >= bin**3)
        field.release()
    return np.stack(planes)


def _finer(box: _Box, inner: tuple[slice, ...], bin: int) -> _Box:
    """Return which part of a box one in its coarse grid is."""
    return tuple(
        (first + part.start * bin, min(first + part.stop * bin, end))
        for (first, end), part in zip(box, inner, strict=True)
    )


def _relabel(
    field: LabelField, label: int, box: _Box, targets: NDArray[np.int32], bin: int
) -> None:
    """Give the voxels of a label in a box the labels of a grid, `bin` times as coarse as they."""
    (z0, z1), (y0, y1), (x0, x1) = box
    for z in range(z0, z1):
        fine = targets[(z - z0) // bin].repeat(bin, 0).repeat(bin, 1)[: y1 - y0, : x1 - x0]
        plane = field.padded[z, y0:y1, x0:x1]
        np.copyto(plane, fine, where=plane == label)
    field.release()


def _parted(
    inside: NDArray[np.bool_],
    edges_zyx: NDArray[np.float64],
    depth_voxels: float,
    *,
    lines: bool = False,
    spacing: int = 1,
) -> Iterator[tuple[tuple[slice, ...], NDArray[np.bool_], NDArray[np.int32]]]:
    """Yield the box, the voxels and the parts, from 1, of each body that has several.

    With `lines`, the voxels where parts meet belong to none. `spacing` is that of a coarser grid,
    in voxels.
    """
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    labels, n = cc3d.connected_components(inside, connectivity=CONNECTIVITY, return_N=True)
    sampling = spacing * edges_zyx / np.cbrt(edges_zyx.prod())
    for label, box in enumerate(find_objects(labels, n), 1):
        # Outside the volume is outside the body; a rim keeps the maxima off the border.
        body = np.pad(labels[box] == label, 1)
        distance = distance_transform_edt(body, sampling)
        if distance.max() <= depth_voxels:
            continue
        # Maxima that less than the depth parts are one plateau once it is taken off.
        flooded = reconstruction(distance - depth_voxels, distance)
        middles, parts = cc3d.connected_components(
            local_maxima(flooded) & body, connectivity=26, return_N=True
        )
        if parts < 2:
            continue
        basins = watershed(
            -distance, middles.astype(np.int32), connectivity=1, mask=body, watershed_line=lines
        )
        inner = (np.s_[1:-1],) * 3
        yield box, body[inner], basins[inner]


def ids_by_size(voxels_of_label: NDArray[np.integer], needed: float) -> NDArray[np.int32]:
    """Return the id per label, 1 for the one of most voxels; 0 for those that are left out."""
    order = np.argsort(-voxels_of_label.astype(np.int64), kind="stable")
    kept = order[voxels_of_label[order] >= max(needed, 1)]
    ids = np.zeros(len(voxels_of_label), np.int32)
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids


def merged_ids(ids: NDArray[np.int32], groups: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return `ids` with those of each group replaced by the smallest among them.

    All other ids stay as they are, so that a further merge can name them.

    Raises
    ------
    InvalidParameterError
        If a group names an id that does not occur.
    """
    merged = ids.copy()
    for group in groups:
        known = sorted(set(ids.tolist()) - {0})
        unknown = sorted(set(group) - set(known))
        if unknown:
            there = f"1 to {known[-1]}"
            if len(known) < known[-1]:
                there = ", ".join(map(str, known[:10])) + (", …" if len(known) > 10 else "")
            raise InvalidParameterError(
                f"Cannot merge {', '.join(map(str, group))}: there is no object {unknown[0]}. "
                f"With these parameters there are objects {there}."
            )
        # Of what they have become by now, where groups share an id.
        now = merged[np.isin(ids, group)]
        merged[np.isin(merged, now)] = now[now > 0].min()
    return merged
