"""What all writers share: bounded slabs of one type, and the types that are replaced."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import written_beside
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


def write_raw(volume: Volume, target: Path, header: bytes, dtype: np.dtype) -> None:
    """Write a header and the voxels behind it, in the order z, y, x."""
    with written_beside(target) as beside, beside.open("wb") as file:
        file.write(header)
        for slab in slabs_of(volume, dtype):
            file.write(np.ascontiguousarray(slab, dtype).data)
