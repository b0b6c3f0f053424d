"""Slices that stand for a volume that is too large to be read whole."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.volume import Volume

_SHOWN_SLICES = 16
_SHOWN_PERCENTILES = (0.1, 99.9)

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

    They differ, also for a constant volume; without any finite value they are 0 and 1.
    """
    planes = [plane[::2, ::2] for plane in sample_slices(volume, _SHOWN_SLICES)]
    values = np.concatenate([plane[np.isfinite(plane)] for plane in planes])
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, _SHOWN_PERCENTILES))
    return low, high if high > low else low + 1


def sampled_volume(volume: Volume) -> Volume:
    """Return the same volume, which keeps in memory the slices that are read one by one.

    What is measured on samples reads each of them once, whatever is measured; up to
    `MOST_SAMPLES` are kept.
    """
    read_slice = lru_cache(maxsize=MOST_SAMPLES)(lambda z: volume.read(z, z + 1))

    def read(z0: int, z1: int) -> NDArray:
        return read_slice(z0).copy() if z1 == z0 + 1 else volume.read(z0, z1)

    return replace(volume, reader=read)
