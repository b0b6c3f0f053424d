"""How a slice is cut for the network and put together again: integers alone, no network.

Full tiling pads a slice to a multiple of the network's divisor and takes it whole where it fits.
Otherwise tiles of one size overlap by twice a halo, each contributes what lies at least a halo
from its inner edges, and the last one is moved inwards. Tiles start at multiples of the divisor,
so that the network's pooling grid is the same in all of them.

Compat tiling is the published one: overlapping tiles, averaged.

Scores of a network of several classes have one axis more, the last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError

ScoreTiles = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Scores tiles (n, y, x, slices seen), y and x divisible.

It returns (n, y, x), or (n, y, x, classes) where there are several.
"""

_MAX_COMPAT_TILES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingParams:
    """How a slice is cut. All sizes in pixels.

    Raises
    ------
    InvalidParameterError
        If a tile has no middle, or a size is not a multiple of `divisor`.
    """

    tile_px: int = 1024
    halo_px: int = 208
    divisor: int = 16

    def __post_init__(self) -> None:
        if not 0 <= 2 * self.halo_px < self.tile_px:
            raise InvalidParameterError(
                "halo_px must be at least 0 and below half of tile_px: "
                f"got halo_px={self.halo_px}, tile_px={self.tile_px}."
            )
        if self.tile_px % self.divisor or self.halo_px % self.divisor:
            raise InvalidParameterError(
                f"tile_px and halo_px must be multiples of {self.divisor}: "
                f"got tile_px={self.tile_px}, halo_px={self.halo_px}."
            )

    @classmethod
    def for_network(cls, receptive_radius_px: int, divisor: int) -> "TilingParams":
        """Return tiles whose halo covers the receptive field."""
        halo_px = round_up(receptive_radius_px, divisor)
        return cls(
            tile_px=round_up(max(1024, 4 * halo_px), divisor), halo_px=halo_px, divisor=divisor
        )


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis: it reads `start:start + size` and contributes `first:end`."""

    start: int
    size: int
    first: int
    end: int


def round_up(value: int, divisor: int) -> int:
    """Return the smallest multiple of `divisor` that is at least `value`."""
    return -(-value // divisor) * divisor


def spans(side: int, params: TilingParams) -> list[Span]:
    """Cut an axis of `side` pixels; the contributions partition ``0:side``.

    The tiles lie within ``0:round_up(side, divisor)``.
    """
    padded = round_up(side, params.divisor)
    size = min(padded, params.tile_px)
    core = params.tile_px - 2 * params.halo_px
    starts = [*range(0, padded - size, core), padded - size]
    cuts = [(left + size + right) // 2 for left, right in pairwise(starts)]
    return [
        Span(start, size, first, end)
        for start, first, end in zip(starts, [0, *cuts], [*cuts, side], strict=True)
    ]


def per_class(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores (n, y, x, classes) as `ScoreTiles` does: without the axis of one class."""
    return scores[..., 0] if scores.shape[-1] == 1 else scores


def pad_to(slices: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Extend slices (n, y, x, slices seen) by reflection, at the bottom and the right."""
    _, y, x, _ = slices.shape
    return np.pad(slices, ((0, 0), (0, height - y), (0, width - x), (0, 0)), mode="reflect")


def with_neighbours(
    slices: NDArray[np.float32], context: int, margins: tuple[int, int] = (0, 0)
) -> NDArray[np.float32]:
    """Lay beside each slice of a run those above and below it.

    Parameters
    ----------
    slices : ndarray
        (n, y, x), one after the other in z.
    context : int
        How many on either side; the last one stands for what lies beyond it, and a slice that
        is alone for all.
    margins : (int, int)
        So many at the start and at the end of the run are neighbours alone.

    Returns
    -------
    ndarray
        (n - sum(margins), y, x, 2 context + 1), a view where nothing had to be added.
    """
    before, after = margins
    added = ((max(context - before, 0), max(context - after, 0)), (0, 0), (0, 0))
    run = slices[max(before - context, 0) : len(slices) - max(after - context, 0)]
    run = np.pad(run, added, mode="edge") if any(added[0]) else run
    return np.lib.stride_tricks.sliding_window_view(run, 2 * context + 1, axis=0)


def score_full(
    slices: NDArray[np.float32], score: ScoreTiles, params: TilingParams
) -> NDArray[np.float32]:
    """Score slices (n, y, x, slices seen) by tiles with a halo, or whole where they fit."""
    _, height, width, _ = slices.shape
    padded = pad_to(slices, round_up(height, params.divisor), round_up(width, params.divisor))
    result = np.empty(0, np.float32)
    for row in spans(height, params):
        for column in spans(width, params):
            tiles = padded[
                :, row.start : row.start + row.size, column.start : column.start + column.size
            ]
            scored = score(tiles)
            if not result.size:
                result = np.empty((*slices.shape[:3], *scored.shape[3:]), np.float32)
            result[:, row.first : row.end, column.first : column.end] = scored[
                :,
                row.first - row.start : row.end - row.start,
                column.first - column.start : column.end - column.start,
            ]
    return result


def compat_starts(side: int, tile: int, stride: int) -> list[int]:
    """Return where the published tiles start: the stride shrinks until it fits the side."""
    stride = min(stride, tile)
    while (side - tile) % stride:
        stride -= 1
    return list(range(0, side - tile + 1, stride))


def score_compat(
    slices: NDArray[np.float32],
    score: ScoreTiles,
    *,
    tile_px: int = 600,
    stride_px: int = 400,
    divisor: int = 16,
) -> NDArray[np.float32]:
    """Score slices (n, y, x, slices seen) by the published tiles, averaging where they overlap.

    A slice below the divisor is extended by reflection first.

    Raises
    ------
    InvalidParameterError
        If the published search for a stride ends at thousands of tiles per slice.
    """
    _, height, width, _ = slices.shape
    padded = pad_to(slices, max(height, divisor), max(width, divisor))
    tile = min(tile_px, *padded.shape[1:3]) // divisor * divisor
    rows = compat_starts(padded.shape[1], tile, stride_px)
    columns = compat_starts(padded.shape[2], tile, stride_px)
    if len(rows) * len(columns) > _MAX_COMPAT_TILES:
        fitting = [side - (side - tile) % stride_px for side in (height, width)]
        raise InvalidParameterError(
            f"The published tiling cuts a slice of {height} by {width} pixels into "
            f"{len(rows) * len(columns):,} tiles. Use the full tiling, or crop the slices to "
            f"{fitting[0]} by {fitting[1]} pixels."
        )
    total = np.zeros(0, np.float64)
    count = np.zeros(padded.shape[1:3], np.int64)
    for y in rows:
        for x in columns:
            area = np.s_[y : y + tile, x : x + tile]
            scored = score(padded[:, *area])
            if not total.size:
                total = np.zeros((*padded.shape[:3], *scored.shape[3:]), np.float64)
            total[:, *area] += scored
            count[area] += 1
    count = count.reshape(*count.shape, *(1,) * (total.ndim - 3))
    return (total / count).astype(np.float32)[:, :height, :width]


def symmetries(rotations: int) -> list[tuple[int, bool]]:
    """Return (quarter turns, mirrored) for test-time augmentation over 1, 4 or 8 views."""
    turns = range(min(rotations, 4))
    return [(turn, mirrored) for mirrored in (False, True) for turn in turns][:rotations]


def score_symmetric(
    slices: NDArray[np.float32], score: ScoreTiles, rotations: int
) -> NDArray[np.float32]:
    """Average the scores of slices (n, y, x, slices seen) over rotations and mirror images."""
    total: NDArray[np.float32] = np.zeros(1, np.float32)
    views = symmetries(rotations)
    for turn, mirrored in views:
        view = slices[:, :, ::-1] if mirrored else slices
        scored = np.rot90(score(np.rot90(view, turn, axes=(1, 2))), -turn, axes=(1, 2))
        total = total + (scored[:, :, ::-1] if mirrored else scored)
    return np.asarray(total / np.float32(len(views)), np.float32)
