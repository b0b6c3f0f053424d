"""Which objects a label volume holds: split, filtered by size, merged, mended."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.surface.field.instances import merged_ids, split_labels
from deepsxt_core.surface.field.mending import mend
from deepsxt_core.surface.lengths import edges_zyx
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.volume import Labels, Mask, Score, Tag


@dataclass(frozen=True, slots=True)
class LabelObjects:
    """The objects of a label volume.

    Attributes
    ----------
    values : ndarray
        int32 (z, y, x): the id of the object at each voxel, 0 where there is none.
    voxels : dict of int to int
        Voxels by id, after mending.
    found, too_small, merged : int
        As `Report` counts them.
    mended : tuple of (int, int, int)
        As in `Report`.
    tags : dict of int to Tag
        By id, where the labels have any; parts of a split object are called as it is.
    """

    values: NDArray[np.int32]
    voxels: dict[int, int]
    found: int
    too_small: int
    merged: int
    mended: tuple[tuple[int, int, int], ...]
    tags: dict[int, Tag]


def label_objects(source: Score | Mask, params: ReconstructParams) -> LabelObjects:
    """Return one object per value above 0, or per part of it; the volume is held in memory.

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
    values = _whole(volume.read(0, volume.shape[0]))
    edges_um = edges_zyx(volume)
    tags = dict(source.tags) if isinstance(source, Labels) else {}
    if params.split_voxels and values.any():
        whole = values
        values = split_labels(values, edges_um, params.split_voxels)
        if tags:
            parts, places = np.unique(values, return_index=True)
            owners = whole.ravel()[places]
            tags |= {
                part: tags[owner]
                for part, owner in zip(parts.tolist(), owners.tolist(), strict=True)
                if owner in tags
            }
    known, counts = np.unique(values[values > 0], return_counts=True)
    kept = known[counts >= needed]
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
    if len(kept) < len(known) or params.merge:
        place = np.minimum(np.searchsorted(kept, values), len(kept) - 1)
        values = np.where(kept[place] == values, ids[place], 0)
    mended = mend(values)
    remaining, voxels = np.unique(mended.labels[mended.labels > 0], return_counts=True)
    return LabelObjects(
        mended.labels,
        dict(zip(remaining.tolist(), voxels.tolist(), strict=True)),
        found=len(known),
        too_small=len(known) - len(kept),
        merged=len(kept) - len(np.unique(ids)),
        mended=mended.changes,
        tags=tags,
    )


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
