"""One writer for each mesh format; `deepsxt_core.export.meshes` chooses among them."""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.files import written_beside
from deepsxt_core.surface.polydata import vtp_bytes
from deepsxt_core.surface.surfaces import ObjectRow

if TYPE_CHECKING:
    import meshio
    import pyvista
    import trimesh

_ROWS_AT_ONCE = 1 << 16


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


def write_stl(surfaces: ColouredMesh, path: Path) -> None:
    """Binary; the unit in its head."""
    points = np.asarray(surfaces.mesh.points, np.float32)
    corners = np.take(points, surfaces.triangles, axis=0)
    a, b, c = np.moveaxis(corners, (1, 2), (0, 1))
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    normals = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
    lengths = np.sqrt(np.einsum("ij,ij->j", normals, normals))
    np.divide(normals, lengths, out=normals, where=lengths > 0)
    facets = np.zeros(
        len(corners), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]
    )
    facets["normal"], facets["corners"] = normals.T, corners
    with path.open("wb") as file:
        file.write(_note(surfaces).encode("ascii").ljust(80))
        file.write(np.uint32(len(facets)).astype("<u4").tobytes())
        file.write(facets.data)


def write_obj(surfaces: ColouredMesh, path: Path) -> None:
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


def write_off(surfaces: ColouredMesh, path: Path) -> None:
    """Text; the unit in a comment."""
    points, faces = np.asarray(surfaces.mesh.points), surfaces.triangles
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"OFF\n# {_note(surfaces)}\n{len(points)} {len(faces)} 0\n")
        for line, rows in (("%.7g %.7g %.7g\n", points), ("3 %d %d %d\n", faces)):
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows[first : first + _ROWS_AT_ONCE]
                file.write((line * len(part)) % tuple(part.flat))


def write_ply(surfaces: ColouredMesh, path: Path) -> None:
    """Binary; colours per point, the unit in a comment."""
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


def write_vtp(surfaces: ColouredMesh, path: Path) -> None:
    """Compressed; ids, colours, names and classes as data."""
    mesh = surfaces.mesh.copy(deep=False)
    mesh.point_data["colour"] = surfaces.point_colours
    mesh.field_data["note"] = [_note(surfaces)]
    named = [row for row in surfaces.objects if row.name is not None]
    if named:
        mesh.field_data["object_id"] = [row.id for row in named]
        mesh.field_data["object_name"] = [row.name for row in named]
        mesh.field_data["object_class"] = [row.class_name for row in named]
    path.write_bytes(vtp_bytes(mesh))


def write_vtk(surfaces: ColouredMesh, path: Path) -> None:
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


def write_inp(surfaces: ColouredMesh, path: Path) -> None:
    """Abaqus: shell elements, one named set of them per object."""
    import meshio

    mesh = _finite_elements(surfaces)
    mesh.cell_sets = {
        f"object_{each}": [np.flatnonzero(surfaces.face_objects == each)]
        for each in np.unique(surfaces.face_objects)
    }
    meshio.write(path, mesh, "abaqus", float_fmt=".9g")
    _note_in_head(path, f"** {_note(surfaces)}\n")


def write_msh(surfaces: ColouredMesh, path: Path) -> None:
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


def write_gltf(surfaces: ColouredMesh, path: Path) -> None:
    """As GLB, in one text file that holds all."""
    import trimesh

    files = trimesh.exchange.gltf.export_gltf(
        _gltf_scene(surfaces), include_normals=True, embed_buffers=True
    )
    path.write_bytes(files["model.gltf"])


def write_glb(surfaces: ColouredMesh, path: Path) -> None:
    """As binary glTF: one named mesh and material per object."""
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
