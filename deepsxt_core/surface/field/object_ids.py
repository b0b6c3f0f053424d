"""Which object each voxel belongs to, with the ids that the surfaces have."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.field.bodies import BodyJoiner, numbered_volume, smallest_dtype
from deepsxt_core.surface.field.instances import ids_by_size, merged_ids
from deepsxt_core.surface.field.label_field import LabelField
from deepsxt_core.surface.field.label_objects import label_objects
from deepsxt_core.surface.field.smoothing import BORDER, core_height, field_slabs
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.sources import settled
from deepsxt_core.volume import Mask, Score, Volume


def object_labels(
    source: Score | Mask,
    params: ReconstructParams,
    scratch: Path,
    progress: Progress | None = None,
) -> Volume:
    """Return the id of the object at each voxel, 0 where there is none.

    The objects are those of `reconstruct` with the same parameters; where the surfaces are made
    too, `reconstruct_numbered` gives both at once. Memory is bounded by a slab: bodies get
    provisional labels in a file, and their ids as the volume is read.

    Parameters
    ----------
    source : Score or Mask
    params : ReconstructParams
        Those of the mesh alone have no effect.
    scratch : Path
        A file of 4 bytes per voxel to write; the volume reads from it.
    progress : Progress, optional

    Returns
    -------
    Volume
        The smallest of uint8, uint16 and int32 that holds all ids.
    """
    source, params = settled(source, params)
    progress = progress or NoProgress()
    volume = source.volume
    if params.each_label:
        progress.stage("Numbering objects", 1, "volume")
        objects = label_objects(source, params, scratch)
        progress.advance()
        return label_volume(objects.field, max(objects.voxels), volume)
    bodies = BodyJoiner(scratch, core_height(params))
    progress.stage("Numbering objects", volume.shape[0], "slice")
    for first, field in field_slabs(source, params):
        labels, fresh = bodies.add(inside_voxels(field, first, volume.shape[0]))
        progress.advance(len(labels[fresh]))
    found = bodies.joined()
    by_size = ids_by_size(found.voxels, params.least_voxels(volume.voxel_size_nm))
    id_of_body = merged_ids(by_size, params.merge)
    placed = source.placed if isinstance(source, Score) else volume
    return numbered_volume(scratch, id_of_body[found.body_of_label], placed)


def label_volume(labels: LabelField, highest: int, volume: Volume) -> Volume:
    """Return ids up to `highest` as a volume at the place of the labels they come from."""
    dtype = smallest_dtype(highest)

    def read(z0: int, z1: int) -> NDArray:
        return labels.read(z0, z1).astype(dtype)

    numbered = Volume(volume.shape, dtype, None, read, format="object labels")
    return numbered.with_geometry(volume.geometry)


def inside_voxels(field: NDArray[np.float32], first: int, depth: int) -> NDArray[np.float32]:
    """Return the part of a slab of `field_slabs` that lies in the volume, (n, y, x).

    Parameters
    ----------
    first : int
        Index of the slab's first slice in the volume.
    depth : int
        Slices of the volume.
    """
    low = BORDER if first == 0 else 0
    n = min(field.shape[0] - low, depth - first)
    return field[low : low + n, BORDER:-BORDER, BORDER:-BORDER]
