import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.phantom.sample import without_missing_wedge

SHAPE = (20, 96, 96)


@pytest.fixture(scope="module")
def sample():
    return sample_tomogram(seed=5, shape=SHAPE)


def test_a_sample_is_a_volume_with_its_truth_and_voxel_size(sample):
    volume, truth, voxel_size_nm = sample

    assert volume.shape == truth.shape == SHAPE
    assert volume.dtype == np.uint8
    assert truth.dtype == bool
    assert voxel_size_nm == (20, 20, 20)
    assert volume.std() > 10


def test_true_membranes_are_in_every_slice_and_dark(sample):
    volume, truth, _ = sample

    assert (truth.mean(axis=(1, 2)) > 0.01).all()
    assert truth.mean() < 0.3
    assert volume[truth].mean() < volume[~truth].mean() - 0.3 * volume.std()


def test_the_same_seed_gives_the_same_sample(sample):
    again = sample_tomogram(seed=5, shape=SHAPE)
    other = sample_tomogram(seed=6, shape=SHAPE)

    np.testing.assert_array_equal(again[0], sample[0])
    np.testing.assert_array_equal(again[1], sample[1])
    assert not np.array_equal(other[0], sample[0])


def test_the_missing_wedge_spares_upright_and_removes_flat_waves():
    z, _, x = np.meshgrid(*[np.arange(32)] * 3, indexing="ij")
    upright = np.cos(2 * np.pi * x / 8).astype(np.float32)
    flat = np.cos(2 * np.pi * z / 8).astype(np.float32)

    np.testing.assert_allclose(without_missing_wedge(upright, 60), upright, atol=1e-5)
    np.testing.assert_allclose(without_missing_wedge(flat, 60), 0, atol=1e-5)


def test_a_shape_too_small_is_refused():
    with pytest.raises(InvalidParameterError, match=r"\(8, 64, 64\)"):
        sample_tomogram(shape=(8, 64, 64))
