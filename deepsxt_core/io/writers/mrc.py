"""MRC2014, for IMOD and ChimeraX."""

import math
from pathlib import Path

import mrcfile
import numpy as np

from deepsxt_core.files import written_beside
from deepsxt_core.io.writers.slabs import slabs_of
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
    with written_beside(target) as beside:
        with mrcfile.new_mmap(beside, volume.shape, mrcfile.utils.mode_from_dtype(dtype)) as mrc:
            mrc.set_volume()
            if volume.voxel_size_nm is not None:
                z, y, x = (edge * 10 for edge in volume.voxel_size_nm)
                mrc.voxel_size = (x, y, z)
            mrc.header.origin = tuple(place * 10 for place in reversed(volume.origin_nm))
            header_bytes = mrc.header.nbytes
        # Plain writes: through the map, every page written would stay in memory.
        with beside.open("r+b") as file:
            file.seek(header_bytes)
            for slab in slabs_of(volume, dtype):
                slab.tofile(file)
                low, high = min(low, float(slab.min())), max(high, float(slab.max()))
                total += float(slab.sum(dtype=np.float64))
                squares += float(np.square(slab, dtype=np.float64).sum())
        # Opened as a map, so that only the header is touched.
        with mrcfile.mmap(beside, "r+") as mrc:
            mean = total / n_voxels
            mrc.header.dmin, mrc.header.dmax, mrc.header.dmean = low, high, mean
            mrc.header.rms = math.sqrt(max(squares / n_voxels - mean**2, 0.0))
