"""Which object each voxel belongs to, with the ids that the surfaces have."""

from dataclasses import replace
from pathlib import Path

import cc3d
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.field.instances import CONNECTIVITY, ids_by_size, merged_ids
from deepsxt_core.surface.field.label_objects import label_objects
from deepsxt_core.surface.field.smoothing import BORDER, field_slabs
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.volume import Mask, Score, Volume

_PROVISIONAL = np.dtype("<u4")


def object_labels(
    source: Score | Mask,
    params: ReconstructParams,
    scratch: Path,
    progress: Progress | None = None,
) -> Volume:
    """Return the id of the object at each voxel, 0 where there is none.

    The objects are those of `reconstruct` with the same parameters. Memory is bounded by a slab:
    bodies get provisional labels in a file, and their ids as the volume is read.

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
    progress = progress or NoProgress()
    volume = source.volume
    if params.each_label:
        progress.stage("Numbering objects", 1, "volume")
        values = label_objects(source, params).values
        progress.advance()
        numbered = Volume.from_array(values.astype(_smallest_dtype(int(values.max()))))
        return replace(numbered.with_geometry(volume.geometry), format="object labels")
    voxels = [np.zeros(1, np.int64)]
    equal = [np.zeros((0, 2), np.int64)]
    last: NDArray[np.int64] | None = None
    n_labels = 0
    progress.stage("Numbering objects", volume.shape[0], "slice")
    with scratch.open("wb") as file:
        for first, field in field_slabs(source, params):
            low = BORDER if first == 0 else 0
            depth = min(field.shape[0] - low, volume.shape[0] - first)
            inner = field[low : low + depth, BORDER:-BORDER, BORDER:-BORDER]
            local, n = cc3d.connected_components(
                inner > 0, connectivity=CONNECTIVITY, return_N=True
            )
            labels = np.where(local, local + np.int64(n_labels), 0)
            if last is not None:
                # The slice that it shares with the slab before: what meets in it is one body.
                both = labels[0] > 0
                equal.append(np.unique(np.stack([last[both], labels[0][both]], axis=1), axis=0))
            fresh = labels[0 if last is None else 1 :]
            voxels.append(np.bincount(fresh.ravel(), minlength=n_labels + n + 1)[n_labels + 1 :])
            fresh.astype(_PROVISIONAL).tofile(file)
            last = labels[-1]
            n_labels += n
            progress.advance(len(fresh))

    pairs = np.concatenate(equal)
    graph = scipy.sparse.coo_array(
        (np.ones(len(pairs), bool), pairs.T), shape=(n_labels + 1, n_labels + 1)
    )
    n_bodies, body_of_label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    voxels_of_body = np.zeros(n_bodies, np.int64)
    np.add.at(voxels_of_body, body_of_label, np.concatenate(voxels))
    by_size = ids_by_size(voxels_of_body, params.least_voxels(volume.voxel_size_nm))
    ids = merged_ids(by_size, params.merge)[body_of_label]
    dtype = _smallest_dtype(int(ids.max()))
    ids = ids.astype(dtype)
    pixels = volume.shape[1] * volume.shape[2]

    def read(z0: int, z1: int) -> NDArray:
        count, offset = (z1 - z0) * pixels, z0 * pixels * _PROVISIONAL.itemsize
        found = np.fromfile(scratch, _PROVISIONAL, count, offset=offset)
        return ids[found].reshape(z1 - z0, *volume.shape[1:])

    placed = source.placed if isinstance(source, Score) else volume
    return Volume(volume.shape, dtype, None, read, format="object labels").with_geometry(
        placed.geometry
    )


def _smallest_dtype(highest: int) -> np.dtype:
    return next(np.dtype(t) for t in ("u1", "u2", "i4") if highest <= np.iinfo(t).max)
