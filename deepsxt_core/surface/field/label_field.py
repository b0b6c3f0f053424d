"""Labels of a whole volume, in a file, so that memory is bounded by what is looked at."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Shape

_SLAB_VOXELS = 1 << 22


class LabelField:
    """Labels int32 (z, y, x) with a rim of zeros, one voxel wide, that never change.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x), the rim left out.
    path : Path, optional
        A file of 4 bytes per voxel, made here; it must stay as long as the labels are used.
        Without it they are in memory.
    """

    def __init__(self, shape: Shape, path: Path | None = None) -> None:
        self.shape = shape
        padded = (shape[0] + 2, shape[1] + 2, shape[2] + 2)
        self.padded: NDArray[np.int32] = (
            np.zeros(padded, np.int32)
            if path is None
            else np.memmap(path, np.int32, "w+", shape=padded)
        )
        """With the rim."""

    @classmethod
    def of(cls, labels: NDArray[np.int32]) -> Self:
        """Return a field in memory."""
        depth, height, width = labels.shape
        field = cls((depth, height, width))
        field.padded[1:-1, 1:-1, 1:-1] = labels
        return field

    def slabs(self, overlap: int = 0) -> Iterator[tuple[int, int]]:
        """Yield ranges (first, end) of padded slices; each shares `overlap` ones with the next.

        What was looked at of the last is given back to the system.
        """
        depth, height, width = self.padded.shape
        step = max(1, _SLAB_VOXELS // (height * width))
        for first in range(0, max(1, depth - overlap), step):
            yield first, min(first + step + overlap, depth)
            self.release()

    def write(self, z0: int, values: NDArray[np.int32]) -> None:
        """Put slices (n, y, x), the rim left out, from slice `z0` on."""
        self.padded[1 + z0 : 1 + z0 + len(values), 1:-1, 1:-1] = values

    def read(self, z0: int, z1: int) -> NDArray[np.int32]:
        """Return slices (z1 - z0, y, x), the rim left out, as a new array."""
        values = np.array(self.padded[1 + z0 : 1 + z1, 1:-1, 1:-1])
        self.release()
        return values

    def release(self) -> None:
        """Give the memory of what was looked at back; the file keeps it."""
        mapped = getattr(self.padded, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
