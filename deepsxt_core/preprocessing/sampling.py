"""Slices that stand for a volume that is too large to be read whole."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.volume import Volume


def sample_slices(volume: Volume, count: int) -> Iterator[NDArray]:
    """Yield up to `count` slices (y, x) of the stored dtype, evenly spread over z."""
    depth = volume.shape[0]
    for z in np.unique(np.linspace(0, depth - 1, min(count, depth)).round().astype(int)):
        yield volume.read(int(z), int(z) + 1)[0]
