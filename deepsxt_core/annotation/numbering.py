"""Which object each voxel of a result belongs to, slab by slab, never whole in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cc3d
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Volume

# Voxels that touch by an edge or a corner are separate bodies for surfaces too.
_CONNECTIVITY: Final = 6
_SLAB_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class Numbered:
    """The objects of a result, numbered 1 to 65,535.

    Attributes
    ----------
    names : dict of int to str
        What the object of each number is called.
    place : Box
        Where the result lies in the annotation.
    slabs : callable
        ``slabs()`` yields (first slice in the annotation, numbers as uint16 (n, y, x)).
    """

    names: dict[int, str]
    place: Box
    slabs: Callable[[], Iterator[tuple[int, NDArray[np.uint16]]]]


def numbered_parts(
    read_mask: Callable[[int, int], NDArray[np.bool_]],
    place: Box,
    min_voxels: int,
    progress: Progress,
    read_core: Callable[[int, int], NDArray[np.bool_]] | None = None,
) -> Numbered:
    """Number the connected parts of a mask, the largest first.

    Parts are found slab by slab and joined where slabs meet. They are found once more when the
    numbers are read, which spares a file of the size of the volume.

    Parameters
    ----------
    read_mask : callable
        ``read_mask(z0, z1)`` returns bool (z1 - z0, y, x).
    place : Box
        Where the mask lies in the annotation.
    min_voxels : int
        Smaller parts get no number.
    progress : Progress
    read_core : callable, optional
        As `read_mask`: parts without any voxel of it get no number.

    Raises
    ------
    InvalidParameterError
        If there are more than 65,535.
    """
    depth = max(_SLAB_VOXELS // (place.shape[1] * place.shape[2]), 1)
    end = place.shape[0]
    ranges = [(z0, min(z0 + depth, end)) for z0 in range(0, end, depth)]

    def parts() -> Iterator[tuple[int, int, NDArray]]:
        for z0, z1 in ranges:
            found, count = cc3d.connected_components(
                read_mask(z0, z1), connectivity=_CONNECTIVITY, return_N=True
            )
            yield z0, count, found

    voxels, joins = [np.zeros(1, np.int64)], [np.zeros((0, 2), np.int64)]
    cores = [np.zeros(1, bool)]
    known, before = 0, None
    progress.stage("Numbering objects", place.shape[0], "slice")
    for z0, count, found in parts():
        voxels.append(np.bincount(found.ravel(), minlength=count + 1)[1:])
        has_core = np.full(count + 1, read_core is None)
        if read_core is not None:
            has_core[found[read_core(z0, z0 + len(found))]] = True
        cores.append(has_core[1:])
        if before is not None:
            last, offset = before
            joins.append(_touching(last, found[0]) + np.array([offset, known]))
        before = (found[-1].copy(), known)
        known += count
        progress.advance(len(found))
    numbers, count = _numbers(
        np.concatenate(voxels), np.concatenate(cores), np.concatenate(joins), min_voxels
    )

    def slabs() -> Iterator[tuple[int, NDArray[np.uint16]]]:
        before = 0
        for z0, count, found in parts():
            own = np.append(np.zeros(1, np.uint16), numbers[before + 1 : before + count + 1])
            yield place.z0 + z0, own[found]
            before += count

    return Numbered({i: f"Object {i}" for i in range(1, count + 1)}, place, slabs)


def _touching(last: NDArray, first: NDArray) -> NDArray[np.int64]:
    """Return which labels of two slices (y, x) lie upon each other, int64 (n, 2)."""
    both = (last > 0) & (first > 0)
    # As one number each: pairs of numbers are a hundred times slower to sort.
    factor = int(first.max()) + 1
    pairs = np.unique(last[both].astype(np.int64) * factor + first[both])
    return np.stack(np.divmod(pairs, factor), axis=1)


def _numbers(
    voxels: NDArray[np.int64],
    has_core: NDArray[np.bool_],
    joins: NDArray[np.int64],
    min_voxels: int,
) -> tuple[NDArray[np.uint16], int]:
    """Return the number of each provisional label, and how many numbers there are."""
    ones = np.ones(len(joins), bool)
    graph = scipy.sparse.coo_array((ones, joins.T), shape=(len(voxels),) * 2)
    bodies, body_of = scipy.sparse.csgraph.connected_components(graph, directed=False)
    sizes = np.zeros(bodies, np.int64)
    np.add.at(sizes, body_of, voxels)
    is_kept = np.zeros(bodies, bool)
    is_kept[body_of[has_core]] = True
    sizes[~is_kept] = 0
    order = np.argsort(-sizes, kind="stable")
    kept = order[sizes[order] >= max(min_voxels, 1)]
    if len(kept) > MOST_IDS:
        needed = int(sizes[kept[MOST_IDS]]) + 1
        raise InvalidParameterError(
            f"The result holds {len(kept):,} objects of {min_voxels:,} voxels or more, and an "
            f"annotation at most {MOST_IDS:,}. Set min_voxels to {needed:,} or more."
        )
    numbers = np.zeros(bodies, np.uint16)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return numbers[body_of], len(kept)


def numbered_values(labels: Volume, place: Box, min_voxels: int, progress: Progress) -> Numbered:
    """Number the values of a label file: each keeps its own while all are at most 65,535.

    Parameters
    ----------
    labels : Volume
    place : Box
        Where it lies in the annotation.
    min_voxels : int
        Values with fewer voxels get no number.
    progress : Progress

    Raises
    ------
    InvalidParameterError
        If the values are no whole numbers from 0, or more than 65,535.
    """
    depth = max(_SLAB_VOXELS // (place.shape[1] * place.shape[2]), 1)
    voxels: dict[int, int] = {}
    progress.stage("Reading labels", place.shape[0], "slice")
    for z0, z1 in labels.slabs(depth):
        values, counts = np.unique(labels.read(z0, z1), return_counts=True)
        if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
            raise InvalidParameterError(
                "Labels are whole numbers, and the file holds others. Take it as one mask whose "
                "connected parts are objects (separate)."
            )
        if values[0] < 0:
            raise InvalidParameterError(f"Labels are numbers from 0: the file holds {values[0]}.")
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            voxels[int(value)] = voxels.get(int(value), 0) + count
        progress.advance(z1 - z0)
    voxels.pop(0, None)
    kept = np.array(sorted(value for value, n in voxels.items() if n >= min_voxels), np.uint64)
    if len(kept) > MOST_IDS:
        raise InvalidParameterError(
            f"The file holds {len(kept):,} labels, and an annotation at most {MOST_IDS:,} "
            "objects. Set min_voxels higher."
        )
    numbers = kept if not len(kept) or kept[-1] <= MOST_IDS else np.arange(1, len(kept) + 1)
    names = {int(n): f"Label {value}" for n, value in zip(numbers, kept.tolist(), strict=True)}
    own = np.append(numbers, 0).astype(np.uint16)

    def slabs() -> Iterator[tuple[int, NDArray[np.uint16]]]:
        for z0, z1 in labels.slabs(depth):
            values = labels.read(z0, z1).astype(np.uint64)
            found = np.searchsorted(kept, values)
            known = np.append(kept, 0)[found] == values
            yield place.z0 + z0, np.where(known, own[found], np.uint16(0))

    return Numbered(names, place, slabs)
