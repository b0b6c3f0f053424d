"""What is made from a part of a tomogram lies where it lies in the whole."""

import json
from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_score, open_volume, write_mrc, write_tiff
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow import pipeline
from deepsxt_core.workspace import Workspace
from tests.jobs import stand_in_network
from tests.results import ball

SHAPE = (40, 56, 64)
SIZE = VoxelSize(30, 20, 20)
ORIGIN = (5000.0, -3000.0, 1000.0)
BALL = (ball(SHAPE, 12) > 0).astype(np.uint8)
PARTS = [
    SegmentParams(invert=False),
    SegmentParams(invert=False, z0=4, z1=38),
    SegmentParams(invert=False, crop="2:38,8:50,10:60"),
    SegmentParams(invert=False, crop="3:39,8:50,10:60", bin=2, z0=1),
]


@pytest.fixture
def volume():
    """A ball of 1 amid 0, at a place of its own."""
    return replace(Volume.from_array(BALL, SIZE), origin_nm=ORIGIN)


def centre(shape, size, origin):
    return [o + (n - 1) / 2 * edge for n, edge, o in zip(shape, size, origin, strict=True)][::-1]


@pytest.mark.parametrize("params", PARTS)
def test_surfaces_of_a_part_overlay_the_whole(volume, tmp_path, params):
    score = stand_in_network.segment(volume, tmp_path, params)
    surfaces = pipeline.reconstruct(score, ReconstructParams(threshold=0.3))
    (row,) = surfaces.objects
    expected_um = np.array(centre(SHAPE, SIZE, ORIGIN)) / 1000
    # A tenth of a voxel; the ball itself is 24 voxels across.
    assert row.centroid == pytest.approx(expected_um, abs=0.003)


@pytest.mark.parametrize("params", PARTS)
def test_without_a_voxel_size_they_overlay_in_voxels(volume, tmp_path, params):
    unknown = volume.with_voxel_size(None)
    score = stand_in_network.segment(unknown, tmp_path, params)
    (row,) = pipeline.reconstruct(score, ReconstructParams(threshold=0.3)).objects
    # The centre of a voxel of the result lies between those that it is the mean of.
    middle = np.array(centre(SHAPE, (1, 1, 1), (0, 0, 0)))
    assert row.centroid == pytest.approx(middle / params.bin, abs=0.1)


@pytest.mark.parametrize("name", ["mask.mrc", "mask.tif", "mask.ome.tif", "mask.nii", "mask.nrrd"])
def test_files_of_a_part_carry_their_place(volume, tmp_path, name):
    params = PARTS[-1]
    score = stand_in_network.segment(volume, tmp_path / "out", params)
    write_mask(score, 0.0, tmp_path / name)
    written = open_volume(tmp_path / name)
    part = [5000 + (3 + 2 + 0.5) * 30, -3000 + 8.5 * 20, 1000 + 10.5 * 20]
    assert written.origin_nm == pytest.approx(part, rel=1e-6)
    assert written.voxel_size_nm == pytest.approx((60, 40, 40), rel=1e-6)


def test_the_score_is_found_at_its_place_by_other_programs(volume, tmp_path):
    stand_in_network.segment(volume, tmp_path, PARTS[-1])
    assert open_volume(tmp_path / "score.ome.zarr").origin_nm == pytest.approx((5165, -2830, 1210))
    score = open_score(tmp_path / "score.ome.zarr")
    assert score.volume.first_voxel == (1.75, 4.25, 5.25)
    assert score.volume.whole_origin_nm == pytest.approx(ORIGIN)


def test_the_record_tells_the_part(volume, tmp_path):
    stand_in_network.segment(volume, tmp_path, PARTS[-1])
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["params"]["crop"], run["params"]["bin"]) == ("3:39,8:50,10:60", 2)
    assert run["input"]["shape"] == [18, 21, 25]
    assert run["input"]["voxel_size_nm"] == [60, 40, 40]
    assert run["input"]["origin_nm"] == [5105, -2830, 1210]


def test_what_is_new_from_a_score_follows_the_tomogram_s_voxel_size(tmp_path):
    """The size may be put right after the segmentation of a part."""
    write_tiff(Volume.from_array(BALL), tmp_path / "a.tif")
    tomogram = Workspace().add_file(tmp_path / "a.tif")
    params = PARTS[-1]
    folder = tomogram.result_folder("scores", {"of": "a part"})
    stand_in_network.segment(tomogram.volume(), folder, params)
    tomogram = tomogram.update(voxel_size_nm=SIZE)
    score = tomogram.todays_score(folder.name)
    (row,) = pipeline.reconstruct(score, ReconstructParams(threshold=0.3)).objects
    expected_um = np.array(centre(SHAPE, SIZE, (0, 0, 0))) / 1000
    assert row.centroid == pytest.approx(expected_um, abs=0.003)


def test_a_mask_file_s_surface_lies_at_its_origin_and_in_voxels_at_its_index(volume, tmp_path):
    write_mrc(volume, tmp_path / "mask.mrc")
    with mrcfile.open(tmp_path / "mask.mrc") as file:
        assert file.header.origin.z == pytest.approx(50000)
    import pyvista

    for unit, origin, size in (
        ("nm", ORIGIN, SIZE),
        ("voxel", (0, 0, 0), (1, 1, 1)),
    ):
        out = tmp_path / unit
        arguments = ["reconstruct", str(tmp_path / "mask.mrc"), "--out", str(out), "--unit", unit]
        assert main(arguments) == 0
        mesh = pyvista.read(out / "surface.stl")
        assert mesh.center == pytest.approx(centre(SHAPE, size, origin), rel=2e-3)
