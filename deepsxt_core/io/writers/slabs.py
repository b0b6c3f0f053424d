"""What all writers share: bounded slabs of one type, and the types that are replaced."""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError, VolumeError
from deepsxt_core.files import not_as_written, require_bytes, written_beside
from deepsxt_core.io.readers.registry import open_volume
from deepsxt_core.volume import Volume

_SLAB_BYTES = 32 << 20
CHUNK_PX = 1024
# Types that some format or its readers lack, and those that take their place.
_REPLACED = {"bool": "uint8", "float16": "float32", "int64": "int32", "uint64": "int32"}


def slabs_of(volume: Volume, dtype: np.dtype) -> Iterator[NDArray]:
    """Yield the slabs (n, y, x) of a volume in order, as `dtype` and of bounded size."""
    slice_bytes = volume.shape[1] * volume.shape[2] * max(volume.dtype.itemsize, dtype.itemsize)
    for z0, z1 in volume.slabs(max(1, _SLAB_BYTES // slice_bytes)):
        slab = volume.read(z0, z1)
        stored = slab.astype(dtype, copy=False)
        if slab.dtype.kind in "iu" and not np.array_equal(slab, stored):
            raise InvalidParameterError(
                f"The values {slab.min()} to {slab.max()} of type {slab.dtype} do not all have an "
                f"exact {dtype}, the widest type of the file. Rescale or relabel them first."
            )
        yield stored


def stored_type(volume: Volume) -> np.dtype:
    """Return the type of a volume in files that keep nearly every type."""
    return np.dtype(_REPLACED.get(volume.dtype.name, volume.dtype.name))


def require_volume(shape: tuple[int, int, int], path: Path) -> None:
    """Check that a file that was just written opens with that shape, down to its last slice.

    Raises
    ------
    WriteError
        If it does not.
    """
    try:
        volume = open_volume(path)
        volume.read(volume.shape[0] - 1, volume.shape[0])
    except VolumeError as error:
        raise not_as_written(str(error)) from error
    if volume.shape != shape:
        raise not_as_written(f"{volume.shape} instead of {shape} voxels")


def room_bytes(volume: Volume, dtype: np.dtype) -> int:
    """Return how many bytes the voxels of a volume have as `dtype`."""
    return math.prod(volume.shape) * dtype.itemsize


def write_raw(volume: Volume, target: Path, header: bytes, dtype: np.dtype) -> None:
    """Write a header and the voxels behind it, in the order z, y, x."""
    n_bytes = len(header) + room_bytes(volume, dtype)
    verify = partial(require_bytes, n_bytes=n_bytes)
    with (
        written_beside(target, verify=verify, room_bytes=n_bytes) as beside,
        beside.open("wb") as file,
    ):
        file.write(header)
        for slab in slabs_of(volume, dtype):
            file.write(np.ascontiguousarray(slab, dtype).data)
