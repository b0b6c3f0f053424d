"""Random fields: correlated noise, slow backgrounds, everything that has no outline.

The noise follows what reconstructed cryo soft X-ray slices show: almost no power above a third
of the sampling frequency, a correlation length of 2 to 5 pixels that differs between the axes,
and a tail of slow structure.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, ...], period_px: float
) -> NDArray[np.float32]:
    """Return a slowly varying field of mean about 0 and standard deviation about 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : tuple of int
        Shape of the field, any number of axes.
    period_px : float
        Typical distance between a hill and a valley, in pixels.

    Returns
    -------
    ndarray
        float32, of `shape`.
    """
    field = rng.standard_normal([int(n / period_px) + 5 for n in shape], dtype=np.float32)
    for axis, n in enumerate(shape):
        weights = _spline_weights(rng.random() + np.arange(n) / period_px, field.shape[axis])
        # Not a call to BLAS, whose threads would fight with those of the training.
        field = np.moveaxis(
            np.einsum("nk,k...->n...", weights, np.moveaxis(field, axis, 0)), 0, axis
        )
    return np.ascontiguousarray(field)


def _spline_weights(places: NDArray[np.float64], knots: int) -> NDArray[np.float32]:
    """Return the cubic B-spline weights (places, knots) of white knots, for unit variance."""
    distance = np.abs(places[:, np.newaxis] + 1.5 - np.arange(knots))
    weights = np.where(
        distance < 1,
        2 / 3 - distance**2 + distance**3 / 2,
        np.maximum(2 - distance, 0) ** 3 / 6,
    )
    return (weights / np.sqrt(151 / 315)).astype(np.float32)


def correlated_noise(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    blur_px: tuple[float, ...],
    *,
    slow_share: float = 0.0,
    slow_px: float = 6.0,
    white_share: float = 0.0,
) -> NDArray[np.float32]:
    """Return Gaussian noise of mean 0 and standard deviation 1 with a blurred spectrum.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : tuple of int
        Shape of the field, any number of axes.
    blur_px : tuple of float
        Standard deviation, in pixels, of the Gaussian that the noise is blurred by, per axis.
    slow_share : float
        Share of the power, 0 to 1, that sits in structure `slow_px` times coarser.
    slow_px : float
        How much coarser that structure is.
    white_share : float
        Share of the power, 0 to 1, that stays uncorrelated.

    Returns
    -------
    ndarray
        float32, of `shape`.
    """
    freqs = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    squared = np.zeros([f.size for f in freqs], np.float32)
    for axis, (f, blur) in enumerate(zip(freqs, blur_px, strict=True)):
        along = [1] * len(shape)
        along[axis] = -1
        squared += np.float32(4 * np.pi**2) * (f * blur).reshape(along).astype(np.float32) ** 2
    fine = np.exp(-squared)
    slow = np.exp(-squared * np.float32(slow_px**2))
    power = (1 - slow_share - white_share) * fine / fine.mean()
    power += slow_share * slow / slow.mean() + white_share
    power[(0,) * len(shape)] = 0
    white = rng.standard_normal(shape, dtype=np.float32)
    noise = fft.irfftn(fft.rfftn(white) * np.sqrt(power), s=shape)
    return (noise / noise.std()).astype(np.float32)
