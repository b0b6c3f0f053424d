"""What adds up over the slices of a tomogram that is checked."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_TILE_PX = 16
# Robust standard deviations from the median of its 3 × 3 neighbours; a gold bead is wider.
_HOT = 12.0


@dataclass(slots=True)
class Totals:
    """What adds up over the slices that are read."""

    values: int = 0
    nonfinite: int = 0
    lowest: float = np.inf
    highest: float = -np.inf
    at_lowest: int = 0
    at_highest: int = 0
    tiles: int = 0
    flat_tiles: int = 0
    close_values: int = 0
    hot: int = 0
    seen: int = 0
    void_values: Counter[float] = field(default_factory=Counter)

    @property
    def void(self) -> int:
        """Voxels where nothing was measured."""
        return sum(self.void_values.values())

    @property
    def valid_share(self) -> float:
        """Of the voxels that were looked at, in [0, 1]."""
        return 1 - self.void / self.seen if self.seen else 1.0

    @property
    def flat_values(self) -> int:
        """Voxels of the tiles that hold one value alone."""
        return self.flat_tiles * _TILE_PX**2

    def add_void(self, image: NDArray, valid: NDArray[np.bool_]) -> None:
        """Count what is not finite in a slice (y, x), and its voxels that do not count."""
        self.seen += image.size
        if image.dtype.kind == "f":
            self.nonfinite += int(np.count_nonzero(~np.isfinite(image)))
        values, counts = np.unique(image[~valid], return_counts=True)
        for value, n in zip(values.tolist(), counts.tolist(), strict=True):
            self.void_values[value if np.isfinite(value) else np.nan] += n

    def add(self, image: NDArray) -> None:
        """Count what lies at the ends of the grey values that count."""
        finite = image[np.isfinite(image)] if image.dtype.kind == "f" else image
        self.values += finite.size
        if finite.size == 0:
            return
        low, high = float(finite.min()), float(finite.max())
        if low < self.lowest:
            self.lowest, self.at_lowest = low, 0
        if high > self.highest:
            self.highest, self.at_highest = high, 0
        self.at_lowest += int(np.count_nonzero(finite == self.lowest))
        self.at_highest += int(np.count_nonzero(finite == self.highest))

    def add_tiles(self, image: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Count the tiles that hold one value alone, those of the void aside."""
        rows, columns = (n // _TILE_PX for n in image.shape)
        inner = image[: rows * _TILE_PX, : columns * _TILE_PX]
        tiles = inner.reshape(rows, _TILE_PX, columns, _TILE_PX)
        measured = valid[: rows * _TILE_PX, : columns * _TILE_PX].reshape(tiles.shape)
        flat = tiles.max(axis=(1, 3)) == tiles.min(axis=(1, 3))
        self.tiles += rows * columns
        self.flat_tiles += int(np.count_nonzero(flat & measured.any(axis=(1, 3))))

    def add_close(self, image: NDArray[np.float32]) -> None:
        """Count single voxels that stick out of their neighbours."""
        rest = image - ndimage.median_filter(image, 3)
        spread = 1.4826 * float(np.median(np.abs(rest[rest != 0]))) if rest.any() else 0.0
        low, high = np.percentile(image, [1, 99])
        self.close_values += image.size
        if spread:
            limit = max(_HOT * spread, (high - low) / 2)
            self.hot += int(np.count_nonzero(np.abs(rest) > limit))
