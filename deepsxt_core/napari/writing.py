"""Layers of napari as files that the rest of DeepSXT opens at the same place."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import prepare_file
from deepsxt_core.geometry import Geometry
from deepsxt_core.io import write_volume
from deepsxt_core.volume import Volume, VoxelSize

_NM = {"nm": 1.0, "nanometer": 1.0, "µm": 1e3, "um": 1e3, "micrometer": 1e3, "angstrom": 0.1}
_UNKNOWN = ("pixel", "")
_NM_IN_MICROMETRE = 1000.0


def write_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write an image or labels with voxel size and place; return the path.

    Parameters
    ----------
    path : str
        The suffix chooses the format.
    data : array
        (z, y, x), or (y, x) as one slice.
    attributes : mapping
        What napari knows of the layer: its scale, place and units are kept.

    Raises
    ------
    InvalidParameterError
        If it has other axes, is turned, or its unit is not a length.
    """
    if np.ndim(data) not in (2, 3):
        raise InvalidParameterError(
            f"A volume has the axes z, y, x: this layer has {np.ndim(data)}. Write one at a time."
        )
    whole = data if np.ndim(data) == 3 else data[np.newaxis]
    depth, height, width = whole.shape

    def read(z0: int, z1: int) -> NDArray:
        return np.asarray(whole[z0:z1])

    volume = Volume((depth, height, width), np.dtype(whole.dtype), None, read)
    write_volume(volume.with_geometry(_geometry(attributes)), prepare_file(Path(path)))
    return [path]


def _geometry(attributes: Mapping[str, Any]) -> Geometry:
    """Return the place of a layer; without units, scale 1 is taken for unknown."""
    scale = _three(attributes.get("scale", ()), 1.0)
    place = _three(attributes.get("translate", ()), 0.0)
    factors = [_factor(unit) for unit in attributes.get("units") or ()]
    if not factors or None in factors:
        if scale == (1.0, 1.0, 1.0):
            return Geometry(first_voxel=place)
        factors = [1.0]
    factor = factors[-1] or 1.0
    size = VoxelSize(*(each * factor for each in scale))
    z, y, x = (each * factor for each in place)
    return Geometry(voxel_size_nm=size, origin_nm=(z, y, x))


def _three(values: Sequence[float], missing: float) -> tuple[float, float, float]:
    last = [float(value) for value in values][-3:]
    z, y, x = [missing] * (3 - len(last)) + last
    return z, y, x


def _factor(unit: Any) -> float | None:
    """Return how many nm a unit of napari has; None for pixels."""
    name = str(getattr(unit, "units", unit))
    if name in _UNKNOWN:
        return None
    if name not in _NM:
        raise InvalidParameterError(
            f"The layer is in {name}; give it in one of {', '.join(_NM)}, or in pixels."
        )
    return _NM[name]


def write_surface(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a surface layer in µm, axes x, y, z; return the path.

    Raises
    ------
    InvalidParameterError
        If its unit is not a length.
    """
    import pyvista

    points, triangles = np.asarray(data[0], float), np.asarray(data[1])
    scale = np.array(_three(attributes.get("scale", ()), 1.0))
    place = np.array(_three(attributes.get("translate", ()), 0.0))
    factors = [_factor(unit) for unit in attributes.get("units") or ()]
    factor = 1.0 if not factors or factors[-1] is None else factors[-1] / _NM_IN_MICROMETRE
    moved = (points * scale + place) * factor
    mesh = pyvista.PolyData.from_regular_faces(moved[:, ::-1], triangles)
    mesh.save(prepare_file(Path(path)))
    return [path]
