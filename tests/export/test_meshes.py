from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.export.meshes import MESH_FORMATS, in_unit, write_mesh
from deepsxt_core.surface import Surfaces, reconstruct
from deepsxt_core.surface.polydata import polydata
from deepsxt_core.surface.surfaces import PALETTE
from deepsxt_core.volume import Mask, Volume, VoxelSize

meshio = pytest.importorskip("meshio")
trimesh = pytest.importorskip("trimesh")
pyvista = pytest.importorskip("pyvista")


@pytest.fixture(scope="module")
def surfaces() -> Surfaces:
    """Two balls of 0.2 and 0.12 µm radius."""
    z, y, x = np.ogrid[:30, :30, :60]
    large = (z - 15) ** 2 + (y - 15) ** 2 + (x - 40) ** 2 < 10**2
    small = (z - 15) ** 2 + (y - 15) ** 2 + (x - 12) ** 2 < 6**2
    volume = Volume.from_array((small | large).astype(np.uint8), VoxelSize.isotropic(20))
    return reconstruct(Mask(volume))


def read_trimesh(path: Path):
    mesh = trimesh.load(path, force="mesh")
    return mesh.vertices, mesh.faces


def read_meshio(path: Path):
    mesh = meshio.read(path)
    return mesh.points, np.concatenate([block.data for block in mesh.cells])


def read_vtk(path: Path):
    mesh = pyvista.read(path)
    if isinstance(mesh, pyvista.MultiBlock):
        mesh = mesh.combine().extract_surface(algorithm="dataset_surface")
    return np.asarray(mesh.points), np.asarray(mesh.regular_faces)


READERS = [
    (".stl", read_trimesh),
    (".stl", read_meshio),
    (".stl", read_vtk),
    (".obj", read_trimesh),
    (".obj", read_vtk),
    (".ply", read_trimesh),
    (".ply", read_meshio),
    (".vtp", read_vtk),
    (".off", read_trimesh),
    (".off", read_meshio),
    (".glb", read_trimesh),
    (".glb", read_vtk),
    (".gltf", read_trimesh),
    (".gltf", read_vtk),
    (".vtk", read_vtk),
    (".inp", read_meshio),
    (".msh", read_meshio),
]


@pytest.mark.parametrize(("suffix", "read"), READERS)
def test_other_programs_read_the_same_mesh(surfaces, tmp_path, suffix, read) -> None:
    path = write_mesh(surfaces, tmp_path / f"body{suffix}")
    points, faces = read(path)
    mesh = trimesh.Trimesh(points, faces)  # merges the points that STL repeats
    assert len(faces) == surfaces.mesh.n_cells
    assert mesh.bounds.T.ravel() == pytest.approx(surfaces.mesh.bounds, abs=1e-6)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    # Positive where normals point outwards, and of the right physical size.
    assert mesh.volume == pytest.approx(sum(row.volume for row in surfaces.objects), rel=1e-5)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * (0.2**3 + 0.12**3), rel=0.03)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_every_format_is_tested() -> None:
    assert {suffix for suffix, _ in READERS} == set(MESH_FORMATS)


def test_unit_is_noted(surfaces, tmp_path) -> None:
    for suffix in MESH_FORMATS:
        head = write_mesh(surfaces, tmp_path / f"body{suffix}").read_bytes()
        assert b"unit: micrometre" in head or suffix == ".vtp"
    assert pyvista.read(tmp_path / "body.vtp").field_data["note"][0].endswith("micrometre")


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".vtp"])
def test_points_have_the_colour_of_their_object(surfaces, tmp_path, suffix) -> None:
    path = write_mesh(surfaces, tmp_path / f"body{suffix}")
    if suffix == ".vtp":
        colours = np.asarray(pyvista.read(path).point_data["colour"])
    else:
        colours = trimesh.load(path, force="mesh", process=False).visual.vertex_colors[:, :3]
    assert (
        np.abs(np.unique(colours, axis=0).astype(int) - np.unique(PALETTE[:2], axis=0)).max() <= 1
    )


def test_glb_and_obj_keep_objects_apart(surfaces, tmp_path) -> None:
    scene = trimesh.load(write_mesh(surfaces, tmp_path / "body.glb"))
    assert sorted(scene.geometry) == ["object_1", "object_2"]
    colour = scene.geometry["object_2"].visual.material.baseColorFactor
    assert colour[:3] == pytest.approx(PALETTE[1], abs=1)
    lines = write_mesh(surfaces, tmp_path / "body.obj").read_text().splitlines()
    assert [line for line in lines if line.startswith("o ")] == ["o object_1", "o object_2"]


def test_unknown_ending_names_the_choices(surfaces, tmp_path) -> None:
    with pytest.raises(InvalidParameterError, match=r"'body\.step'.*\.stl, \.obj"):
        write_mesh(surfaces, tmp_path / "body.step")
    assert list(tmp_path.iterdir()) == []


def test_failed_writing_leaves_the_old_file(surfaces, tmp_path, monkeypatch) -> None:
    path = write_mesh(surfaces, tmp_path / "body.stl")
    before = path.read_bytes()
    monkeypatch.setattr(Surfaces, "triangles", property(lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        write_mesh(surfaces, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", MESH_FORMATS)
def test_an_f_is_an_f_in_every_file(tmp_path, suffix) -> None:
    """x, y and z are where they belong, and nothing is mirrored or turned inside out."""
    letter = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    voxels = np.zeros((24, 40, 30), bool)
    voxels[4:16, 4:34, 4:22] = np.kron(letter, np.ones((6, 6))) > 0
    voxels[4:8, 28:34, 10:18] = True  # a foot on its first slices: it has no mirror symmetry
    size = VoxelSize(30, 20, 10)
    surfaces = reconstruct(Mask(Volume.from_array(voxels.astype(np.uint8), size)))
    path = write_mesh(surfaces, tmp_path / f"f{suffix}")
    points, faces = next(read for name, read in READERS if name == suffix)(path)
    mesh = trimesh.Trimesh(points, faces)
    assert mesh.volume == pytest.approx(voxels.sum() * np.prod(size) / 1e9, rel=0.02)
    places = np.argwhere(voxels) * np.array(size) / 1000
    assert mesh.center_mass[::-1] == pytest.approx(places.mean(axis=0), abs=0.002)
    # The foot lies low in z, at the lower end of the letter in y, right of its stem in x.
    foot = mesh.vertices[(mesh.vertices[:, 1] > 0.6) & (mesh.vertices[:, 0] > 0.12)]
    assert len(foot)
    assert foot[:, 2].max() < 8 * 0.03


def test_finite_elements_keep_objects_apart(surfaces, tmp_path) -> None:
    gmsh = meshio.read(write_mesh(surfaces, tmp_path / "body.msh"))
    assert (np.concatenate(gmsh.cell_data["object"]) == surfaces.face_objects).all()
    text = write_mesh(surfaces, tmp_path / "body.inp").read_text()
    assert "ELSET=object_1" in text.replace(" ", "")
    assert "ELSET=object_2" in text.replace(" ", "")


def test_what_is_torn_or_inside_out_is_not_written(surfaces, tmp_path) -> None:
    def changed(triangles) -> Surfaces:
        mesh = polydata(np.asarray(surfaces.mesh.points), triangles)
        mesh.cell_data["object"] = surfaces.face_objects[: len(triangles)]
        return Surfaces(mesh, surfaces.objects, surfaces.unit)

    with pytest.raises(DeepSXTError, match="open edges"):
        write_mesh(changed(surfaces.triangles[:-1]), tmp_path / "torn.stl")
    with pytest.raises(DeepSXTError, match="object 1 point inwards"):
        write_mesh(changed(surfaces.triangles[:, ::-1]), tmp_path / "inside_out.stl")
    assert list(tmp_path.iterdir()) == []


def test_unit_can_be_chosen(surfaces, tmp_path) -> None:
    micrometres = np.array(surfaces.mesh.bounds)
    for unit, factor in (("um", 1), ("nm", 1000), ("angstrom", 1e4), ("voxel", 50)):
        scaled = in_unit(surfaces, unit, (20, 20, 20))
        path = write_mesh(scaled, tmp_path / f"{unit}.ply")
        assert trimesh.load(path).bounds.T.ravel() == pytest.approx(micrometres * factor, rel=1e-5)
    assert b"unit: nanometre" in (tmp_path / "nm.ply").read_bytes()
    with pytest.raises(InvalidParameterError, match="need the voxel size"):
        in_unit(surfaces, "voxel")
    with pytest.raises(InvalidParameterError, match="from um, nm, angstrom, voxel"):
        in_unit(surfaces, "inch")
