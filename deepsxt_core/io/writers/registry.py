"""The formats that volumes are written in, chosen by the suffix.

All writers stream slab by slab, write beside the target and rename at the end.
"""

from collections.abc import Callable
from pathlib import Path

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io.writers.hdf5 import write_hdf5
from deepsxt_core.io.writers.mrc import write_mrc
from deepsxt_core.io.writers.nifti import write_nifti
from deepsxt_core.io.writers.npy import write_npy
from deepsxt_core.io.writers.nrrd import write_nrrd
from deepsxt_core.io.writers.ome_zarr import write_ome_zarr
from deepsxt_core.io.writers.tiff import write_ome_tiff, write_tiff
from deepsxt_core.volume import Volume

WRITERS: dict[str, Callable[[Volume, Path], None]] = {
    ".ome.zarr": write_ome_zarr,
    ".zarr": write_ome_zarr,
    ".ome.tif": write_ome_tiff,
    ".ome.tiff": write_ome_tiff,
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".mrc": write_mrc,
    ".rec": write_mrc,
    ".map": write_mrc,
    ".nii": write_nifti,
    ".npy": write_npy,
    ".nrrd": write_nrrd,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
}
"""The writer for each suffix; of two that fit, the longer comes first."""


def writer_for(path: str | Path) -> Callable[[Volume, Path], None]:
    """Return the writer of the format that the suffix names.

    Raises
    ------
    InvalidParameterError
        If there is none.
    """
    name = Path(path).name.lower()
    for suffix, writer in WRITERS.items():
        if name.endswith(suffix):
            return writer
    raise InvalidParameterError(
        f"Cannot write '{Path(path).name}': choose one of {', '.join(WRITERS)} as its ending."
    )


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a volume in the format that the suffix names.

    Raises
    ------
    InvalidParameterError
        If there is no such format, or it cannot hold the volume.
    """
    writer_for(path)(volume, Path(path))
