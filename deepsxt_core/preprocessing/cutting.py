"""A part of a volume, at its own or at a coarser sampling, computed as it is read."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Region
from deepsxt_core.volume import Volume


def cut(volume: Volume, region: Region) -> Volume:
    """Return a region of a volume as a volume of its own, at the right place in space.

    Nothing is read before the result is. Without binning values and type stay; with binning
    each voxel is the mean of bin³ voxels, float32, or not finite if one of them is not.

    Raises
    ------
    InvalidParameterError
        If the region does not lie in the volume.
    """
    if region.is_whole:
        return volume
    (z_first, _), (y_first, y_end), (x_first, x_end) = region.within(volume.shape)
    factor = region.bin
    dtype = volume.dtype if factor == 1 else np.dtype(np.float32)
    shape = region.shape_of(volume.shape)

    def read(z0: int, z1: int) -> NDArray:
        part = np.empty((z1 - z0, *shape[1:]), dtype)
        # One slice of the result at a time, so that memory is bounded by it.
        for place, z in enumerate(range(z0, z1)):
            first = z_first + z * factor
            slab = volume.read(first, first + factor)[:, y_first:y_end, x_first:x_end]
            part[place] = slab[0] if factor == 1 else _mean(slab, factor)
        return part

    place = volume.geometry.part(region, volume.shape)
    return replace(volume, shape=shape, dtype=dtype, reader=read).with_geometry(place)


def _mean(slab: NDArray, factor: int) -> NDArray[np.float32]:
    """Return the mean over blocks of factor³ voxels of a slab (factor, y, x)."""
    _, height, width = slab.shape
    blocks = slab.reshape(factor, height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(0, 2, 4), dtype=np.float32)
