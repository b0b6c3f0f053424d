"""Arrays of NumPy."""

import io
from pathlib import Path

from numpy.lib import format as npy

from deepsxt_core.io.writers.slabs import stored_type, write_raw
from deepsxt_core.volume import Volume


def write_npy(volume: Volume, path: str | Path) -> None:
    """Write a ``.npy`` file (z, y, x), types as in `write_ome_zarr`; it has no voxel size."""
    dtype = stored_type(volume).newbyteorder("<")
    header = io.BytesIO()
    described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": volume.shape}
    npy.write_array_header_1_0(header, described)
    write_raw(volume, Path(path), header.getvalue(), dtype)
