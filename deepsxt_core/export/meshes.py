"""Files that other programs read surfaces from.

Coordinates are in µm, or in voxels where the voxel size is not known; nm, Å or voxels can be chosen
instead. The unit is noted in the file where the format has room.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.export.mesh_files import count_triangles
from deepsxt_core.export.mesh_writers import (
    ColouredMesh,
    write_glb,
    write_gltf,
    write_inp,
    write_msh,
    write_obj,
    write_off,
    write_ply,
    write_stl,
    write_vtk,
    write_vtp,
)
from deepsxt_core.files import not_as_written, prepare_folder, written_beside
from deepsxt_core.surface.mesh.object_rows import object_volumes
from deepsxt_core.surface.surfaces import ObjectRow

if TYPE_CHECKING:
    import pyvista

_PER_UM = {"nm": 1e3, "Å": 1e4}

UNITS = {"um": "µm", "nm": "nm", "angstrom": "Å", "voxel": "voxel"}
"""Units of coordinates: as they are typed, and as they are shown."""


@dataclass(frozen=True, slots=True)
class MeshFormat:
    """One way to write surfaces: its name for people, its writer, and how large a file gets.

    The sizes are such that a file is seldom smaller; coordinates and compression vary.
    """

    name: str
    write: Callable[[ColouredMesh, Path], None]
    point_bytes: int
    face_bytes: int


@dataclass(frozen=True, slots=True)
class _Rescaled:
    """Surfaces in another unit."""

    mesh: "pyvista.PolyData"
    objects: tuple[ObjectRow, ...]
    unit: str
    triangles: NDArray[np.int64]
    face_objects: NDArray[np.int32]
    point_objects: NDArray[np.int32]
    point_colours: NDArray[np.uint8]


def in_unit(
    surfaces: ColouredMesh,
    unit: str,
    voxel_size_nm: tuple[float, float, float] | None = None,
    origin_nm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> ColouredMesh:
    """Return `surfaces` with coordinates in one of `UNITS`.

    Parameters
    ----------
    voxel_size_nm : tuple of float, optional
        (z, y, x), needed between lengths and voxels.
    origin_nm : tuple of float
        Position (z, y, x) of voxel 0, for voxels.

    Raises
    ------
    InvalidParameterError
        If the unit is unknown, or the voxel size is needed and not given.
    """
    if unit not in UNITS:
        raise InvalidParameterError(f"Choose the unit from {', '.join(UNITS)}: got '{unit}'.")
    if UNITS[unit] == surfaces.unit:
        return surfaces
    if UNITS[unit] in _PER_UM and surfaces.unit == "µm":
        factors, start = np.full(3, _PER_UM[UNITS[unit]]), np.zeros(3)
    elif UNITS[unit] == "voxel" and voxel_size_nm is not None:
        factors = 1000 / np.array(voxel_size_nm[::-1])
        start = np.array(origin_nm[::-1]) / 1000
    else:
        raise InvalidParameterError(
            f"Coordinates in {UNITS[unit]} need the voxel size, and it is not known. Enter it, or "
            "leave the unit out."
        )
    mesh = surfaces.mesh.copy()  # the points of a shallow one would be shared
    mesh.points = ((np.asarray(mesh.points) - start) * factors).astype(np.float32)
    return _Rescaled(
        mesh,
        surfaces.objects,
        UNITS[unit],
        surfaces.triangles,
        surfaces.face_objects,
        surfaces.point_objects,
        surfaces.point_colours,
    )


def write_mesh(surfaces: ColouredMesh, path: Path) -> Path:
    """Write `surfaces` to `path` in the format that its suffix names, and return `path`.

    Raises
    ------
    InvalidParameterError
        If the suffix is not one of `MESH_FORMATS`.
    DeepSXTError
        If triangles are torn or normals point inwards: such a file would mislead; a `WriteError`
        if the disk has no room for it.
    """
    path = Path(path)
    mesh_format = MESH_FORMATS.get(path.suffix.lower())
    if mesh_format is None:
        raise InvalidParameterError(
            f"Cannot write '{path.name}': choose one of {', '.join(MESH_FORMATS)} as its ending."
        )
    _check(surfaces)
    points, faces = surfaces.mesh.n_points, len(surfaces.triangles)
    room_bytes = mesh_format.point_bytes * points + mesh_format.face_bytes * faces
    verify = partial(_require_triangles, faces)
    with written_beside(path, verify=verify, room_bytes=room_bytes) as beside:
        mesh_format.write(surfaces, beside)
    return path


def _require_triangles(n: int, path: Path) -> None:
    found = count_triangles(path)
    if found != n:
        raise not_as_written(f"{found} instead of {n} triangles")


def _check(surfaces: ColouredMesh) -> None:
    """Raise a `DeepSXTError` if an object is no closed surface that faces outwards."""
    points, triangles = np.asarray(surfaces.mesh.points), surfaces.triangles
    columns = np.ascontiguousarray(triangles.T).astype(np.uint64)
    # In closed, oriented surfaces an edge is passed as often one way as the other: what is drawn
    # by lot for each way adds up to the same.
    surplus = 0
    for starts, ends in zip(columns, np.roll(columns, -1, axis=0), strict=True):
        surplus += _lots(starts * np.uint64(len(points)) + ends)
        surplus -= _lots(ends * np.uint64(len(points)) + starts)
    if not np.isfinite(points).all() or surplus % 2**64:
        raise DeepSXTError(
            "The surface has open edges or points at infinity. Make it again before exporting it."
        )
    # Ids may be as large as those of a label file: they are counted through.
    ids = np.unique(surfaces.face_objects)
    numbers = np.searchsorted(ids, surfaces.face_objects).astype(np.int32) + 1
    inwards = ids[object_volumes(points, triangles, numbers, len(ids)) < 0]
    if len(inwards):
        raise DeepSXTError(
            f"The normals of object {inwards[0]} point inwards. Make the surface again "
            "before exporting it."
        )


def _lots(numbers: NDArray[np.uint64]) -> int:
    """Return the sum, but for multiples of 2^64, of 64 bits drawn by lot for each number (n,).

    The bits are those of SplitMix64 (Steele et al. 2014, https://doi.org/10.1145/2660193.2660195).
    """
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return int(mixed.sum(dtype=np.uint64))


MeshSuffix = Literal["stl", "obj", "ply", "vtp", "glb", "off", "gltf", "vtk", "inp", "msh"]
"""The keys of `MESH_FORMATS`, as people choose them."""

MESH_FORMATS: dict[str, MeshFormat] = {
    ".stl": MeshFormat("STL", write_stl, 0, 50),
    ".obj": MeshFormat("Wavefront OBJ", write_obj, 30, 10),
    ".ply": MeshFormat("PLY", write_ply, 15, 13),
    ".vtp": MeshFormat("VTK PolyData", write_vtp, 6, 4),
    ".glb": MeshFormat("glTF binary", write_glb, 24, 12),
    ".off": MeshFormat("Object File Format", write_off, 15, 8),
    ".gltf": MeshFormat("glTF text", write_gltf, 32, 16),
    ".vtk": MeshFormat("VTK legacy", write_vtk, 15, 20),
    ".inp": MeshFormat("Abaqus", write_inp, 20, 10),
    ".msh": MeshFormat("Gmsh", write_msh, 32, 40),
}


def write_surfaces(
    surfaces: ColouredMesh, out: str | Path, formats: Sequence[str], stem: str = "surface"
) -> list[Path]:
    """Write one mesh file per format, such as ``["stl", "ply"]``, into the folder `out`.

    Raises
    ------
    InvalidParameterError
        If a format is unknown.
    """
    out = prepare_folder(Path(out))
    paths = [out / f"{stem}.{name}" for name in formats]
    for path in paths:
        write_mesh(surfaces, path)
    return paths
