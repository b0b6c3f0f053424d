"""Masks and objects as volumes that other programs open."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.files import prepare_file, prepare_folder
from deepsxt_core.io import mask_volume
from deepsxt_core.io import write_volume as write_file
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.volume import Mask, Score, Volume


def write_mask(score: Score, threshold: float, path: str | Path) -> float:
    """Write where the score lies above `threshold` as uint8 0/1, in the format of the suffix.

    Returns
    -------
    float
        The fraction of the voxels that lie above it, in [0, 1].
    """
    mask, marked = mask_volume(score, threshold), 0

    def read(z0: int, z1: int) -> NDArray:
        nonlocal marked
        slab = mask.reader(z0, z1)
        marked += int(np.count_nonzero(slab))
        return slab

    write_volume(replace(mask, reader=read), path)
    return marked / math.prod(mask.shape)


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a volume in the format that the suffix names, into a folder that is made for it."""
    path = Path(path)
    prepare_folder(path.parent)
    write_file(volume, path)


def write_instances(
    source: Score | Mask,
    params: ReconstructParams,
    path: str | Path,
    progress: Progress | None = None,
) -> None:
    """Write the id of the object at each voxel, in the format of the suffix.

    The objects and their ids are those of `reconstruct` with the same parameters; 0 is none. Of
    uint8, uint16 and int32 the smallest is written that holds all ids.
    """
    path = prepare_file(Path(path))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".labels-") as scratch:
        labels = object_labels(source, params, Path(scratch) / "labels", progress)
        write_file(labels, path)
