"""Variations of a slice that leave its membranes where they are."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.phantom.fields import smooth_field
from deepsxt_core.preprocessing import zscore


def augment(
    rng: np.random.Generator,
    image: NDArray[np.float32],
    label: NDArray[np.bool_],
    crop_px: int,
    *,
    strength: float = 1.0,
    invert_chance: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cut a random crop, turn and flip it, and vary its grey values.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    image : ndarray
        float32 (y, x), at least `crop_px` per side.
    label : ndarray
        bool (y, x).
    crop_px : int
        Side of the crop.
    strength : float
        How much grey values are varied; 0 not at all.
    invert_chance : float
        How often dark becomes bright.

    Returns
    -------
    image : ndarray
        float32 (crop_px, crop_px), about standardised.
    label : ndarray
        bool (crop_px, crop_px).
    """
    image = _tone(rng, image, strength)
    y, x = (int(rng.integers(0, n - crop_px + 1)) for n in image.shape)
    region = slice(y, y + crop_px), slice(x, x + crop_px)
    image, label = image[region], label[region]
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, label = np.rot90(image, turns), np.rot90(label, turns)
    if flip:
        image, label = image[:, ::-1], label[:, ::-1]
    if rng.random() < 0.15 * strength:
        image = ndimage.gaussian_filter(image, rng.uniform(0.4, 1.0))
    if rng.random() < 0.2 * strength:
        image = image + rng.uniform(0.05, 0.3) * rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.3 * strength:
        image = image + rng.uniform(0.2, 1.0) * smooth_field(rng, image.shape, rng.uniform(50, 200))
    # A slice is standardised as a whole; a crop may be duller or brighter than the whole.
    if rng.random() < 0.5:
        image = zscore(np.ascontiguousarray(image)[np.newaxis])[0]
    gain = np.exp(rng.normal(0, 0.25 * strength))
    if rng.random() < 0.35 * strength:
        gain *= rng.uniform(0.15, 1)
    image = image * gain + rng.normal(0, 0.3 * strength)
    if invert_chance and rng.random() < invert_chance:
        image = -image
    return np.ascontiguousarray(image, np.float32), np.ascontiguousarray(label)


def _tone(
    rng: np.random.Generator, image: NDArray[np.float32], strength: float
) -> NDArray[np.float32]:
    """Clip to percentiles, bend the grey scale by a power, standardise."""
    low, high = np.percentile(image, [rng.choice([0.02, 0.1, 0.5]), 100 - rng.choice([0.02, 0.1])])
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    bent = scaled ** np.float32(np.exp(rng.normal(0, 0.25 * strength)))
    return zscore(bent[np.newaxis])[0]
