import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.preprocessing import (
    clean,
    measure_intensity,
    measure_min_max,
    normalise,
    normalise_published,
    suggest_invert,
    zscore,
)
from deepsxt_core.volume import Volume

NOISE = np.random.default_rng(0).normal(size=(4, 40, 50)).astype(np.float32)


@given(st.floats(1e-4, 1e4), st.floats(-100, 100))
def test_standardised_slices_have_mean_0_and_deviation_1_at_any_scale(scale, offset):
    result = zscore(NOISE * np.float32(scale) + np.float32(offset * scale))
    np.testing.assert_allclose(result.mean(axis=(1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(result.std(axis=(1, 2)), 1, atol=1e-3)


def test_standardising_twice_changes_nothing():
    once = zscore(NOISE)
    np.testing.assert_array_equal(zscore(once), once)


def test_real_absorption_values_are_not_starved():
    """Their deviation of 2e-4 lies below the published threshold of 1e-3."""
    absorption = Volume.from_array(NOISE * np.float32(2e-4))
    robust = normalise(absorption.read(0, 4), measure_intensity(absorption))
    np.testing.assert_allclose(robust.std(axis=(1, 2)), 1, atol=1e-3)


def test_a_constant_slice_becomes_zero():
    np.testing.assert_array_equal(zscore(np.full((1, 8, 8), 1e6 + 0.1, np.float32)), 0)


def test_one_hot_pixel_changes_nothing_else():
    hot = NOISE.copy()
    hot[0, 0, 0] = 1e9
    volumes = Volume.from_array(NOISE), Volume.from_array(hot)
    plain, spoiled = (normalise(v.read(0, 4), measure_intensity(v)) for v in volumes)
    np.testing.assert_allclose(plain[0].ravel()[1:], spoiled[0].ravel()[1:], atol=0.05)


def test_the_published_way_scales_by_the_extremes():
    volume = Volume.from_array(NOISE)
    extremes = measure_min_max(volume)
    assert (extremes.low, extremes.high) == (NOISE.min(), NOISE.max())
    np.testing.assert_allclose(
        normalise_published(NOISE, extremes), zscore(NOISE), rtol=0, atol=1e-4
    )
    flat = NOISE.copy()
    flat[0] = flat[0] * 1e-4
    scaled = normalise_published(flat, measure_min_max(Volume.from_array(flat)))
    assert scaled[0].std() < 1e-3, "a slice of small deviation is only centred"


@pytest.mark.parametrize("scale", [normalise, normalise_published])
def test_inverting_negates(scale):
    intensity = measure_min_max(Volume.from_array(NOISE))
    np.testing.assert_allclose(
        scale(NOISE, intensity, invert=True), -scale(NOISE, intensity), atol=1e-5
    )


def test_values_that_are_not_finite_are_counted_and_replaced():
    values = NOISE.copy()
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    before = values.copy()
    cleaned, count = clean(values, 7.0)
    assert count == 3
    np.testing.assert_array_equal(cleaned[0, 0, :3], 7)
    np.testing.assert_array_equal(values, before)
    assert np.isfinite(measure_intensity(Volume.from_array(values)).high)


def test_a_volume_without_any_finite_value_is_refused():
    with pytest.raises(UnreadableFileError, match="no finite grey value"):
        measure_intensity(Volume.from_array(np.full((2, 4, 4), np.nan)))


def rings(sign):
    y, x = np.mgrid[:128, :128]
    image = np.random.default_rng(1).normal(size=(128, 128))
    for cy, cx, radius in ((40, 40, 20), (80, 90, 25), (100, 30, 12)):
        image += sign * 5 * (abs(np.hypot(y - cy, x - cx) - radius) < 2.5)
    return Volume.from_array(image)


def test_polarity_of_drawn_membranes():
    assert suggest_invert(rings(1))
    assert not suggest_invert(rings(-1))


def test_polarity_of_a_constant_volume():
    assert not suggest_invert(Volume.from_array(np.zeros((2, 30, 30))))


@pytest.mark.parametrize(
    ("name", "bright"),
    [
        ("sxt_mistral_12hpi_slice340.tif", False),
        ("sxt_mistral_ni_slice404_bright_membranes.tif", True),
        ("sxt_ncxt_4hpi_slice188_bogus_scale.tif", True),
        ("labelled_sxt_patches/patch_00.tif", False),
        ("labelled_sxt_patches/patch_05.tif", False),
        ("labelled_sxt_patches/patch_09.tif", False),
    ],
)
def test_polarity_of_real_slices(real, name, bright):
    assert suggest_invert(Volume.from_array(tifffile.imread(real / name))) is bright
