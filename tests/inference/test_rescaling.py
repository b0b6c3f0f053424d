import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from deepsxt_core.inference import SegmentParams, choose_rescaling
from deepsxt_core.network import MEMBRANE_ALONE, NetworkConfig, find_model
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow import segmentation
from tests.jobs import stand_in_network

KNOWN = (10.0, 40.0)


def volume(y_nm, x_nm, shape=(3, 60, 80)):
    return Volume.from_array(np.zeros(shape, np.float32), VoxelSize(30, y_nm, x_nm))


@pytest.mark.parametrize("edge", [8.4, 10, 25, 40, 47.9])
def test_a_pixel_that_the_model_knows_about_is_left(edge):
    assert choose_rescaling(volume(edge, edge), KNOWN) is None


@pytest.mark.parametrize("edge", [1, 2.4, 161, 1000])
def test_a_pixel_beyond_belief_is_left(edge):
    assert choose_rescaling(volume(edge, edge), KNOWN) is None


def test_what_is_not_known_is_left():
    assert choose_rescaling(volume(80, 80), None) is None
    assert choose_rescaling(volume(80, 80).with_voxel_size(None), KNOWN) is None


def test_the_nearest_pixel_that_the_model_knows_is_chosen():
    found = choose_rescaling(volume(80, 30), KNOWN)
    assert found.network_shape == (120, 80)
    assert found.network_pixel_nm == (40, 30)
    found = choose_rescaling(volume(5, 5), KNOWN)
    assert found.network_shape == (30, 40)
    assert found.network_pixel_nm == (10, 10)


@pytest.mark.parametrize("edge", [4, 80, 100])
def test_there_and_back_is_the_same_picture(edge):
    shape = (2, 75, 64)
    smooth = ndimage.gaussian_filter(
        np.random.default_rng(0).normal(size=shape), (0, 6, 6), mode="reflect"
    ).astype(np.float32)
    found = choose_rescaling(volume(edge, edge, shape), KNOWN)
    seen = found.to_network(smooth)
    assert seen.shape == (2, *found.network_shape)
    back = found.to_tomogram(seen)
    assert back.shape == shape and back.dtype == np.float32
    error = np.abs(back - smooth)[:, 4:-4, 4:-4].max()
    assert error < 0.1 * np.abs(smooth).max()


@pytest.fixture
def striped():
    rows = np.sin(np.arange(48) / 4)[None, :, None] * np.ones((4, 48, 40))
    return Volume.from_array(rows.astype(np.float32), VoxelSize.isotropic(80))


def segment(volume, out, params, monkeypatch):
    """Return the score and the shapes that the network has seen."""
    seen = []

    class Watching(stand_in_network.StandInPredictor):
        def score(self, slices, _margins=(0, 0)):
            seen.append(slices.shape[1:])
            return super().score(slices)

    model = SimpleNamespace(
        info=stand_in_network.MODEL.info,
        config=SimpleNamespace(pixel_size_nm=KNOWN, classes=MEMBRANE_ALONE),
    )
    monkeypatch.setattr(segmentation, "_predictor", lambda *_: Watching())
    return segmentation.segment(volume, model, out, params), seen


def test_the_network_sees_other_pixels_and_the_score_has_the_old(striped, tmp_path, monkeypatch):
    params = SegmentParams(invert=False)
    score, seen = segment(striped, tmp_path / "on", params, monkeypatch)
    assert set(seen) == {(96, 80)}
    assert score.volume.shape == striped.shape
    assert score.volume.geometry == striped.geometry
    run = json.loads((tmp_path / "on" / "run.json").read_text())
    assert run["rescaling"]["pixel_nm"] == [80, 80]
    assert run["rescaling"]["network_pixel_nm"] == [40, 40]
    assert any("40 nm per pixel instead of 80 nm" in each for each in run["warnings"])

    plain, seen = segment(striped, tmp_path / "off", replace(params, rescale=False), monkeypatch)
    assert set(seen) == {(48, 40)}
    assert json.loads((tmp_path / "off" / "run.json").read_text())["rescaling"] is None
    found, expected = (each.volume.read(0, 4).astype(int) for each in (score, plain))
    assert np.abs(found - expected).mean() < 3


def test_the_published_tiling_stays_as_published(striped, tmp_path, monkeypatch):
    _, seen = segment(striped, tmp_path, SegmentParams(tiling="compat"), monkeypatch)
    assert set(seen) == {(48, 40)}


def test_the_pixel_size_is_part_of_a_model():
    config = replace(NetworkConfig.published(1), pixel_size_nm=KNOWN)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert "pixel_size_nm" not in NetworkConfig.published(1).to_dict()
    assert find_model("deepsxt-compact").pixel_size_nm() == KNOWN
