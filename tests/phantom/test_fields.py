import numpy as np
import pytest

from deepsxt_core.phantom.fields import correlated_noise, smooth_field


def test_noise_has_the_correlation_that_was_asked_for():
    noise = correlated_noise(np.random.default_rng(1), (512, 512), (1.0, 2.0))

    # Blurring white noise by a Gaussian of sigma correlates it as exp(-d^2 / (4 sigma^2)).
    for axis, blur in enumerate((1.0, 2.0)):
        measured = np.mean(noise * np.roll(noise, 2, axis=axis))
        assert measured == pytest.approx(np.exp(-(2**2) / (4 * blur**2)), abs=0.03)
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0, abs=1e-3)
    assert noise.std() == pytest.approx(1, abs=1e-3)


def test_noise_works_in_three_dimensions():
    assert correlated_noise(np.random.default_rng(1), (5, 8, 9), (1, 1, 1)).shape == (5, 8, 9)


def test_a_smooth_field_is_smooth_and_of_unit_variance():
    fields = np.stack(
        [smooth_field(np.random.default_rng(seed), (100, 90), 20) for seed in range(60)]
    )

    assert fields.dtype == np.float32
    assert fields.std() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(fields, axis=1)).max() < 0.25
