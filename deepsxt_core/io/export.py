"""Volumes to files that other programs open: TIFF for Fiji, MRC for IMOD and ChimeraX.

Both stream slab by slab, write beside the target and rename at the end.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import tifffile
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import written_beside
from deepsxt_core.volume import Score, Volume

_SLAB_BYTES = 32 << 20
# Room for the page headers below the 4 GiB that a classic TIFF can address.
CLASSIC_TIFF_BYTES = (1 << 32) - (1 << 26)

# The smallest type of the format that holds every value; float32 for all others.
_TIFF_TYPES = {"bool": "uint8", "uint8": "uint8", "uint16": "uint16"}
_MRC_TYPES = {
    "bool": "int8",
    "int8": "int8",
    "uint8": "uint16",
    "int16": "int16",
    "uint16": "uint16",
}


def mask_volume(score: Score, threshold: float) -> Volume:
    """Return the mask of a score as a volume of bool, computed as it is read.

    Raises
    ------
    InvalidParameterError
        If the threshold is not in [-1, 1).
    """
    score.threshold_code(threshold)
    codes = score.placed
    return Volume(
        codes.shape,
        np.dtype(bool),
        codes.voxel_size_nm,
        lambda z0, z1: score.read_mask(z0, z1, threshold),
        codes.path,
        "mask",
    ).with_geometry(codes.geometry)


def write_tiff(volume: Volume, path: str | Path) -> None:
    """Write an uncompressed TIFF stack that ImageJ and Fiji open with the right scale.

    Parameters
    ----------
    volume : Volume
        bool becomes uint8 0 and 1, uint8 and uint16 stay, all others become float32.
    path : str or Path
        Replaced if it exists. Beyond 4 GB a BigTIFF, which Fiji opens through Bio-Formats.

    Raises
    ------
    InvalidParameterError
        If an integer of the volume has no exact float32.
    """
    target = Path(path)
    dtype = np.dtype(_TIFF_TYPES.get(volume.dtype.name, "float32"))
    size = volume.voxel_size_nm
    calibration: dict[str, Any] = {} if size is None else {"unit": "nm", "spacing": size.z}
    if size is not None and any(volume.origin_nm):
        # ImageJ keeps the place of the origin in pixels instead of that of the first pixel.
        for axis, place, edge in zip("zyx", volume.origin_nm, size, strict=True):
            calibration[f"{axis}origin"] = -place / edge
    # Spelt out instead of `imagej=True`, which warns about every BigTIFF.
    description = tifffile.imagej_description(volume.shape, axes="ZYX", **calibration)
    n_bytes = math.prod(volume.shape) * dtype.itemsize
    with (
        written_beside(target) as beside,
        tifffile.TiffWriter(beside, bigtiff=n_bytes > CLASSIC_TIFF_BYTES) as tif,
    ):
        tif.write(
            (page for slab in slabs_of(volume, dtype) for page in slab),
            shape=volume.shape,
            dtype=dtype,
            photometric="minisblack",
            description=description,
            metadata=None,
            resolution=None if size is None else (1 / size.x, 1 / size.y),
            resolutionunit="NONE",
        )


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
