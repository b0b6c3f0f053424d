"""The formats that volumes are written in, chosen by the suffix.

All writers stream slab by slab, write beside the target and rename at the end.
"""

from collections.abc import Callable
from pathlib import Path

from deepsxt_core.io.writers.hdf5 import write_hdf5
from deepsxt_core.io.writers.mrc import write_mrc
from deepsxt_core.io.writers.nifti import write_nifti
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
    ".nrrd": write_nrrd,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
}
"""The writer for each suffix; of two that fit, the longer comes first."""


def write_volume(volume: Volume, path: str | Path) -> None:
    """Write a volume in the format that the suffix names, as ImageJ TIFF for all others."""
    target = Path(path)
    name = target.name.lower()
    chosen = next((suffix for suffix in WRITERS if name.endswith(suffix)), ".tif")
    WRITERS[chosen](volume, target)
