"""TIFF: ImageJ's for Fiji, and OME-TIFF."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from deepsxt_core.files import written_beside
from deepsxt_core.io.writers.slabs import require_volume, room_bytes, slabs_of, stored_type
from deepsxt_core.volume import Volume

# Room for the page headers below the 4 GiB that a classic TIFF can address.
CLASSIC_TIFF_BYTES = (1 << 32) - (1 << 26)
# The smallest type of the format that holds every value; float32 for all others.
_TIFF_TYPES = {"bool": "uint8", "uint8": "uint8", "uint16": "uint16"}


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
    n_bytes = room_bytes(volume, dtype)
    verify = partial(require_volume, volume.shape)
    with (
        written_beside(target, verify=verify, room_bytes=n_bytes) as beside,
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


def write_ome_tiff(volume: Volume, path: str | Path) -> None:
    """Write an OME-TIFF stack, a BigTIFF beyond 4 GB; types as in `write_ome_zarr`."""
    target, dtype, size = Path(path), stored_type(volume), volume.voxel_size_nm
    metadata: dict[str, Any] = {"axes": "ZYX"}
    for axis, edge in zip("ZYX", size or (), strict=False):
        metadata |= {f"PhysicalSize{axis}": edge, f"PhysicalSize{axis}Unit": "nm"}
    if any(volume.origin_nm):
        places = volume.origin_nm
        edge_z = size.z if size else 0.0
        by_plane = [[places[0] + z * edge_z for z in range(volume.shape[0])]]
        by_plane += [[place] * volume.shape[0] for place in places[1:]]
        plane: dict[str, list] = {}
        for axis, positions in zip("ZYX", by_plane, strict=True):
            plane |= {f"Position{axis}": positions}
            plane |= {f"Position{axis}Unit": ["nm"] * volume.shape[0]}
        metadata["Plane"] = plane
    n_bytes = room_bytes(volume, dtype)
    verify = partial(require_volume, volume.shape)
    with (
        written_beside(target, verify=verify, room_bytes=n_bytes) as beside,
        tifffile.TiffWriter(beside, bigtiff=n_bytes > CLASSIC_TIFF_BYTES, ome=True) as tif,
    ):
        tif.write(
            (page for slab in slabs_of(volume, dtype) for page in slab),
            shape=volume.shape,
            dtype=dtype,
            photometric="minisblack",
            metadata=metadata,
        )
