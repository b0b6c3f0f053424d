import numpy as np
import pytest

from deepsxt_core.export import averaging
from deepsxt_core.export.averaging import averaged, averaged_slices
from deepsxt_core.volume import Volume


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1000, (9, 33, 48)).astype(np.uint16)


def test_what_fits_stays_as_it_is(array) -> None:
    means, block = averaged(Volume.from_array(array), array.size)
    assert block == (1, 1, 1)
    np.testing.assert_array_equal(means, array)


def test_blocks_are_means_and_the_longest_axes_give_way(array) -> None:
    means, block = averaged(Volume.from_array(array), 9 * 16 * 24)
    assert block == (1, 2, 2)
    blocks = array[:, :32].reshape(9, 16, 2, 24, 2)
    np.testing.assert_allclose(means, blocks.mean(axis=(2, 4)), rtol=1e-6)


def test_a_single_slice_fits_too() -> None:
    means, block = averaged(Volume.from_array(np.ones((1, 4000, 3000), np.uint8)), 10_000)
    assert means.size <= 10_000 and block[0] == 1
    assert (means == 1).all()


def test_slabs_bound_what_is_in_memory(monkeypatch) -> None:
    read = []

    def reader(first: int, end: int) -> np.ndarray:
        read.append((first, end))
        return np.full((end - first, 64, 64), first, np.uint8)

    monkeypatch.setattr(averaging, "_PIECE_BYTES", 3 * 64 * 64)
    volume = Volume((64, 64, 64), np.dtype(np.uint8), None, reader)
    _, block = averaged(volume, 8**3)
    assert block[0] == 8
    assert max(end - first for first, end in read) == 3
    assert sorted(read) == read and sum(end - first for first, end in read) == 64


def test_a_value_that_is_not_finite_stays_in_its_block() -> None:
    array = np.zeros((4, 4, 4), np.float32)
    array[0, 0, 0] = np.nan
    means, _ = averaged(Volume.from_array(array), 8)
    assert np.isnan(means[0, 0, 0]) and np.isfinite(means).sum() == 7


def test_slices_are_those_at_their_places(array) -> None:
    slices, block = averaged_slices(Volume.from_array(array), (4, 10, 20), array.size)
    assert block == (1, 1, 1)
    for found, expected in zip(slices, (array[4], array[:, 10], array[:, :, 20]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_slices_are_averaged_along_themselves_alone(array) -> None:
    (across_z, across_y, across_x), block = averaged_slices(
        Volume.from_array(array), (4, 10, 20), 16 * 24
    )
    assert block == (1, 2, 2)
    np.testing.assert_allclose(
        across_z, array[4, :32].reshape(16, 2, 24, 2).mean(axis=(1, 3)), rtol=1e-6
    )
    np.testing.assert_allclose(across_y, array[:, 10].reshape(9, 24, 2).mean(axis=2), rtol=1e-6)
    np.testing.assert_allclose(
        across_x, array[:, :32, 20].reshape(9, 16, 2).mean(axis=2), rtol=1e-6
    )
