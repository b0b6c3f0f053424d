"""NIfTI-1, and NIfTI-2 for long sides."""

from pathlib import Path

import numpy as np

from deepsxt_core.io.writers.slabs import stored_type, write_raw
from deepsxt_core.volume import Volume

_LARGEST_NIFTI_1_SIDE = 32767


def write_nifti(volume: Volume, path: str | Path) -> None:
    """Write a NIfTI-1 file in µm (NIfTI-2 for sides above 32767); types as in `write_ome_zarr`."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    dtype = stored_type(volume).newbyteorder("<")
    large = max(volume.shape) > _LARGEST_NIFTI_1_SIDE
    header = (Nifti2Header if large else Nifti1Header)(endianness="<")
    header.set_data_dtype(dtype)
    header.set_data_shape(volume.shape[::-1])
    size = volume.voxel_size_nm
    if size is not None:
        affine = np.diag([*(edge / 1000 for edge in reversed(size)), 1.0])
        affine[:3, 3] = [place / 1000 for place in reversed(volume.origin_nm)]
        header.set_zooms([edge / 1000 for edge in reversed(size)])
        header.set_sform(affine, code="scanner")
        header.set_qform(affine, code="scanner")
        header.set_xyzt_units("micron")
    # Four zeros after the header say that no extension follows.
    offset = header.sizeof_hdr + 4
    header["vox_offset"] = offset
    header["magic"] = b"n+2" if large else b"n+1"
    write_raw(volume, Path(path), header.binaryblock + bytes(4), dtype)
