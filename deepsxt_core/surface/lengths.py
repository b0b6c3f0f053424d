"""Lengths of surfaces: in µm, or in voxels where the voxel size is not known."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.volume import Volume

Unit = Literal["µm", "voxel"]


def unit_of(volume: Volume) -> Unit:
    """Return the unit of what is made from a volume."""
    return "voxel" if volume.voxel_size_nm is None else "µm"


def plain_unit(unit: Unit) -> str:
    """Return the unit as it stands in the names of columns and totals: ``um`` or ``voxel``."""
    return "um" if unit == "µm" else unit


def edges_zyx(volume: Volume) -> NDArray[np.float64]:
    """Return the edges (z, y, x) of a voxel in that unit."""
    return np.array(volume.voxel_size_nm or (1000.0,) * 3) / 1000


def start_zyx(volume: Volume) -> NDArray[np.float64]:
    """Return where the centre of the first voxel lies, (z, y, x) in that unit."""
    if volume.voxel_size_nm is None:
        return np.array(volume.first_voxel, np.float64)
    return np.array(volume.origin_nm) / 1000
