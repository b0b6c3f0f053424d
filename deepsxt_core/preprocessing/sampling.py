"""Slices that stand for a volume that is too large to be read whole."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.volume import Volume


def sample_slices(volume: Volume, count: int) -> Iterator[NDArray]:
    """Yield up to `count` slices (y, x) of the stored dtype, evenly spread over z."""
    for z in sampled(volume.shape[0], count):
        yield volume.read(z, z + 1)[0]


def sampled(depth: int, count: int) -> list[int]:
    """Return up to `count` indices evenly spread over `depth` slices, both ends among them."""
    places = np.linspace(0, depth - 1, min(count, depth)).round().astype(int)
    return [int(z) for z in np.unique(places)]
