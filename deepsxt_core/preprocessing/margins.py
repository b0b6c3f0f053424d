"""Where a volume has no content: empty slices at its ends, empty or broken borders of slices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Region, Shape
from deepsxt_core.volume import Volume

_WIDEST = 0.25
"""Of a side: a border that is wider is no border."""

_FAR = 8.0
"""Robust standard deviations that a row or column of a fringe is off."""

_CONTRAST = 4.0
"""How many times more, or less, a row or column of a fringe varies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Voxels without content at both ends of each axis.

    Attributes
    ----------
    z, y, x : tuple of int
        At the beginning and at the end.
    """

    z: tuple[int, int] = (0, 0)
    y: tuple[int, int] = (0, 0)
    x: tuple[int, int] = (0, 0)

    @property
    def any(self) -> bool:
        """Whether there are some."""
        return any((*self.z, *self.y, *self.x))

    def inner(self, shape: Shape) -> Region:
        """Return what is left of a volume of that shape."""
        ranges = [
            (first, None if last == 0 else n - last)
            for (first, last), n in zip((self.z, self.y, self.x), shape, strict=True)
        ]
        return Region(z=ranges[0], y=ranges[1], x=ranges[2])


class BorderProfiles:
    """Mean and variation of rows and columns over the slices that are added."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._means = [np.zeros(n) for n in shape]
        self._spreads = [np.zeros(n) for n in shape]
        self._empty = [np.ones(n, bool) for n in shape]
        self._slices = 0

    def add(self, image: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Take a slice (y, x), finite and its void filled, into account."""
        scale = float(image.std()) or 1.0
        middle = float(np.median(image))
        for axis in (0, 1):
            self._means[axis] += (image.mean(axis=1 - axis) - middle) / scale
            self._spreads[axis] += image.std(axis=1 - axis) / scale
            self._empty[axis] &= ~valid.any(axis=1 - axis)
        self._slices += 1

    def widths(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return how wide the borders without content are: of rows (y), of columns (x)."""
        if not self._slices:
            return (0, 0), (0, 0)
        rows, columns = (
            _ends(mean / self._slices, spread / self._slices, empty)
            for mean, spread, empty in zip(self._means, self._spreads, self._empty, strict=True)
        )
        return rows, columns


def _ends(
    mean: NDArray[np.float64], spread: NDArray[np.float64], empty: NDArray[np.bool_]
) -> tuple[int, int]:
    n = len(mean)
    inner = slice(n // 4, n - n // 4) if n >= 16 else slice(None)
    middle, usual = float(np.median(mean[inner])), float(np.median(spread[inner]))
    # A slow background is no fringe: what counts is far off beyond all that lies inside.
    off = np.abs(mean - middle)
    limit = max(_FAR * 1.4826 * float(np.median(off[inner])), 1.5 * float(off[inner].max()))
    odd = (off > limit) | (spread > _CONTRAST * usual) | (spread < usual / _CONTRAST) | empty
    widest = int(_WIDEST * n)
    return _run(odd[: widest + 1], widest), _run(odd[::-1][: widest + 1], widest)


def _run(odd: NDArray[np.bool_], widest: int) -> int:
    width = int(np.argmin(odd)) if not odd.all() else len(odd)
    return width if width <= widest else 0


def empty_ends(volume: Volume, empty: Sequence[tuple[int, bool]]) -> tuple[int, int]:
    """Return how many slices at the first and the last end hold one value alone.

    Parameters
    ----------
    volume : Volume
    empty : sequence of (int, bool)
        Slices that were looked at, ascending, the first and the last among them, and whether
        they hold one value alone. Between two of them the border is found by halving.
    """
    depth = volume.shape[0]
    if all(each for _, each in empty):
        return depth, 0
    return _border(volume, empty), _border(volume, [(z, each) for z, each in empty[::-1]], depth)


def _border(volume: Volume, empty: Sequence[tuple[int, bool]], depth: int | None = None) -> int:
    place = next(i for i, (_, each) in enumerate(empty) if not each)
    if place == 0:
        return 0
    last_empty, full = empty[place - 1][0], empty[place][0]
    while abs(full - last_empty) > 1:
        between = (full + last_empty) // 2
        if is_flat(volume.read(between, between + 1)[0]):
            last_empty = between
        else:
            full = between
    return last_empty + 1 if depth is None else depth - last_empty


def is_flat(image: NDArray) -> bool:
    """Return whether a slice holds one finite value alone, or none."""
    values = image[np.isfinite(image)] if image.dtype.kind == "f" else image
    return values.size == 0 or bool((values == values.flat[0]).all())
