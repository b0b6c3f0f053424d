"""Slices that stand for a volume that is too large to be read whole."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.preprocessing.validity import valid_pixels
from deepsxt_core.volume import Volume

_SHOWN_SLICES = 16
_SHOWN_PERCENTILES = (0.1, 99.9)
_FEW_VALUES = 16

MOST_SAMPLES = 25
"""Slices that the grey values of a volume are measured on, at most."""


def sample_slices(volume: Volume, count: int) -> Iterator[NDArray]:
    """Yield up to `count` slices (y, x) of the stored dtype, evenly spread over z."""
    for z in sampled(volume.shape[0], count):
        yield volume.read(z, z + 1)[0]


def sampled(depth: int, count: int) -> list[int]:
    """Return up to `count` indices evenly spread over `depth` slices, both ends among them."""
    places = np.linspace(0, depth - 1, min(count, depth)).round().astype(int)
    return [int(z) for z in np.unique(places)]


def shown_range(volume: Volume) -> tuple[float, float]:
    """Return the values to draw black and white: percentiles 0.1 and 99.9 of some slices.

    Taken of the voxels that count, where there are some. They differ, also for a constant volume;
    without any finite value they are 0 and 1.
    """
    values = shown_values([plane[::2, ::2] for plane in sample_slices(volume, _SHOWN_SLICES)])
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _SHOWN_PERCENTILES))
    return low, high if high > low else low + 1


def shown_values(planes: Sequence[NDArray]) -> NDArray:
    """Return the finite values (n) of slices (y, x), those of the void aside if enough remain."""
    finite = [np.isfinite(plane) for plane in planes]
    counting = [valid_pixels(plane) & mask for plane, mask in zip(planes, finite, strict=True)]
    values = _picked(planes, counting)
    # Labels have a background that is no void.
    return values if np.unique(values).size > _FEW_VALUES else _picked(planes, finite)


def _picked(planes: Sequence[NDArray], masks: Sequence[NDArray[np.bool_]]) -> NDArray:
    return np.concatenate([plane[mask] for plane, mask in zip(planes, masks, strict=True)])


def sampled_volume(volume: Volume) -> Volume:
    """Return the same volume, which keeps in memory the slices that are read one by one.

    What is measured on samples reads each of them once, whatever is measured; up to
    `MOST_SAMPLES` are kept.
    """
    read_slice = lru_cache(maxsize=MOST_SAMPLES)(lambda z: volume.read(z, z + 1))

    def read(z0: int, z1: int) -> NDArray:
        return read_slice(z0).copy() if z1 == z0 + 1 else volume.read(z0, z1)

    return replace(volume, reader=read)


def without_void(volume: Volume) -> Volume:
    """Return the same volume as float32, NaN where nothing was measured."""

    def read(z0: int, z1: int) -> NDArray[np.float32]:
        stored = volume.read(z0, z1)
        values = stored.astype(np.float32)
        for image, shown in zip(stored, values, strict=True):
            shown[~valid_pixels(image)] = np.nan
        return values

    return replace(volume, dtype=np.dtype(np.float32), reader=read)
