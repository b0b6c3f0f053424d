import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize, as_shape

CODES = np.arange(256, dtype=np.uint8)
scores = arrays(np.float32, 20, elements=st.floats(-1, 1, width=32))
thresholds = st.floats(-1, 1, exclude_max=True)


@given(scores)
def test_the_code_says_positive_where_the_score_does(score):
    codes = Score.encode(score)
    np.testing.assert_array_equal(codes > 127, score > 0)
    np.testing.assert_array_equal(Score.decode(codes) > 0, score > 0)


@given(scores)
def test_coding_is_close_and_keeps_the_order(score):
    score = np.sort(score)
    codes = Score.encode(score)
    assert (np.diff(codes.astype(int)) >= 0).all()
    # Half a level, or a whole one next to 0, where the sign is kept instead.
    assert np.abs(Score.decode(codes) - score).max() <= 1 / 255 + 1e-6


def test_every_code_survives_a_round_trip():
    np.testing.assert_array_equal(Score.encode(Score.decode(CODES)), CODES)
    assert Score.decode(CODES[[0, 255]]).tolist() == [-1, 1]


def test_scores_beyond_the_ends_are_clipped():
    assert Score.encode(np.array([-3.0, 3.0])).tolist() == [0, 255]


@given(thresholds)
def test_the_threshold_code_is_the_lowest_above(threshold):
    code = Score.threshold_code(threshold)
    exact = CODES.astype(float) * (2 / 255) - 1
    assert code == 256 or exact[code] > threshold - 1e-12
    assert exact[code - 1] <= threshold + 1e-12


def test_threshold_zero_is_the_sign():
    assert Score.threshold_code(0.0) == 128


@pytest.mark.parametrize("threshold", [-1.01, 1.0, float("nan")])
def test_thresholds_out_of_range_are_refused(threshold):
    with pytest.raises(InvalidParameterError, match="threshold"):
        Score.threshold_code(threshold)


@pytest.mark.parametrize("edges", [(0, 1, 1), (1, -1, 1), (1, 1, np.nan), (np.inf, 1, 1)])
def test_voxel_sizes_are_lengths(edges):
    with pytest.raises(InvalidParameterError, match="above 0"):
        VoxelSize(*edges)


def test_an_isotropic_voxel():
    assert VoxelSize.isotropic(13) == (13, 13, 13)


def test_a_volume_from_an_array_hands_out_copies():
    array = np.zeros((4, 3, 2), np.uint8)
    volume = Volume.from_array(array, VoxelSize(3, 2, 1))
    volume.read(0, 4)[...] = 1
    assert not array.any()
    assert Volume.from_array(array[0]).shape == (1, 3, 2)
    with pytest.raises(InvalidParameterError, match=r"\(0, 3, 2\)"):
        Volume.from_array(array[:0])


@pytest.mark.parametrize(("z0", "z1"), [(-1, 2), (2, 2), (3, 2), (0, 5)])
def test_slices_outside_are_refused(z0, z1):
    with pytest.raises(InvalidParameterError, match="first < end <= 4"):
        Volume.from_array(np.zeros((4, 3, 2))).read(z0, z1)


@given(st.integers(1, 40), st.integers(1, 50), st.data())
def test_slabs_cover_every_slice_once(n_slices, depth, data):
    volume = Volume.from_array(np.zeros((n_slices, 1, 1)))
    z0 = data.draw(st.integers(0, n_slices - 1))
    z1 = data.draw(st.integers(z0 + 1, n_slices))
    covered = [z for first, end in volume.slabs(depth, z0, z1) for z in range(first, end)]
    assert covered == list(range(z0, z1))


def test_masks_of_scores_and_labels():
    codes = CODES.reshape(4, 8, 8)
    score = Score(Volume.from_array(codes))
    np.testing.assert_array_equal(score.read_mask(1, 3, 0.0), codes[1:3] > 127)
    labels = Mask(Volume.from_array(codes % 3))
    np.testing.assert_array_equal(labels.read_mask(0, 4), codes % 3 != 0)


def test_a_voxel_size_can_be_set_later():
    volume = Volume.from_array(np.zeros((1, 2, 2)))
    assert volume.with_voxel_size(VoxelSize(1, 2, 3)).voxel_size_nm == VoxelSize(1, 2, 3)
    assert as_shape((3, 4)) == (1, 3, 4)
