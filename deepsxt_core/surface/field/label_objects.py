"""Which objects a label volume holds: split, filtered by size, merged, mended."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.surface.field.instances import merged_ids, split_field
from deepsxt_core.surface.field.label_field import LabelField
from deepsxt_core.surface.field.mending import mend_field
from deepsxt_core.surface.lengths import edges_zyx
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.volume import Labels, Mask, Score, Tag, Volume

_SLAB_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class LabelObjects:
    """The objects of a label volume.

    Attributes
    ----------
    field : LabelField
        The id of the object at each voxel, 0 where there is none.
    voxels : dict of int to int
        Voxels by id, after mending.
    found, too_small, merged : int
        As `Report` counts them.
    mended : tuple of (int, int, int)
        As in `Report`.
    tags : dict of int to Tag
        By id, where the labels have any; parts of a split object are called as it is.
    """

    field: LabelField
    voxels: dict[int, int]
    found: int
    too_small: int
    merged: int
    mended: tuple[tuple[int, int, int], ...]
    tags: dict[int, Tag]


def label_objects(
    source: Score | Mask, params: ReconstructParams, scratch: Path | None = None
) -> LabelObjects:
    """Return one object per value above 0, or per part of it.

    Memory is bounded by a slab, and by `split_field` where labels are split.

    Parameters
    ----------
    scratch : Path, optional
        A file of 4 bytes per voxel to write; without it the ids are in memory.

    Raises
    ------
    EmptySurfaceError
        If there is no label, or the size filter removes all.
    InvalidParameterError
        If there is a score, if the values are not whole numbers that fit into int32, if
        `min_volume_um3` is used although the voxel size is not known, or if there is no object
        with an id to merge.
    """
    if isinstance(source, Score):
        raise InvalidParameterError("each_label is for label files: a score holds no labels.")
    volume = source.volume
    needed = params.least_voxels(volume.voxel_size_nm)
    tags = dict(source.tags if isinstance(source, Labels) else volume.tags)
    read: Callable[[int, int], NDArray[np.int32]] = partial(_read_whole, volume)
    slabs = list(volume.slabs(max(1, _SLAB_VOXELS // math.prod(volume.shape[1:]))))
    field = LabelField(volume.shape, scratch)
    if params.split_voxels:
        for z0, z1 in slabs:
            field.write(z0, read(z0, z1))
            field.release()
        owners = split_field(field, edges_zyx(volume), params.split_voxels)
        tags |= {part: tags[owner] for part, owner in owners.items() if owner in tags}
        read = field.read
    counted: Counter[int] = Counter()
    for z0, z1 in slabs:
        slab = read(z0, z1)
        labels, counts = np.unique(slab[slab > 0], return_counts=True)
        counted.update(dict(zip(labels.tolist(), counts.tolist(), strict=True)))
    known = np.array(sorted(counted), np.int32)
    kept = np.array([label for label in known.tolist() if counted[label] >= needed], np.int32)
    if not len(known) and isinstance(source, Labels):
        raise EmptySurfaceError(
            "No surface: the annotation holds no object of a class. Draw one, or give those that "
            "are not judged a class."
        )
    if not len(kept):
        raise EmptySurfaceError(
            f"No surface: of {len(known)} labels none has {needed:g} voxels or more. Lower the "
            "smallest size."
        )
    ids = merged_ids(kept, params.merge)
    for z0, z1 in slabs:
        slab = read(z0, z1)
        if len(kept) < len(known) or params.merge:
            place = np.minimum(np.searchsorted(kept, slab), len(kept) - 1)
            slab = np.where(kept[place] == slab, ids[place], 0)
        field.write(z0, slab)
        field.release()
    voxels: Counter[int] = Counter()
    for label, each in zip(kept.tolist(), ids.tolist(), strict=True):
        voxels[each] += counted[label]
    mended = mend_field(field)
    for each, gained, lost in mended:
        voxels[each] += gained - lost
    return LabelObjects(
        field,
        {each: voxels[each] for each in sorted(voxels) if voxels[each] > 0},
        found=len(known),
        too_small=len(known) - len(kept),
        merged=len(kept) - len(np.unique(ids)),
        mended=mended,
        tags=tags,
    )


def _read_whole(volume: Volume, z0: int, z1: int) -> NDArray[np.int32]:
    return _whole(volume.read(z0, z1))


def _whole(values: NDArray) -> NDArray[np.int32]:
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise InvalidParameterError(
            "Labels are whole numbers, and the volume holds others. Leave out each_label to take "
            "everything above 0 as one mask."
        )
    if values.max() > np.iinfo(np.int32).max:
        raise InvalidParameterError(
            f"Labels are numbers up to {np.iinfo(np.int32).max:,}: got {values.max():,}. Renumber "
            "them."
        )
    return np.maximum(values, 0).astype(np.int32)
