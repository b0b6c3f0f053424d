"""HDF5 with one dataset."""

from functools import partial
from pathlib import Path

import h5py

from deepsxt_core.files import written_beside
from deepsxt_core.io.writers.slabs import CHUNK_PX, require_volume, slabs_of, stored_type
from deepsxt_core.volume import Volume


def write_hdf5(volume: Volume, path: str | Path) -> None:
    """Write an HDF5 file with one dataset, ``data``; types as in `write_ome_zarr`.

    Its attributes are ``element_size_um`` (z, y, x), which Fiji and ilastik read, and
    ``origin_um``.
    """
    target, dtype = Path(path), stored_type(volume)
    verify = partial(require_volume, volume.shape)
    with written_beside(target, verify=verify) as beside, h5py.File(beside, "w") as file:
        array = file.create_dataset(
            "data",
            volume.shape,
            dtype,
            chunks=(1, *(min(n, CHUNK_PX) for n in volume.shape[1:])),
            compression="gzip",
            compression_opts=1,
        )
        if volume.voxel_size_nm is not None:
            array.attrs["element_size_um"] = [edge / 1000 for edge in volume.voxel_size_nm]
        if any(volume.origin_nm):
            array.attrs["origin_um"] = [place / 1000 for place in volume.origin_nm]
        z0 = 0
        for slab in slabs_of(volume, dtype):
            array[z0 : z0 + len(slab)] = slab
            z0 += len(slab)
