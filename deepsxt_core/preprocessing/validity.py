"""Which voxels hold something that was measured: not the void around a reconstruction, not spikes.

A slice may be filled with one constant where nothing was reconstructed: outside a circle, around an
aligned volume, in padding. And single voxels may be absurd: cosmic rays, dead detector pixels.
Neither shall decide what is done to all others.
"""

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# A run of equal values along the border of a slice that is no accident.
_BORDER_RUN = 8
_LEAST_PX = 64
_LEAST_SHARE = 0.002
# Of the pixels of a void, those with the same value on all four sides: noise that is clipped at the
# end of its range hangs together too, but as a net.
_LEAST_SOLID = 0.5
# A region amid a slice whose outline runs along rows and columns, so many pixels from corner to
# corner on the mean, as that of chunks that are not there; the outline of a disc turns every other.
_LEAST_RUN = 6.0
_LEAST_BLOCK_PX = 256
_TILE_PX = 8
_MOST_BLOCK_VALUES = 4
# So far does interpolation mix the constant into what lies beside it.
_RIM_PX = 2
# Robust standard deviations from the middle of a slice: gold is darker than any noise, but wide.
_FAR = 8.0
# Likewise, from the median of the neighbours.
_LONELY = 4.0
_NORMAL_SPREAD = 3.2897  # between the percentiles 5 and 95 of a normal distribution, in sigma


@dataclass(frozen=True, slots=True)
class VoidRule:
    """How it is decided which voxels hold nothing that was measured.

    Attributes
    ----------
    find : bool
        Whether the void is found, as `valid_pixels` does; without it all voxels are data.
    value : float or None
        The grey value of what was not measured, wherever it lies; None where it is found.
    """

    find: bool = True
    value: float | None = None

    def valid(self, image: NDArray) -> NDArray[np.bool_]:
        """Return where a slice (y, x) holds measured values, bool."""
        if not self.find:
            return np.ones(image.shape, bool)
        if self.value is None:
            return valid_pixels(image)
        void = image == np.float64(self.value).astype(image.dtype)
        if image.dtype.kind == "f":
            void |= _large(~np.isfinite(image), touching=False)
        return ~void


def valid_pixels(image: NDArray) -> NDArray[np.bool_]:
    """Return where a slice (y, x) holds measured values, bool.

    Not valid are regions that reach the border of the slice and hold one value alone, and regions
    that are not finite, both of at least 64 pixels and 0.2 % of the slice; where the values beside
    them lead over to the constant, as interpolation leaves them, two pixels more. So are blocks of
    one value anywhere, of at least 256 pixels, as chunks that are not there leave them. Single
    values that are not finite are valid: what surrounds them tells what they were.
    """
    void = _flat_regions(image) | _blocks(image)
    if image.dtype.kind == "f":
        void |= _large(~np.isfinite(image), touching=False)
    if void.any() and _is_blurred(image, void):
        void = ndimage.binary_dilation(void, iterations=_RIM_PX)
    return ~void


def _is_blurred(image: NDArray, void: NDArray[np.bool_]) -> bool:
    """Return whether the pixels beside the void are, on the whole, unlike those farther in."""
    near = ndimage.binary_dilation(void)
    farther = ndimage.binary_dilation(near, iterations=2 * _RIM_PX)
    beside, within = image[near & ~void], image[farther & ~near]
    beside, within = beside[np.isfinite(beside)], within[np.isfinite(within)]
    if not (beside.size and within.size):
        return False
    low, middle, high = np.percentile(within, [5, 50, 95])
    return bool(abs(np.median(beside) - middle) > (high - low) / _NORMAL_SPREAD)


def filled(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a slice whose void continues what lies beside it, as in a mirror.

    An edge where the void begins would look like a membrane.
    """
    if valid.all() or not valid.any():
        return image
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    void = np.nonzero(~valid)
    at_rim = [axis[void] for axis in nearest]
    mirrored = [
        np.clip(2 * rim - place, 0, n - 1)
        for rim, place, n in zip(at_rim, void, image.shape, strict=True)
    ]
    inside = valid[tuple(mirrored)]
    source = tuple(
        np.where(inside, mirror, rim) for mirror, rim in zip(mirrored, at_rim, strict=True)
    )
    whole = image.copy()
    whole[void] = image[source]
    return whole


@dataclass(frozen=True, slots=True)
class SpikeLimits:
    """Values beyond which a voxel is absurd unless its neighbours are alike.

    Attributes
    ----------
    low, high : float
    sigma : float
        Robust standard deviation of the values.
    """

    low: float
    high: float
    sigma: float

    @classmethod
    def of(cls, values: NDArray) -> "SpikeLimits":
        """Measure finite values; robust against 5 % of outliers on either side."""
        low, middle, high = np.percentile(values, [5, 50, 95])
        sigma = float(high - low) / _NORMAL_SPREAD
        return cls(float(middle) - _FAR * sigma, float(middle) + _FAR * sigma, sigma)


def without_spikes(image: NDArray[np.float32], limits: SpikeLimits) -> NDArray[np.float32]:
    """Return a slice (y, x) with single absurd values replaced by the median of their 3 × 3.

    What is as wide as a gold bead stays.
    """
    far = (image < limits.low) | (image > limits.high)
    if not far.any() or limits.sigma == 0:
        return image
    rows, columns = np.nonzero(far)
    padded = np.pad(image, 1, "reflect") if min(image.shape) > 1 else np.pad(image, 1, "edge")
    around = np.stack([padded[rows + dy, columns + dx] for dy in range(3) for dx in range(3)])
    usual = np.median(around, axis=0)
    lonely = np.abs(image[rows, columns] - usual) > _LONELY * limits.sigma
    mended = image.copy()
    mended[rows[lonely], columns[lonely]] = usual[lonely]
    return mended


def _flat_regions(image: NDArray) -> NDArray[np.bool_]:
    void = np.zeros(image.shape, bool)
    for value in _border_values(image):
        same = image == value
        void |= _large(same, touching=True)
    return void


def _blocks(image: NDArray) -> NDArray[np.bool_]:
    """Return the regions of one value whose outline runs along rows and columns alone."""
    found = np.zeros(image.shape, bool)
    rows, columns = (n // _TILE_PX for n in image.shape)
    inner = image[: rows * _TILE_PX, : columns * _TILE_PX]
    tiles = inner.reshape(rows, _TILE_PX, columns, _TILE_PX)
    flat = (tiles == tiles[:, :1, :, :1]).all(axis=(1, 3))
    values, counts = np.unique(tiles[:, 0, :, 0][flat], return_counts=True)
    for value in values[np.argsort(-counts)][:_MOST_BLOCK_VALUES]:
        # Without the single voxels beside it that have its value by chance.
        solid = ndimage.binary_opening(image == value, np.ones((3, 3)))
        labels = cc3d.connected_components(solid, connectivity=4)
        found |= _straight(labels)[labels]
    return found


def _straight(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return, by label, which regions (y, x) are large and have outlines that run straight on."""
    framed = np.pad(labels, 1)
    sizes = np.bincount(labels.ravel())
    outlines = np.zeros(sizes.shape, np.int64)
    for one, other in ((framed[1:], framed[:-1]), (framed[:, 1:], framed[:, :-1])):
        edge = (one > 0) != (other > 0)
        outlines += np.bincount(np.maximum(one, other)[edge], minlength=len(sizes))
    around = [
        framed[y : len(framed) - 1 + y, x : framed.shape[1] - 1 + x] for y in (0, 1) for x in (0, 1)
    ]
    n_inside = sum((part > 0).astype(np.uint8) for part in around)
    corner = (n_inside == 1) | (n_inside == 3)
    corners = np.bincount(np.maximum.reduce(around)[corner], minlength=len(sizes))
    straight = (sizes >= _LEAST_BLOCK_PX) & (outlines >= _LEAST_RUN * corners)
    straight[0] = False
    return straight


def _border_values(image: NDArray) -> list[float]:
    """Return the values that fill a run of pixels along the border of a slice."""
    found: set[float] = set()
    for line in (image[0], image[-1], image[:, 0], image[:, -1]):
        if line.size < _BORDER_RUN:
            continue
        same = np.lib.stride_tricks.sliding_window_view(line[1:] == line[:-1], _BORDER_RUN - 1)
        found.update(line[np.flatnonzero(same.all(axis=1))].tolist())
    return sorted(value for value in found if np.isfinite(value))


def _large(pixels: NDArray[np.bool_], *, touching: bool) -> NDArray[np.bool_]:
    """Return the regions among `pixels` that are large and solid, and reach the border."""
    least = max(_LEAST_PX, _LEAST_SHARE * pixels.size)
    if np.count_nonzero(pixels) < least:
        return np.zeros(pixels.shape, bool)
    labels, n = cc3d.connected_components(pixels, connectivity=4, return_N=True)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    inner = ndimage.binary_erosion(pixels, border_value=1)
    solid = np.bincount(labels[inner], minlength=n + 1)
    kept = (sizes >= least) & (solid >= _LEAST_SOLID * sizes)
    kept[0] = False
    if touching:
        at_border = np.zeros(n + 1, bool)
        for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            at_border[line] = True
        kept &= at_border
    return kept[labels]
