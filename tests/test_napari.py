"""The plugin for napari, without napari: its manifest, and what it is handed."""

import importlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import pyvista
import yaml

from deepsxt_core.annotation import create_annotation
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.meshes import write_surfaces
from deepsxt_core.geometry import Geometry
from deepsxt_core.io import SCORE_NAME, create_score, open_volume, write_mrc, write_tiff
from deepsxt_core.napari.reading import get_reader
from deepsxt_core.napari.writing import write_layer, write_surface
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Score, Volume, VoxelSize
from tests.results import ball

ROOT = Path(__file__).parents[1]
SIZE, ORIGIN = VoxelSize(20, 10, 10), (100.0, 50.0, 0.0)
SHAPE = (12, 20, 24)
GEOMETRY = Geometry(voxel_size_nm=SIZE, origin_nm=ORIGIN)
IN_PLACE = {"scale": tuple(SIZE), "translate": ORIGIN, "units": ("nm", "nm", "nm")}


@pytest.fixture(scope="module")
def manifest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["napari.manifest"]["deepsxt"].partition(":")
    path = Path(importlib.import_module(module).__file__).with_name(name)
    return yaml.safe_load(path.read_text())


def test_the_manifest_names_what_there_is(manifest):
    commands = {each["id"]: each["python_name"] for each in manifest["contributions"]["commands"]}
    for place in commands.values():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
    used = [
        each["command"]
        for kind in ("readers", "writers")
        for each in manifest["contributions"][kind]
    ]
    assert set(used) == set(commands)
    assert all(name.startswith(f"{manifest['name']}.") for name in commands)
    assert {writer["layer_types"][0] for writer in manifest["contributions"]["writers"]} == {
        "labels", "image", "surface"
    }  # fmt: skip


def layer(path):
    (found,) = get_reader(str(path))(str(path))
    return found


def test_tomogram_score_annotation_and_surface_lie_in_one_place(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=SHAPE).astype(np.float32)
    tomogram = Volume.from_array(values).with_geometry(GEOMETRY)
    write_tiff(tomogram, tmp_path / "cell.tif")
    data, told, kind = layer(tmp_path / "cell.tif")
    assert (kind, data.shape) == ("image", SHAPE)
    assert {key: tuple(told[key]) for key in IN_PLACE} == {
        key: pytest.approx(value) for key, value in IN_PLACE.items()
    }
    np.testing.assert_array_equal(np.asarray(data[3]), values[3])

    field = ball(SHAPE, 5)
    writer = create_score(tmp_path / SCORE_NAME, SHAPE, GEOMETRY)
    writer.write(0, Score.encode(field))
    data, told, kind = layer(tmp_path / SCORE_NAME)
    assert (kind, told["contrast_limits"]) == ("image", (-1, 1))
    assert {key: told[key] for key in IN_PLACE} == IN_PLACE
    np.testing.assert_allclose(np.asarray(data[6]), field[6], atol=1 / 255)

    score = Score(Volume.from_array(Score.encode(field)).with_geometry(GEOMETRY))
    write_surfaces(reconstruct(score, ReconstructParams(min_voxels=1)), tmp_path, ["stl", "ply"])
    for name in ("surface.stl", "surface.ply"):
        (points, triangles), told, kind = layer(tmp_path / name)
        assert (kind, triangles.shape[1], told["units"]) == ("surface", 3, ("nm",) * 3)
        marked = np.argwhere(field > 0) * SIZE + ORIGIN
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        assert middle == pytest.approx(marked.mean(axis=0), abs=2)


def test_an_annotation_brings_its_objects(tmp_path):
    labels = np.zeros(SHAPE, np.uint16)
    labels[2:5, 3:9, 4:9], labels[6:9, 3:9, 4:9] = 1, 7
    tomogram = Volume.from_array(np.zeros(SHAPE, np.uint8)).with_geometry(GEOMETRY)
    create_annotation(tmp_path / "cell.annotation", tomogram, Volume.from_array(labels))
    data, told, kind = layer(tmp_path / "cell.annotation")
    assert kind == "labels"
    np.testing.assert_array_equal(data, labels)
    assert {key: told[key] for key in IN_PLACE} == IN_PLACE
    assert told["features"]["index"] == [1, 7]
    assert len(told["features"]["class"]) == 2


def test_an_unknown_voxel_size_stays_unknown(tmp_path):
    write_mrc(Volume.from_array(np.zeros((2, 5, 6), np.float32)), tmp_path / "cell.mrc")
    _, told, _ = layer(tmp_path / "cell.mrc")
    assert "units" not in told
    assert "scale" not in told
    written = tmp_path / "again.tif"
    write_layer(str(written), np.ones((2, 5, 6), np.uint8), {"scale": (1, 1, 1)})
    assert open_volume(written).voxel_size_nm is None


def test_what_is_not_ours_is_left_to_others(tmp_path):
    (tmp_path / "notes.tif").write_text("no picture")
    assert get_reader(str(tmp_path / "notes.tif")) is None
    assert get_reader([str(tmp_path / "none.stl")]) is None
    assert get_reader([]) is None


@pytest.mark.parametrize(("units", "factor"), [(("nm",) * 3, 1), (("micrometer",) * 3, 1000)])
def test_labels_are_written_where_they_lie(tmp_path, units, factor):
    labels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    told = {
        "scale": [edge / factor for edge in SIZE],
        "translate": [place / factor for place in ORIGIN],
        "units": units,
    }
    path = tmp_path / "mine.tif"
    assert write_layer(str(path), labels, told) == [str(path)]
    written = open_volume(path)
    np.testing.assert_array_equal(written.read(0, 3), labels)
    assert written.voxel_size_nm == pytest.approx(SIZE)
    assert written.origin_nm == pytest.approx(ORIGIN)


def test_a_surface_is_written_in_micrometres(tmp_path):
    sphere = pyvista.Sphere(radius=500, center=(3000, 2000, 1000))
    data = np.asarray(sphere.points)[:, ::-1], sphere.regular_faces
    write_surface(str(tmp_path / "s.ply"), data, {"units": ("nm",) * 3})
    again = pyvista.read(tmp_path / "s.ply")
    assert again.center == pytest.approx((3, 2, 1), abs=1e-3)
    (points, _), _, _ = layer(tmp_path / "s.ply")
    np.testing.assert_allclose(points, data[0], rtol=1e-5)


def test_what_has_other_axes_or_units_is_refused(tmp_path):
    path = str(tmp_path / "x.tif")
    with pytest.raises(InvalidParameterError, match="z, y, x"):
        write_layer(path, np.zeros((2, 2, 2, 2)), {})
    with pytest.raises(InvalidParameterError, match="second"):
        write_layer(path, np.zeros((2, 2, 2)), {"units": ("second",) * 3})
