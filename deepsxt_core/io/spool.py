"""Volumes copied into a plain file of the process, so that their source is read once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Volume

_SLAB_BYTES = 32 << 20


def spooled(volume: Volume, scratch: Path, progress: Progress | None = None) -> Volume:
    """Copy a volume into `scratch` slab by slab, and return it as read from there.

    Parameters
    ----------
    volume : Volume
    scratch : Path
        Replaced if it exists; it must stay as long as the volume is read.
    progress : Progress, optional
        Advances by slices.
    """
    progress = progress or NoProgress()
    with scratch.open("wb") as file:
        for z0, z1 in volume.slabs(max(1, _SLAB_BYTES // _slice_bytes(volume))):
            file.write(np.ascontiguousarray(volume.read(z0, z1), volume.dtype).data)
            progress.advance(z1 - z0)
    return replace(volume, reader=lambda z0, z1: _read(scratch, volume, z0, z1))


def remembered(volume: Volume, scratch: Path) -> Volume:
    """Return the same volume, each slice of which is read from its file only once.

    Parameters
    ----------
    volume : Volume
    scratch : Path
        Grows to the size of the voxels as they are read; it must stay as long as the volume.
    """
    known = np.zeros(volume.shape[0], bool)
    scratch.write_bytes(b"")

    def read(z0: int, z1: int) -> NDArray:
        for z in (z0 + np.flatnonzero(~known[z0:z1])).tolist():
            with scratch.open("r+b") as file:
                file.seek(z * _slice_bytes(volume))
                file.write(np.ascontiguousarray(volume.read(z, z + 1), volume.dtype).data)
            known[z] = True
        return _read(scratch, volume, z0, z1)

    return replace(volume, reader=read)


def _slice_bytes(volume: Volume) -> int:
    return volume.shape[1] * volume.shape[2] * volume.dtype.itemsize


def _read(scratch: Path, volume: Volume, z0: int, z1: int) -> NDArray:
    _, height, width = volume.shape
    count, offset = (z1 - z0) * height * width, z0 * _slice_bytes(volume)
    values = np.fromfile(scratch, volume.dtype, count, offset=offset)
    return values.reshape(z1 - z0, height, width)
