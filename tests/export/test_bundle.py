"""The bundle is opened here with what other programs use, and all in it lies in one place."""

import json
import zipfile
from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import tifffile
import trimesh

from deepsxt_core.errors import CancelledError
from deepsxt_core.export.bundle import BundleContent, preview, write_bundle
from deepsxt_core.io import open_volume
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.volume import Score, Volume, VoxelSize
from tests.results import ball

SHAPE = (14, 22, 18)
SIZE = VoxelSize(20, 10, 10)
ORIGIN = (-300.0, 50.0, 70.0)
FILES = {
    *(f"{stem}.{suffix}" for stem in ("preview", "mask", "instances") for suffix in ("tif", "mrc")),
    *("surface.ply", "surface.stl", "surface-chimerax.obj", "measurements.csv", "README.txt"),
    "segment.run.json",
}


@pytest.fixture
def params():
    return ReconstructParams(threshold=0.2)


def bundled(tmp_path, params, size=SIZE, first_slice=0, progress=None):
    """Return the unpacked bundle of two balls, and what it was made from."""
    codes = Score.encode(np.concatenate([ball(SHAPE, 5), ball(SHAPE, 4)], axis=2))
    score = Score(Volume.from_array(codes, size), first_slice)
    grey = np.random.default_rng(0).integers(0, 1000, (SHAPE[0] + 3, SHAPE[1], 36), dtype=np.uint16)
    tomogram = replace(Volume.from_array(grey, size), path=tmp_path / "cell 1.rec")
    if size is not None:
        tomogram = replace(tomogram, origin_nm=ORIGIN)
        score = Score(score.volume.with_geometry(tomogram.geometry), first_slice)
    surfaces = reconstruct(score, params)
    path = tmp_path / "out" / "bundle.zip"
    numbered = object_labels(score, params, tmp_path / "labels")
    content = BundleContent.of(tomogram, score, params, numbered, surfaces)
    write_bundle(path, content, {"segment": {"model": "m"}}, progress)
    assert [found.name for found in path.parent.iterdir()] == ["bundle.zip"]
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == FILES
        archive.extractall(folder)
    return folder, grey, score, surfaces


def test_volumes_are_what_was_made(tmp_path, params):
    folder, grey, score, surfaces = bundled(tmp_path, params)
    mask = Score.decode(score.volume.read(0, SHAPE[0])) > 0.2
    for name, expected in (("preview", grey), ("mask", mask)):
        assert np.array_equal(tifffile.imread(folder / f"{name}.tif"), expected)
        assert np.array_equal(mrcfile.read(folder / f"{name}.mrc"), expected)
    labels = tifffile.imread(folder / "instances.tif")
    assert np.array_equal(mrcfile.read(folder / "instances.mrc"), labels)
    assert {row.id: row.voxels for row in surfaces.objects} == dict(
        enumerate(np.bincount(labels.ravel())[1:], 1)
    )
    table = (folder / "measurements.csv").read_text().splitlines()
    assert len(table) == 1 + len(surfaces.objects) == 3


@pytest.mark.parametrize("first_slice", [0, 3])
def test_everything_lies_in_the_same_place(tmp_path, params, first_slice):
    folder, _, _, _ = bundled(tmp_path, params, first_slice=first_slice)
    mesh = trimesh.load(folder / "surface-chimerax.obj", force="mesh")
    with mrcfile.open(folder / "mask.mrc") as mrc:
        edges = np.array([mrc.voxel_size[axis] for axis in "xyz"])
        origin = np.array([mrc.header.origin[axis] for axis in "xyz"])
        inside = np.argwhere(mrc.data)[:, ::-1]
    assert edges == pytest.approx([100, 100, 200])
    assert origin == pytest.approx([700, 500, 200 * first_slice - 3000])
    low, high = origin + (inside.min(0) - 0.7) * edges, origin + (inside.max(0) + 0.7) * edges
    assert (mesh.bounds[0] > low).all()
    assert (mesh.bounds[1] < high).all()
    in_um = trimesh.load(folder / "surface.stl", force="mesh")
    assert np.allclose(in_um.bounds * 1e4, mesh.bounds, rtol=1e-5)
    for name in ("mask", "instances"):
        assert open_volume(folder / f"{name}.tif").origin_nm == pytest.approx(origin[::-1] / 10)
    assert open_volume(folder / "preview.mrc").origin_nm == pytest.approx(ORIGIN)


def test_the_readme_and_the_records_tell_what_it_is(tmp_path, params):
    folder, *_ = bundled(tmp_path, params)
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert all(word in text for word in ("cell 1.rec", "36 × 22 × 17", "10 × 10 × 20 nm", "0.2"))
    assert json.loads((folder / "segment.run.json").read_text()) == {"model": "m"}


def test_without_a_voxel_size_lengths_are_in_voxels(tmp_path, params):
    folder, *_ = bundled(tmp_path, params, size=None)
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "voxel size not known" in text
    assert "µm" not in text
    assert open_volume(folder / "mask.tif").voxel_size_nm is None
    mesh = trimesh.load(folder / "surface-chimerax.obj", force="mesh")
    assert 7 < np.ptp(mesh.bounds[:, 1]) < 11


def test_a_cancelled_bundle_leaves_nothing(tmp_path, params):
    class Stop:
        def stage(self, name, _total, _unit):
            self.bundling = name == "Bundling"

        def advance(self, _n=1):
            if self.bundling:
                raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        bundled(tmp_path, params, progress=Stop())
    assert not list((tmp_path / "out").iterdir())


def test_the_preview_is_the_mean_of_cubes_in_their_middle():
    grey = np.random.default_rng(0).integers(0, 60000, (9, 20, 31), dtype=np.uint16)
    volume = replace(Volume.from_array(grey, VoxelSize(20, 10, 12)), origin_nm=(5.0, 6.0, 7.0))
    assert preview(volume) is volume
    small = preview(volume, 9 * 20 * 31 // 8)
    assert small.shape == (4, 10, 15)
    cubes = grey[:8, :, :30].reshape(4, 2, 10, 2, 15, 2).astype(float)
    means = cubes.mean(axis=(1, 3, 5))
    assert small.dtype == np.uint16
    assert np.abs(small.read(0, 4) - means).max() <= 0.51
    assert np.array_equal(small.read(2, 3), small.read(0, 4)[2:3])
    assert small.voxel_size_nm == (40, 20, 24)
    assert small.origin_nm == (15, 11, 13)
    assert preview(volume, 100).shape == (2, 5, 7)


def test_a_single_slice_stays_as_it_is():
    flat = Volume.from_array(np.zeros((1, 8, 8), np.uint8))
    assert preview(flat, 16) is flat
