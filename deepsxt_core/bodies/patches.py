"""What lies around a point, at a scale: small boxes of score and grey values for the network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Patch = NDArray[np.float32]

PATCH = (32, 40, 40)
"""Voxels (z, y, x) of a patch; how large one is, in voxels of the tomogram, is its scale."""

HALF = tuple(n // 2 for n in PATCH)
SCALES = (1.0, 1.5, 2.25, 3.4)
"""The scales at which a click is looked at first."""

LEVELS = (1, 2)
# Widths in voxels of the patch: where exactly a click is, and what is near it.
_SHARP, _BROAD = 2.0, 8.0
_DARKEST = 4.0
# How much of a patch a body may fill, and how thick a part of a long one is shown.
_ROOM, _THICK = 0.85, 12


class Surroundings:
    """A box of a tomogram, ready to be looked at from any point in it, at any scale.

    Parameters
    ----------
    score : ndarray
        float32 (z, y, x), from -1 to 1.
    grey : ndarray, optional
        (z, y, x), membranes dark; without it, the score alone is seen.
    edges : ndarray, optional
        Edges (z, y, x) of a voxel, the shortest of which is 1. Distances are in that unit.
    """

    def __init__(
        self,
        score: NDArray[np.float32],
        grey: NDArray | None = None,
        edges: NDArray[np.floating] | None = None,
    ) -> None:
        self.shape = score.shape
        self.edges = np.ones(3) if edges is None else np.asarray(edges, float)
        self._levels = [pyramid(score)]
        if grey is not None:
            self._levels.append(pyramid(darkness(grey)))

    def patch(self, centre: NDArray[np.floating], scale: float) -> Patch:
        """Return the patch around a place (z, y, x), in voxels of the box.

        Returns
        -------
        ndarray
            float32 `PATCH` + (3,): score, darkness, and 1 inside of the box; 0 beyond it.
        """
        seen = np.zeros((*PATCH, 3), np.float32)
        step = scale / self.edges
        for channel, levels in enumerate(self._levels):
            seen[..., channel] = sampled(levels, centre, step)
        seen[..., 2] = 1
        for axis, places in enumerate(axes_of(centre, step)):
            beyond = (places < -0.5) | (places > self.shape[axis] - 0.5)
            seen[(slice(None),) * axis + (beyond,)] = 0
        return seen


def darkness(grey: NDArray) -> Patch:
    """Return how dark a box is, in units of its own spread."""
    some = halved(grey.astype(np.float32))
    low, middle, high = np.percentile(some[::2, ::2, ::2], [16, 50, 84])
    dark = (middle - grey) / max(high - low, 1e-9)
    return np.clip(dark, -_DARKEST, _DARKEST).astype(np.float32)


def pyramid(values: Patch) -> list[Patch]:
    """Return an array as it is, and the means of 2 × 2 × 2 of its voxels."""
    return [values, halved(values)]


def halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of 2 × 2 × 2 voxels, the last ones twice where there is an odd number."""
    padded = np.pad(values, [(0, n % 2) for n in values.shape], mode="edge")
    for axis in range(3):
        even, odd = ((slice(None),) * axis + (slice(start, None, 2),) for start in (0, 1))
        padded = (padded[even] + padded[odd]) * np.float32(0.5)
    return padded


def axes_of(centre: NDArray[np.floating], step: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Return where the voxels of a patch lie along each axis."""
    return [
        c + (np.arange(n) - (n - 1) / 2) * s for c, n, s in zip(centre, PATCH, step, strict=True)
    ]


def sampled(
    levels: Sequence[Patch], centre: NDArray[np.floating], step: NDArray[np.floating]
) -> Patch:
    """Return the patch of an array, given as a pyramid; beyond its ends it goes on as it ends."""
    level = int(step.max() >= LEVELS[1])
    factor = LEVELS[level]
    places = [
        np.clip((along - (factor - 1) / 2) / factor, 0, n - 1)
        for along, n in zip(axes_of(centre, step), levels[level].shape, strict=True)
    ]
    first = [int(along[0]) for along in places]
    values = levels[level][
        tuple(slice(a, int(along[-1]) + 2) for a, along in zip(first, places, strict=True))
    ]
    for axis, along in enumerate(places):
        ends, wanted = values.shape[axis] - 1, along - first[axis]
        below = np.minimum(wanted.astype(int), max(ends - 1, 0))
        share = (wanted - below).astype(np.float32)
        share = share.reshape(-1, *(1,) * (2 - axis))
        above = np.minimum(below + 1, ends)
        lower = values.take(below, axis)
        values = lower + (values.take(above, axis) - lower) * share
    return values


def fitting_scale(
    centre: NDArray[np.floating], low: NDArray[np.floating], high: NDArray[np.floating]
) -> float:
    """Return the scale at which a patch around a place holds a box with some room."""
    reach = np.maximum(np.maximum(centre - low, high - centre), 1.0)
    return float(np.clip((reach / (np.array(HALF) * _ROOM)).max(), SCALES[0], SCALES[-1]))


def part_scale(depth: float) -> float:
    """Return the scale at which a part of a long body is looked at, by its depth in voxels."""
    return max(SCALES[0], 2 * depth / _THICK)


def click_maps(inside: NDArray[np.floating], outside: NDArray[np.floating], scale: float) -> Patch:
    """Return what the network is told besides a patch.

    Parameters
    ----------
    inside, outside : ndarray
        float (n, 3): clicks in voxels of the patch.
    scale : float

    Returns
    -------
    ndarray
        float32, half of `PATCH` + (5,): near clicks inside, near those outside, and the scale.
    """
    grids = [np.arange(0.5, n, 2, dtype=np.float32) for n in PATCH]
    said = np.zeros((*HALF, 5), np.float32)
    for channel, clicks in ((0, inside), (2, outside)):
        for click in clicks:
            z, y, x = ((g - c) ** 2 for g, c in zip(grids, click, strict=True))
            squared = z[:, None, None] + y[:, None] + x
            for offset, width in enumerate((_SHARP, _BROAD)):
                near = np.exp(-squared / (2 * width**2)).astype(np.float32)
                part = said[..., channel + offset]
                np.maximum(part, near, out=part)
    said[..., 4] = np.log(scale)
    return said


def folded(values: Patch) -> Patch:
    """Return 2 × 2 × 2 voxels as channels of one: (z, y, x, c) becomes (z/2, y/2, x/2, 8 c)."""
    z, y, x, c = values.shape
    parts = values.reshape(z // 2, 2, y // 2, 2, x // 2, 2, c)
    return np.ascontiguousarray(parts.transpose(0, 2, 4, 1, 3, 5, 6)).reshape(
        z // 2, y // 2, x // 2, 8 * c
    )


def unfolded(values: Patch) -> Patch:
    """Return (z, y, x, 8) as (2 z, 2 y, 2 x), the inverse of `folded`."""
    z, y, x, _ = values.shape
    parts = values.reshape(z, y, x, 2, 2, 2).transpose(0, 3, 1, 4, 2, 5)
    return np.ascontiguousarray(parts).reshape(2 * z, 2 * y, 2 * x)
