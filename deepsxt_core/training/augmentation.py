"""Variations of a slice that leave its membranes where they are."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.phantom.fields import smooth_field
from deepsxt_core.preprocessing import zscore

_ALONE = 1 / 3


def augment(
    rng: np.random.Generator,
    image: NDArray[np.float32],
    label: NDArray[np.bool_],
    crop_px: int,
    *,
    strength: float = 1.0,
    invert_chance: float = 0.0,
    zoom: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cut a random crop, turn and flip it, and vary its grey values.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    image : ndarray
        float32 (y, x, slices), at least `crop_px` per side: the slice in the middle, those above
        and below it around it.
    label : ndarray
        bool (y, x).
    crop_px : int
        Side of the crop.
    strength : float
        How much grey values are varied; 0 not at all.
    invert_chance : float
        How often dark becomes bright.
    zoom : float
        Half of the crops are magnified by a random factor from exp(-zoom) to exp(zoom).

    Returns
    -------
    image : ndarray
        float32 (crop_px, crop_px, slices), about standardised.
    label : ndarray
        bool (crop_px, crop_px).
    """
    image = _tone(rng, image, strength)
    side = crop_px
    if zoom and rng.random() < 0.5:
        side = min(round(crop_px * np.exp(rng.uniform(-zoom, zoom))), *label.shape)
    y, x = (int(rng.integers(0, n - side + 1)) for n in label.shape)
    region = slice(y, y + side), slice(x, x + side)
    image, label = image[region], label[region]
    if side != crop_px:
        image = _magnified(image, crop_px, order=1)
        label = _magnified(label[..., np.newaxis], crop_px, order=0)[..., 0]
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, label = np.rot90(image, turns), np.rot90(label, turns)
    if flip:
        image, label = image[:, ::-1], label[:, ::-1]
    if rng.random() < 0.15 * strength:
        image = ndimage.gaussian_filter(image, rng.uniform(0.4, 1.0), axes=(0, 1))
    if rng.random() < 0.2 * strength:
        image = image + rng.uniform(0.05, 0.3) * rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.3 * strength:
        amount = rng.uniform(0.2, 1.0)
        field = smooth_field(rng, label.shape, rng.uniform(50, 200))
        image = image + amount * field[..., np.newaxis]
    # A slice is standardised as a whole; a crop may be duller or brighter than the whole.
    if rng.random() < 0.5:
        image = _standardised(image)
    gain = np.exp(rng.normal(0, 0.25 * strength))
    if rng.random() < 0.35 * strength:
        gain *= rng.uniform(0.15, 1)
    image = image * gain + rng.normal(0, 0.3 * strength)
    if invert_chance and rng.random() < invert_chance:
        image = -image
    return np.ascontiguousarray(image, np.float32), np.ascontiguousarray(label)


def seen(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Show a slice (y, x, slices) with those around it, or, one time in three, alone."""
    slices = image.shape[-1]
    if slices == 1 or rng.random() >= _ALONE:
        return image
    return alone(image[..., slices // 2], slices)


def alone(image: NDArray[np.float32], slices: int) -> NDArray[np.float32]:
    """Return a slice (y, x) as a network sees it that is given no others, (y, x, slices)."""
    return np.repeat(image[..., np.newaxis], slices, axis=-1)


def _tone(
    rng: np.random.Generator, image: NDArray[np.float32], strength: float
) -> NDArray[np.float32]:
    """Clip to percentiles of the middle slice, bend the grey scale by a power, standardise."""
    middle = image[..., image.shape[-1] // 2]
    low, high = np.percentile(middle, [rng.choice([0.02, 0.1, 0.5]), 100 - rng.choice([0.02, 0.1])])
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    bent = scaled ** np.float32(np.exp(rng.normal(0, 0.25 * strength)))
    return _standardised(bent)


def _magnified(values: NDArray, side: int, order: int) -> NDArray:
    """Bring (y, x, slices) to `side` pixels in y and x."""
    factors = (side / values.shape[0], side / values.shape[1], 1)
    return ndimage.zoom(values, factors, order=order, mode="nearest", grid_mode=True)


def _standardised(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (y, x, slices), each slice of mean 0 and standard deviation 1."""
    return np.moveaxis(zscore(np.ascontiguousarray(np.moveaxis(image, -1, 0))), 0, -1)
