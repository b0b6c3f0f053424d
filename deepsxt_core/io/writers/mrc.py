"""MRC2014, for IMOD and ChimeraX."""

import math
from functools import partial
from pathlib import Path

import mrcfile
import numpy as np

from deepsxt_core.files import written_beside
from deepsxt_core.io.writers.slabs import require_volume, room_bytes, slabs_of
from deepsxt_core.volume import Volume

# The smallest type of the format that holds every value; float32 for all others.
_MRC_TYPES = {
    "bool": "int8",
    "int8": "int8",
    "uint8": "uint16",
    "int16": "int16",
    "uint16": "uint16",
}


def write_mrc(volume: Volume, path: str | Path) -> None:
    """Write an MRC2014 volume.

    Parameters
    ----------
    volume : Volume
        bool becomes int8 0 and 1; uint8 becomes uint16, as bytes are signed in MRC; int8, int16
        and uint16 stay, all others become float32.
    path : str or Path
        Replaced if it exists.

    Raises
    ------
    InvalidParameterError
        If an integer of the volume has no exact float32.
    """
    target = Path(path)
    dtype = np.dtype(_MRC_TYPES.get(volume.dtype.name, "float32"))
    n_voxels = math.prod(volume.shape)
    low, high, total, squares = math.inf, -math.inf, 0.0, 0.0
    n_bytes = room_bytes(volume, dtype)
    verify = partial(require_volume, volume.shape)
    with written_beside(target, verify=verify, room_bytes=n_bytes) as beside:
        header = _header(volume, dtype, beside)
        # Plain writes: a map would keep every page in memory, and end the process where the disk
        # is full.
        with beside.open("wb") as file:
            file.write(header.tobytes())
            for slab in slabs_of(volume, dtype):
                file.write(np.ascontiguousarray(slab).data)
                low, high = min(low, float(slab.min())), max(high, float(slab.max()))
                total += float(slab.sum(dtype=np.float64))
                squares += float(np.square(slab, dtype=np.float64).sum())
            mean = total / n_voxels
            header.dmin, header.dmax, header.dmean = low, high, mean
            header.rms = math.sqrt(max(squares / n_voxels - mean**2, 0.0))
            file.seek(0)
            file.write(header.tobytes())


def _header(volume: Volume, dtype: np.dtype, path: Path) -> np.recarray:
    """Return the header for the voxels of a volume; a file of one voxel is written for it."""
    z, y, x = volume.shape
    with mrcfile.new(path, np.zeros((1, 1, 1), dtype)) as mrc:
        mrc.set_volume()
        header = mrc.header
        header.nx, header.ny, header.nz = x, y, z
        header.mx, header.my, header.mz = x, y, z
        if volume.voxel_size_nm is not None:
            size_z, size_y, size_x = (edge * 10 for edge in volume.voxel_size_nm)
            mrc.voxel_size = (size_x, size_y, size_z)
        header.origin = tuple(place * 10 for place in reversed(volume.origin_nm))
        return header.copy()
