"""How far two surfaces lie from each other, in three dimensions and in bounded memory.

The surface of a mask are its voxels with a face to the background. What lies beyond the edge of
the volume, or is ignored, is no background: there the mask is cut off, and has no surface.

The distance from a voxel to the other surface is the least over all slices of the distance within
that slice and the height between the two. So one Euclidean distance transform per slice is kept
in a scratch file, and each voxel looks through the slices around its own, no further than what it
has found already.
"""

import errno
import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.progress import Progress

_FACES = ndimage.generate_binary_structure(3, 1)
_PERCENT = 95


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Distances between two surfaces, each voxel of either to the nearest of the other.

    As MONAI defines them: `mean` over the voxels of both surfaces, `hausdorff` the largest,
    `hausdorff_95` the larger one of the 95th percentiles of both directions.
    """

    mean: float
    hausdorff: float
    hausdorff_95: float


def surface(mask: NDArray[np.bool_], ignored: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of `mask` (z, y, x) with a face to a voxel neither in it nor ignored."""
    inside = ndimage.binary_erosion(mask | ignored, _FACES, border_value=1)
    return mask & ~inside


class SurfacePair:
    """The surfaces of a prediction and of the truth, given slice after slice.

    A context: its scratch files, 8 bytes per voxel, go at the end.

    Parameters
    ----------
    spacing : tuple of float
        Distance (z, y, x) between voxels, in the unit that the results shall have.
    """

    def __init__(self, spacing: tuple[float, float, float]) -> None:
        self._step, self._pixel = float(spacing[0]), spacing[1:]
        self._sides = (_Side(), _Side())
        self._shape: tuple[int, int] = (0, 0)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="deepsxt-", ignore_cleanup_errors=True)
        )
        for i, side in enumerate(self._sides):
            side.path = Path(folder) / f"distances_{i}"
            side.file = self._stack.enter_context(side.path.open("wb"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        """Take the surfaces of the next slice, bool (y, x).

        Raises
        ------
        DeepSXTError
            If the disk is full.
        """
        self._shape = prediction.shape[0], prediction.shape[1]
        for side, found in zip(self._sides, (prediction, truth), strict=True):
            side.present.append(bool(found.any()))
            if side.present[-1]:
                distance = ndimage.distance_transform_edt(~found, self._pixel)
            else:
                distance = np.full(found.shape, np.inf)
            try:
                side.file.write(distance.astype(np.float32).data)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise DeepSXTError(
                    f"The disk of '{tempfile.gettempdir()}' is full: surface distances need 8 "
                    "bytes of scratch space per voxel. Make room, or set TMPDIR to another folder."
                ) from error

    def distances(self, progress: Progress) -> SurfaceDistances | None:
        """Return the distances, or None where one of the surfaces is empty."""
        prediction, truth = self._sides
        if not any(prediction.present) or not any(truth.present):
            return None
        for side in self._sides:
            side.file.flush()
        progress.stage("Measuring distances", 2 * len(truth.present), "slice")
        spreads = []
        for own, other in ((prediction, truth), (truth, prediction)):
            spread = _Spread()
            for found in self._between(own, other):
                spread.add(found)
                progress.advance()
            spreads.append(spread)
        total = sum(spread.total for spread in spreads)
        return SurfaceDistances(
            mean=total / sum(spread.count for spread in spreads),
            hausdorff=max(float(spread.values[-1]) for spread in spreads),
            hausdorff_95=max(spread.percentile(_PERCENT) for spread in spreads),
        )

    def _between(self, own: "_Side", other: "_Side") -> Iterator[NDArray[np.float32]]:
        """Yield, slice by slice, the distances of the voxels of `own` to the surface `other`."""
        present = np.flatnonzero(other.present)
        for z in range(len(own.present)):
            points = np.flatnonzero(own.read(z, self._shape) == 0)
            best = np.full(len(points), np.inf, np.float32)
            for near in present[np.argsort(abs(present - z), kind="stable")]:
                height = abs(int(near) - z) * self._step
                undecided = np.flatnonzero(best > height)
                if not len(undecided):
                    break
                flat = other.read(int(near), self._shape).ravel()[points[undecided]]
                best[undecided] = np.minimum(best[undecided], np.hypot(flat, np.float32(height)))
            yield best


class _Side:
    """The distance transforms of one surface, on disk, and which slices have any of it."""

    path: Path
    file: IO[bytes]

    def __init__(self) -> None:
        self.present: list[bool] = []

    def read(self, z: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        # Mapped anew each time, so that no more than one slice counts as memory of the process.
        start = z * shape[0] * shape[1] * np.dtype(np.float32).itemsize
        return np.memmap(self.path, np.float32, "r", start, shape)


class _Spread:
    """How distances are spread: few different ones occur on a grid, so each is counted."""

    def __init__(self) -> None:
        self.values: NDArray[np.float32] = np.empty(0, np.float32)
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, found: NDArray[np.float32]) -> None:
        values, counts = np.unique(found, return_counts=True)
        merged, place = np.unique(np.concatenate([self.values, values]), return_inverse=True)
        weights = np.concatenate([self._counts, counts])
        self._counts = np.bincount(place, weights, len(merged)).astype(np.int64)
        self.values = merged

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    @property
    def total(self) -> float:
        return float(np.dot(self.values.astype(np.float64), self._counts))

    def percentile(self, percent: float) -> float:
        """Return what `numpy.percentile` would, interpolating linearly."""
        rank = (self.count - 1) * percent / 100
        ends = np.cumsum(self._counts)
        low, high = (
            float(self.values[np.searchsorted(ends, whole, "right")])
            for whole in (math.floor(rank), math.ceil(rank))
        )
        return low + (high - low) * (rank - math.floor(rank))
