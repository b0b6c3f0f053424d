"""The bundled model marks the same membranes whatever the unit, the void and the spikes are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from deepsxt_core.evaluation import PixelCounts
from deepsxt_core.inference import Predictor, SegmentParams, prepare
from deepsxt_core.io import open_volume
from deepsxt_core.network import load_model
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.volume import Volume

SLICES = [5, 31, 57]
TOLERANCE = 0.02
RIM_PX = 13
"""Where half of what surrounds a membrane may be missing."""

_ROUNDS = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def predictor():
    return Predictor(load_model("deepsxt-compact"))


@pytest.fixture(scope="module")
def sample():
    """Slices of the sample, and their truth."""
    volume, truth, _ = sample_tomogram(1)
    return volume[SLICES].astype(np.float64), truth[SLICES] > 0


@pytest.fixture(scope="module")
def plain(predictor, sample):
    return marked(predictor, sample[0])


def marked(predictor, voxels):
    preparation = prepare(Volume.from_array(voxels), SegmentParams(rotations=1))
    return preparation.score(predictor, preparation.apply(voxels)) > 0


def assert_same_quality(found, plain, truth, where):
    one, other = (PixelCounts.of(mask[where], truth[where]).scores().f1 for mask in (found, plain))
    assert one == pytest.approx(other, abs=TOLERANCE)


@_ROUNDS
@given(st.integers(0, 2**31), st.integers(1, 500), st.floats(10, 1e9), st.sampled_from([-1, 1]))
def test_outliers(predictor, sample, plain, seed, count, size, sign):
    voxels, truth = sample[0].copy(), sample[1]
    places = np.random.default_rng(seed).choice(voxels.size, count, replace=False)
    voxels.ravel()[places] = voxels.mean() + sign * size * voxels.std()
    assert_same_quality(marked(predictor, voxels), plain, truth, np.ones_like(truth))


@pytest.mark.parametrize("value", [0.0, 1e9, np.nan])
@pytest.mark.parametrize(
    ("kind", "size"), [("cylinder", 0.85), ("cylinder", 1), ("padding", 0.8), ("blocks", 1)]
)
def test_voids(predictor, sample, plain, kind, size, value):
    voxels, truth = sample[0].copy(), sample[1]
    n = voxels.shape[1]
    y, x = np.indices((n, n))
    if kind == "cylinder":
        void = np.hypot(y - n / 2, x - n / 2) > size * n / 2
    elif kind == "blocks":
        void = ((y // 32 == 2) & (x // 32 == 3)) | ((y // 32 == 3) & (x // 64 == 1))
    else:
        void = (y > size * n) | (x < 0.5 * (1 - size) * n)
    voxels[:, void] = value
    found = marked(predictor, voxels)
    assert not found[:, void].any()
    inner = np.broadcast_to(ndimage.distance_transform_edt(~void) > RIM_PX, truth.shape)
    assert_same_quality(found, plain, truth, inner)
    rim = ~inner & ~void
    wrong, before = (np.count_nonzero(mask[rim] & ~truth[rim]) for mask in (found, plain))
    assert wrong <= 1.2 * before


CASES = Path(__file__).parents[1] / "cases" / "files"


@pytest.mark.parametrize(("name", "least"), [("hot3.tif", 0.87), ("cylinder_zero.tif", 0.8)])
def test_three_hot_voxels_and_a_round_reconstruction(predictor, name, least):
    volume, truth = open_volume(CASES / name), open_volume(CASES / "truth_of_hot3_and_cylinder.tif")
    voxels, marks = volume.read(0, volume.shape[0]), truth.read(0, truth.shape[0]) > 0
    found = marked(predictor, voxels)
    void = voxels == 0 if name == "cylinder_zero.tif" else np.zeros(voxels.shape, bool)
    assert not found[void].any()
    assert PixelCounts.of(found[~void], marks[~void]).scores().f1 > least
    rim = ~void & (ndimage.distance_transform_edt(~void[0]) <= RIM_PX)
    assert not void.any() or PixelCounts.of(found[rim], marks[rim]).scores().f1 > least


@_ROUNDS
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_offset_and_scale(predictor, sample, plain, offset, scale):
    voxels, truth = sample
    found = marked(predictor, voxels * scale + offset)
    assert_same_quality(found, plain, truth, np.ones_like(truth))
