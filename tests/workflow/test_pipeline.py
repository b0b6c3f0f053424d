import json

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.export.meshes import write_surfaces
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_score
from deepsxt_core.network import load_model, save_model
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize
from deepsxt_core.workflow import pipeline, segmentation
from deepsxt_core.workflow.preview import preview_slice
from tests.cancelling import StopAfter
from tests.models import small_config, small_network
from tests.tolerances import CODES_ATOL

SIZE = VoxelSize(20, 10, 10)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(folder, small_network(), small_config(2), "")
    return load_model(folder)


@pytest.fixture
def volume():
    array = np.random.default_rng(0).normal(size=(7, 22, 30)).astype(np.float32)
    array[2, 3, 4] = np.nan
    return Volume.from_array(array, SIZE)


def test_score_file_geometry_and_record(model, volume, tmp_path):
    score = segmentation.segment(volume, model, tmp_path, SegmentParams(z0=1, z1=6, invert=False))
    assert score.volume.shape == (5, 22, 30)
    assert score.volume.dtype == np.uint8
    assert score.volume.voxel_size_nm == SIZE
    assert score.first_slice == 1
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["nonfinite_voxels"] == 1
    assert any("1 of 3,300 values" in text for text in record["warnings"])
    assert record["model"] == {"name": "small", "sha256": model.info.sha256()}
    assert record["positive_fraction"] == pytest.approx(score.positive_fraction(0.0))
    assert record["params"]["z1"] == 6


def test_one_slice_previewed_is_the_same_slice_segmented(model, volume, tmp_path):
    score = segmentation.segment(volume, model, tmp_path, SegmentParams(rotations=8))
    preview = preview_slice(volume, model, 4, SegmentParams(rotations=8))
    np.testing.assert_allclose(
        Score.encode(preview).astype(int), score.volume.read(4, 5)[0], rtol=0, atol=CODES_ATOL
    )


def test_a_part_is_scored_like_the_whole(model, volume, tmp_path):
    whole = segmentation.segment(volume, model, tmp_path / "whole")
    part = segmentation.segment(volume, model, tmp_path / "part", SegmentParams(z0=3, z1=5))
    # Other slices are computed together, so sums may run in another order.
    np.testing.assert_allclose(
        whole.volume.read(3, 5).astype(int), part.volume.read(0, 2), rtol=0, atol=CODES_ATOL
    )


def test_inverting_the_values_and_the_switch_gives_the_same(model, volume, tmp_path):
    negative = Volume.from_array(-volume.read(0, 7), SIZE)
    plain = segmentation.segment(volume, model, tmp_path / "a", SegmentParams(invert=False))
    inverted = segmentation.segment(negative, model, tmp_path / "b", SegmentParams(invert=True))
    np.testing.assert_allclose(
        plain.volume.read(0, 7).astype(int), inverted.volume.read(0, 7), rtol=0, atol=CODES_ATOL
    )


def test_slices_beyond_the_end_are_refused(model, volume, tmp_path):
    with pytest.raises(InvalidParameterError, match="7 slices"):
        segmentation.segment(volume, model, tmp_path, SegmentParams(z0=2, z1=8))


def test_a_cancelled_run_does_not_look_finished(model, volume, tmp_path):
    segmentation.segment(volume, model, tmp_path)
    with pytest.raises(CancelledError):
        segmentation.segment(volume, model, tmp_path, SegmentParams(), StopAfter(1))
    assert not (tmp_path / "run.json").exists()


def test_mask_files_hold_0_and_1(model, volume, tmp_path):
    import tifffile

    score = segmentation.segment(volume, model, tmp_path)
    write_mask(score, 0.1, tmp_path / "mask.tif")
    mask = tifffile.imread(tmp_path / "mask.tif")
    np.testing.assert_array_equal(mask, Score.decode(score.volume.read(0, 7)) > 0.1)
    assert mask.dtype == np.uint8


def test_a_ball_becomes_mesh_files_of_its_size(tmp_path):
    import pyvista

    z, y, x = np.mgrid[-16:17, -16:17, -16:17]
    codes = Score.encode(np.tanh((10 - np.sqrt(x**2 + y**2 + z**2)) / 2))
    surfaces = pipeline.reconstruct(Score(Volume.from_array(codes, VoxelSize.isotropic(100))))
    paths = write_surfaces(surfaces, tmp_path, ["stl", "ply"])
    for path in paths:
        assert pyvista.read(path).volume == pytest.approx(4 / 3 * np.pi, rel=0.02)


def test_the_score_can_be_opened_again(model, volume, tmp_path):
    score = segmentation.segment(volume, model, tmp_path)
    again = open_score(tmp_path / "score.ome.zarr")
    np.testing.assert_array_equal(again.volume.read(0, 7), score.volume.read(0, 7))


@pytest.mark.parametrize("whole_truth", [True, False])
def test_a_part_is_evaluated_against_its_own_slices(whole_truth):
    truth = np.random.default_rng(0).random((6, 8, 8)) > 0.7
    codes = np.where(truth[2:5], 255, 0).astype(np.uint8)
    score = Score(Volume.from_array(codes), first_slice=2)
    compared = truth if whole_truth else truth[2:5]
    params = EvaluateParams(tolerance_px=0)
    report = pipeline.evaluate(score, Mask(Volume.from_array(compared)), params).report()
    assert report["f1"] == report["tolerant_f1"] == report["accuracy"] == 1


def test_evaluating_other_slices_is_refused():
    score = Score(Volume.from_array(np.zeros((3, 8, 8), np.uint8)), first_slice=4)
    with pytest.raises(InvalidParameterError, match="same slices"):
        pipeline.evaluate(score, Mask(Volume.from_array(np.zeros((6, 8, 8), bool))))
