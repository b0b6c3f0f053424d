import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.preprocessing import measure_intensity, suggest_invert
from deepsxt_core.preprocessing.sampling import shown_range, without_void
from deepsxt_core.preprocessing.validity import (
    SpikeLimits,
    VoidRule,
    filled,
    valid_pixels,
    without_spikes,
)
from deepsxt_core.volume import Volume
from deepsxt_core.web.pictures import survey

SHAPE = (120, 140)


def noise(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32)


def disc(radius, shape=SHAPE):
    y, x = np.indices(shape)
    return np.hypot(y - shape[0] / 2, x - shape[1] / 2) < radius


VOIDS = {
    "cylinder": ~disc(55),
    "padding": np.pad(np.zeros((100, 100), bool), ((0, 20), (10, 30)), constant_values=True),
    "corner": np.add.outer(np.arange(120), np.arange(140)) < 60,
    "stripe": np.broadcast_to(np.arange(140) >= 110, SHAPE),
}


@pytest.mark.parametrize("value", [0.0, 100.0, -1e9, 1e30, np.nan])
@pytest.mark.parametrize("name", VOIDS)
def test_a_void_is_found_to_the_pixel(name, value):
    image = noise()
    image[VOIDS[name]] = value
    np.testing.assert_array_equal(valid_pixels(image), ~VOIDS[name])


def test_a_blurred_void_takes_its_rim_along():
    image = noise()
    image[VOIDS["cylinder"]] = 0
    mixed = VOIDS["cylinder"] ^ ndimage.binary_dilation(VOIDS["cylinder"], iterations=2)
    image[mixed] *= 0.4
    np.testing.assert_array_equal(valid_pixels(image), ~(VOIDS["cylinder"] | mixed))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_noise_that_is_clipped_is_no_void(dtype):
    image = np.clip(np.random.default_rng(0).normal(20, 40, SHAPE), 0, 255).astype(dtype)
    assert 0.2 < np.mean(image == 0) < 0.5
    assert valid_pixels(image).all()


def test_a_flat_body_inside_is_no_void():
    image = noise()
    image[disc(20)] = 7
    assert valid_pixels(image).all()


def test_a_constant_slice_is_void():
    assert not valid_pixels(np.full(SHAPE, 3, np.uint16)).any()


@pytest.mark.parametrize("name", VOIDS)
def test_a_filled_void_looks_like_what_lies_beside_it(name):
    y, x = np.indices(SHAPE)
    image = (50 + 0.5 * y + 0.2 * x + np.sin(x / 3)).astype(np.float32)
    spoilt = image.copy()
    spoilt[VOIDS[name]] = 0
    whole = filled(spoilt, ~VOIDS[name])
    np.testing.assert_array_equal(whole[~VOIDS[name]], image[~VOIDS[name]])
    beside = ndimage.binary_dilation(~VOIDS[name], iterations=2) & VOIDS[name]
    assert np.abs(whole - image)[beside].max() < 4
    assert whole.min() >= image.min()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0.0001, 0.02),
    st.floats(30, 1e12),
    st.sampled_from([-1, 1]),
)
def test_single_absurd_voxels_are_mended(seed, share, size, sign):
    rng = np.random.default_rng(seed)
    image = noise(seed)
    hot = rng.random(SHAPE) < share
    spoilt = np.where(hot, np.float32(100 + sign * 10 * size), image)
    mended = without_spikes(spoilt, SpikeLimits.of(spoilt))
    assert np.abs(mended - image).max() < 80
    np.testing.assert_array_equal(mended[~hot], image[~hot])


def test_what_is_wide_is_no_spike():
    image = noise()
    image[disc(5)] = -1000
    np.testing.assert_array_equal(without_spikes(image, SpikeLimits.of(image)), image)


@pytest.mark.parametrize("name", VOIDS)
@pytest.mark.parametrize("value", [0.0, 1e6])
def test_the_range_of_grey_values_is_that_of_what_was_measured(name, value):
    volume = np.stack([noise(seed) for seed in range(4)])
    clean = measure_intensity(Volume.from_array(volume))
    volume[:, VOIDS[name]] = value
    volume[0, 60, 50:53] = 1e9
    found = measure_intensity(Volume.from_array(volume))
    assert found.low == pytest.approx(clean.low, abs=1)
    assert found.high == pytest.approx(clean.high, abs=1)
    assert found.median == pytest.approx(clean.median, abs=0.5)


def test_hot_voxels_do_not_turn_the_polarity():
    volume = np.stack([noise(seed) for seed in range(4)])
    y, x = np.indices(SHAPE)
    volume -= 40 * (np.abs(np.hypot(y - 60, x - 70) - 30) < 2)
    assert not suggest_invert(Volume.from_array(volume))
    volume[0, [5, 50, 90], [7, 60, 100]] = 1e6
    assert not suggest_invert(Volume.from_array(volume))


def test_an_empty_volume_says_so():
    with pytest.raises(UnreadableFileError, match="one grey value everywhere"):
        measure_intensity(Volume.from_array(np.full((3, 40, 40), 7, np.uint8)))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_people_say_what_the_void_is(dtype):
    image = np.clip(noise(), 1, 255).astype(dtype)
    image[VOIDS["cylinder"]] = 0
    image[60:63, 60:63] = 5
    assert VoidRule(find=False).valid(image).all()
    assert VoidRule().valid(image)[61, 61]
    np.testing.assert_array_equal(VoidRule(value=0).valid(image), ~VOIDS["cylinder"])
    np.testing.assert_array_equal(VoidRule(value=5).valid(image), image != 5)
    assert VoidRule(value=1000.5).valid(image).all()


def test_a_void_that_is_nearly_all_counts_when_people_say_so():
    volume = np.zeros((4, *SHAPE), np.float32)
    volume[:, 50:70, 50:70] = noise()[50:70, 50:70]
    found = measure_intensity(Volume.from_array(volume))
    assert not found.has_void
    assert found.valid_share < 0.05
    told = measure_intensity(Volume.from_array(volume), VoidRule(value=0))
    assert told.has_void
    assert told.low > 50
    with pytest.raises(UnreadableFileError, match="no measured voxel"):
        measure_intensity(Volume.from_array(np.zeros((4, *SHAPE))), VoidRule(value=0))


def test_the_window_to_look_through_is_that_of_what_counts():
    volume = np.stack([noise(seed) + 20_000 for seed in range(4)])
    low, high = shown_range(Volume.from_array(volume))
    volume[:, VOIDS["cylinder"]] = 0
    assert shown_range(Volume.from_array(volume)) == pytest.approx((low, high), abs=3)
    seen = survey(Volume.from_array(volume))
    assert (seen.low, seen.high) == pytest.approx((low, high), abs=3)
    labels = np.zeros((4, *SHAPE), np.uint8)
    labels[:, 50:100, 50:100] = 1
    assert shown_range(Volume.from_array(labels)) == (0, 1)


def test_what_was_not_measured_is_empty_in_a_volume():
    image = noise()
    image[VOIDS["cylinder"]] = 0
    shown = without_void(Volume.from_array(image[np.newaxis])).read(0, 1)[0]
    np.testing.assert_array_equal(np.isnan(shown), VOIDS["cylinder"])
    np.testing.assert_array_equal(shown[~VOIDS["cylinder"]], image[~VOIDS["cylinder"]])


@pytest.mark.parametrize(("dtype", "value"), [("uint8", 0), ("uint8", 100), ("float32", 0)])
def test_chunks_that_are_not_there_are_void_wherever_they_lie(dtype, value):
    """Even where what was measured has their value here and there."""
    image = np.clip(noise(), 1, 255).astype(dtype)
    lost = np.zeros(SHAPE, bool)
    lost[32:64, 32:64] = lost[64:96, 32:96] = lost[16:32, 96:112] = True
    image[lost] = value
    found = ~valid_pixels(image)
    assert found[lost].all()
    assert np.count_nonzero(found & ~lost) < 0.02 * np.count_nonzero(lost)
