"""How much slices look like those that the bundled model was trained on.

A few numbers that do not depend on scale and unit are taken from crops of 256 × 256 pixels and
compared with their range over simulated training slices, which
``python -m benchmarks.training_statistics`` measures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

CROP_PX = 256

_TILE_PX = 16
_BACKGROUND_PX = 4.0
# Cycles per pixel: coarser is the course of the background, finer than the second is fine.
_COARSEST, _FINE = 0.03, 0.16

KNOWN: Mapping[str, tuple[float, float]] = {
    "asymmetry": (-0.74, 0.22),
    "tails": (2.65, 17.8),
    "detail": (1.36, 15.0),
    "fineness": (0.020, 0.35),
}
"""From the first to the 99th percentile over 400 simulated training slices.

All but the first are widened by 15 %.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one crop looks like, in numbers without a unit.

    Attributes
    ----------
    asymmetry : float
        Of the grey values about their median, from -1 (all far ones dark) to 1.
    tails : float
        How far the grey values reach, over the spread of their middle half: 3.4 for noise.
    detail : float
        How many times more the busiest places vary than the quietest: 1.2 to 1.5 for noise.
    fineness : float
        Share of the power in details of fewer than 6 pixels.
    """

    asymmetry: float
    tails: float
    detail: float
    fineness: float


def look(image: NDArray[np.float32]) -> Look | None:
    """Measure a crop (y, x), finite, membranes dark; None where it is flat or too small."""
    if min(image.shape) < 2 * _TILE_PX:
        return None
    low, quarter, middle, three_quarters, high = np.percentile(image, [1, 25, 50, 75, 99])
    # Blurred less than a tile, so that a slope in the background does not count as detail.
    residue = image - ndimage.gaussian_filter(image, _BACKGROUND_PX)
    rows, columns = (n // _TILE_PX for n in image.shape)
    inner = residue[: rows * _TILE_PX, : columns * _TILE_PX]
    tiles = inner.reshape(rows, _TILE_PX, columns, _TILE_PX).std(axis=(1, 3))
    quiet, busy = np.percentile(tiles, [10, 98])
    if three_quarters <= quarter or quiet <= 0:
        return None
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    power = np.abs(fft.rfft2((np.clip(image, low, high) - middle) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1]))
    return Look(
        asymmetry=float(((high - middle) - (middle - low)) / (high - low)),
        tails=float((high - low) / (three_quarters - quarter)),
        detail=float(busy / quiet),
        fineness=float(power[frequency > _FINE].sum() / power[frequency > _COARSEST].sum()),
    )


def unfamiliar(looks: list[Look]) -> dict[str, float]:
    """Return the numbers whose median lies outside of what the model knows."""
    found = {}
    for name, (low, high) in KNOWN.items():
        value = float(np.median([getattr(each, name) for each in looks]))
        if not low <= value <= high:
            found[name] = value
    return found


def crops(image: NDArray) -> list[NDArray]:
    """Return up to four crops of a slice, spread over its inner part."""
    places = []
    for n in image.shape:
        room = n - CROP_PX
        places.append([0] if room <= 0 else sorted({room // 4, room - room // 4}))
    return [image[y : y + CROP_PX, x : x + CROP_PX] for y in places[0] for x in places[1]]
