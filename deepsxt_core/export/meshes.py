"""Files that other programs read surfaces from.

Coordinates are in µm, or in voxels where the voxel size is not known; nm, Å or voxels can be chosen
instead. The unit is noted in the file where the format has room.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.export.mesh_files import count_triangles
from deepsxt_core.files import not_as_written, prepare_folder, written_beside
from deepsxt_core.surface.surfaces import ObjectRow, vtp_bytes

if TYPE_CHECKING:
    import meshio
    import pyvista
    import trimesh

_ROWS_AT_ONCE = 1 << 16
_PER_UM = {"nm": 1e3, "Å": 1e4}

UNITS = {"um": "µm", "nm": "nm", "angstrom": "Å", "voxel": "voxel"}
"""Units of coordinates: as they are typed, and as they are shown."""


class ColouredMesh(Protocol):
    """What is needed to write surfaces: `deepsxt_core.surface.Surfaces` has it."""

    @property
    def mesh(self) -> "pyvista.PolyData":
        """Triangles, ordered by object."""

    @property
    def objects(self) -> tuple[ObjectRow, ...]:
        """What is known about each object, its name too; lengths may be in another unit."""

    @property
    def unit(self) -> str:
        """``"µm"`` or ``"voxel"``."""

    @property
    def triangles(self) -> NDArray[np.int64]:
        """Point indices (faces, 3)."""

    @property
    def face_objects(self) -> NDArray[np.int32]:
        """Object id per face, ascending."""

    @property
    def point_objects(self) -> NDArray[np.int32]:
        """Object id per point, ascending."""

    @property
    def point_colours(self) -> NDArray[np.uint8]:
        """Red, green, blue per point (points, 3)."""


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
    points, triangles = np.asarray(surfaces.mesh.points, np.float64), surfaces.triangles
    starts, ends = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    # In closed, oriented surfaces an edge is passed as often one way as the other.
    there = np.sort(starts * len(points) + ends)
    back = np.sort(ends * len(points) + starts)
    if not np.isfinite(points).all() or not np.array_equal(there, back):
        raise DeepSXTError(
            "The surface has open edges or points at infinity. Reconstruct it again before "
            "exporting it."
        )
    a, b, c = (points[triangles[:, corner]] - points.mean(axis=0) for corner in range(3))
    volumes = np.bincount(surfaces.face_objects, np.einsum("ij,ij->i", a, np.cross(b, c)))
    inwards = np.flatnonzero(volumes < 0)
    if len(inwards):
        raise DeepSXTError(
            f"The normals of object {inwards[0]} point inwards. Reconstruct the surface again "
            "before exporting it."
        )


def _note(surfaces: ColouredMesh) -> str:
    unit = {"µm": "micrometre", "nm": "nanometre", "Å": "angstrom"}.get(
        surfaces.unit, surfaces.unit
    )
    return f"DeepSXT surface, unit: {unit}"


def _names(surfaces: ColouredMesh) -> dict[int, str]:
    """Return what each object is called, no two the same."""
    own = {row.id: row.name for row in surfaces.objects if row.name is not None}
    times = Counter(own.values())
    names = {}
    for each in np.unique(surfaces.face_objects).tolist():
        name = own.get(each, f"object_{each}")
        names[each] = name if times[name] < 2 else f"{name} ({each})"
    return names


def _write_stl(surfaces: ColouredMesh, path: Path) -> None:
    corners = np.asarray(surfaces.mesh.points)[surfaces.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    np.divide(normals, lengths, out=normals, where=lengths > 0)
    facets = np.zeros(
        len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
    )
    facets["normal"], facets["corners"] = normals, corners
    with path.open("wb") as file:
        file.write(_note(surfaces).encode("ascii").ljust(80))
        file.write(np.uint32(len(facets)).astype("<u4").tobytes())
        file.write(facets.data)


def _write_obj(surfaces: ColouredMesh, path: Path) -> None:
    """One named object each; colours behind the coordinates, as most programs accept."""
    names = _names(surfaces)
    points = np.asarray(surfaces.mesh.points)
    colours = surfaces.point_colours / 255
    faces = surfaces.triangles + 1
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# {_note(surfaces)}\n")
        for first in range(0, len(points), _ROWS_AT_ONCE):
            part = slice(first, first + _ROWS_AT_ONCE)
            rows = np.hstack([points[part], colours[part]])
            file.write(("v %.7g %.7g %.7g %.3f %.3f %.3f\n" * len(rows)) % tuple(rows.flat))
        ids, starts = np.unique(surfaces.face_objects, return_index=True)
        for object_id, block in zip(ids, np.split(faces, starts[1:]), strict=True):
            # Some programs end a name at a space.
            name = re.sub(r"\s+", "_", names[int(object_id)])
            file.write(f"o {name}\n")
            for first in range(0, len(block), _ROWS_AT_ONCE):
                rows = block[first : first + _ROWS_AT_ONCE]
                file.write(("f %d %d %d\n" * len(rows)) % tuple(rows.flat))


def _write_off(surfaces: ColouredMesh, path: Path) -> None:
    points, faces = np.asarray(surfaces.mesh.points), surfaces.triangles
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"OFF\n# {_note(surfaces)}\n{len(points)} {len(faces)} 0\n")
        for line, rows in (("%.7g %.7g %.7g\n", points), ("3 %d %d %d\n", faces)):
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows[first : first + _ROWS_AT_ONCE]
                file.write((line * len(part)) % tuple(part.flat))


def _write_ply(surfaces: ColouredMesh, path: Path) -> None:
    points, triangles = np.asarray(surfaces.mesh.points), surfaces.triangles
    rows = np.zeros(len(points), [("place", "<f4", 3), ("colour", "u1", 3)])
    rows["place"], rows["colour"] = points, surfaces.point_colours
    faces = np.zeros(len(triangles), [("corners", "u1"), ("points", "<i4", 3)])
    faces["corners"], faces["points"] = 3, triangles
    head = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {_note(surfaces)}",
        f"element vertex {len(rows)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    with path.open("wb") as file:
        file.write("".join(f"{line}\n" for line in head).encode("ascii"))
        file.write(rows.data)
        file.write(faces.data)


def _write_vtp(surfaces: ColouredMesh, path: Path) -> None:
    mesh = surfaces.mesh.copy(deep=False)
    mesh.point_data["colour"] = surfaces.point_colours
    mesh.field_data["note"] = [_note(surfaces)]
    named = [row for row in surfaces.objects if row.name is not None]
    if named:
        mesh.field_data["object_id"] = [row.id for row in named]
        mesh.field_data["object_name"] = [row.name for row in named]
        mesh.field_data["object_class"] = [row.class_name for row in named]
    path.write_bytes(vtp_bytes(mesh))


def _write_vtk(surfaces: ColouredMesh, path: Path) -> None:
    """Legacy VTK, which many older programs read; binary, the unit in its title."""
    points, triangles = np.asarray(surfaces.mesh.points, ">f4"), surfaces.triangles
    faces = np.full((len(triangles), 4), 3, ">i4")
    faces[:, 1:] = triangles
    head = f"# vtk DataFile Version 4.2\n{_note(surfaces)}\nBINARY\nDATASET POLYDATA\n"
    blocks = [
        (f"{head}POINTS {len(points)} float\n", points),
        (f"POLYGONS {len(faces)} {faces.size}\n", faces),
        (
            f"CELL_DATA {len(faces)}\nSCALARS object int\nLOOKUP_TABLE default\n",
            surfaces.face_objects.astype(">i4"),
        ),
        (f"POINT_DATA {len(points)}\nCOLOR_SCALARS colour 3\n", surfaces.point_colours),
    ]
    with path.open("wb") as file:
        for title, values in blocks:
            file.write(title.encode("ascii"))
            file.write(np.ascontiguousarray(values).data)
            file.write(b"\n")


def _write_inp(surfaces: ColouredMesh, path: Path) -> None:
    """Abaqus: shell elements, one named set of them per object."""
    import meshio

    mesh = _finite_elements(surfaces)
    mesh.cell_sets = {
        f"object_{each}": [np.flatnonzero(surfaces.face_objects == each)]
        for each in np.unique(surfaces.face_objects)
    }
    meshio.write(path, mesh, "abaqus", float_fmt=".9g")
    _note_in_head(path, f"** {_note(surfaces)}\n")


def _write_msh(surfaces: ColouredMesh, path: Path) -> None:
    """Gmsh 4.1: the id of the object at each triangle is the data ``object``."""
    import meshio

    mesh = _finite_elements(surfaces)
    mesh.cell_data = {"object": [surfaces.face_objects.astype(np.float64)]}
    meshio.write(path, mesh, "gmsh", binary=True)
    _note_in_head(path, f"$Comments\n{_note(surfaces)}\n$EndComments\n")


def _finite_elements(surfaces: ColouredMesh) -> "meshio.Mesh":
    import meshio

    points = np.asarray(surfaces.mesh.points, np.float64)
    return meshio.Mesh(points, [("triangle", surfaces.triangles)])


def _note_in_head(path: Path, note: str) -> None:
    """Put `note` before what is in the file: both formats allow a comment there."""
    with written_beside(path) as noted, noted.open("wb") as file, path.open("rb") as written:
        file.write(note.encode("ascii"))
        shutil.copyfileobj(written, file)


def _write_gltf(surfaces: ColouredMesh, path: Path) -> None:
    """As GLB, in one text file that holds all."""
    import trimesh

    files = trimesh.exchange.gltf.export_gltf(
        _gltf_scene(surfaces), include_normals=True, embed_buffers=True
    )
    path.write_bytes(files["model.gltf"])


def _write_glb(surfaces: ColouredMesh, path: Path) -> None:
    import trimesh

    path.write_bytes(trimesh.exchange.gltf.export_glb(_gltf_scene(surfaces), include_normals=True))


def _gltf_scene(surfaces: ColouredMesh) -> "trimesh.Scene":
    """One named mesh and material per object, as glTF has it."""
    import trimesh

    scene = trimesh.Scene(metadata={"note": _note(surfaces)})
    names = _names(surfaces)
    points, triangles = np.asarray(surfaces.mesh.points), surfaces.triangles
    ids, first_faces = np.unique(surfaces.face_objects, return_index=True)
    first_points = np.searchsorted(surfaces.point_objects, ids)
    colours = surfaces.point_colours[first_points]
    blocks = zip(
        ids,
        np.split(points, first_points[1:]),
        np.split(triangles, first_faces[1:]),
        first_points,
        colours,
        strict=True,
    )
    for object_id, object_points, object_faces, first_point, colour in blocks:
        material = trimesh.visual.material.PBRMaterial(
            baseColorFactor=[*colour.tolist(), 255], metallicFactor=0.0, roughnessFactor=0.6
        )
        geometry = trimesh.Trimesh(
            object_points,
            object_faces - first_point,
            visual=trimesh.visual.TextureVisuals(material=material),
            process=False,
        )
        scene.add_geometry(geometry, geom_name=names[int(object_id)])
    return scene


MeshSuffix = Literal["stl", "obj", "ply", "vtp", "glb", "off", "gltf", "vtk", "inp", "msh"]
"""The keys of `MESH_FORMATS`, as people choose them."""

MESH_FORMATS: dict[str, MeshFormat] = {
    ".stl": MeshFormat("STL", _write_stl, 0, 50),
    ".obj": MeshFormat("Wavefront OBJ", _write_obj, 30, 10),
    ".ply": MeshFormat("PLY", _write_ply, 15, 13),
    ".vtp": MeshFormat("VTK PolyData", _write_vtp, 6, 4),
    ".glb": MeshFormat("glTF binary", _write_glb, 24, 12),
    ".off": MeshFormat("Object File Format", _write_off, 15, 8),
    ".gltf": MeshFormat("glTF text", _write_gltf, 32, 16),
    ".vtk": MeshFormat("VTK legacy", _write_vtk, 15, 20),
    ".inp": MeshFormat("Abaqus", _write_inp, 20, 10),
    ".msh": MeshFormat("Gmsh", _write_msh, 32, 40),
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
