"""Which volumes the objects of a mesh may come to have."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.params import SMALL_VOXELS, VOLUME_BOUND


@dataclass(frozen=True, slots=True)
class VolumeRange:
    """Between which volumes each object must stay.

    Attributes
    ----------
    low, high : ndarray
        float64 (n,), of objects 1 to n.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def around(cls, *volumes: NDArray[np.float64]) -> Self:
        """Return the range that lies within `VOLUME_BOUND` of each of several volumes (n,)."""
        return cls(
            (1 - VOLUME_BOUND) * np.maximum.reduce(volumes),
            (1 + VOLUME_BOUND) * np.minimum.reduce(volumes),
        )

    def left_by(self, volumes: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the ids of the objects whose volumes (n,) lie outside."""
        return 1 + np.flatnonzero((volumes < self.low) | (volumes > self.high))

    def scaled(self, factor: float) -> Self:
        """Return the same range in another unit of volume."""
        return type(self)(self.low * factor, self.high * factor)


def volume_error(volume: float, voxels: int, voxel_volume: float) -> float | None:
    """Return how far a small object encloses more or less than its voxels, in units of `volume`.

    None for one of `SMALL_VOXELS` and more, or whose volume is within `VOLUME_BOUND`.
    """
    error = abs(volume - voxels * voxel_volume)
    if voxels >= SMALL_VOXELS or error <= VOLUME_BOUND * voxels * voxel_volume:
        return None
    return error
