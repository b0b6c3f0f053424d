"""From grey values of any unit and scale to what the network was trained on.

The robust way clips a slice to percentiles of its volume and standardises it. The published way
scales by the minimum and maximum of the volume, and leaves slices unscaled whose standard
deviation is small; it is kept for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.preprocessing.sampling import MOST_SAMPLES, sample_slices
from deepsxt_core.preprocessing.validity import SpikeLimits, VoidRule, filled, without_spikes
from deepsxt_core.volume import Volume

LOW_PERCENTILE = 0.1
HIGH_PERCENTILE = 99.9
_PUBLISHED_MIN_STD = 1e-3
# A cylinder fills 0.79 of its square, an aligned volume half of its box.
_LEAST_VALID = 0.25
_STANDARD = 1e-4
_FOUND = VoidRule()


@dataclass(frozen=True, slots=True)
class IntensityRange:
    """The grey values of a volume.

    Attributes
    ----------
    low, high : float
        The values that are clipped to, in the unit of the volume.
    median : float
        Stands in for values that are not finite.
    spikes : SpikeLimits or None
        Beyond which a single voxel is absurd; None where that is not looked at.
    has_void : bool
        Whether regions of one value that reach the border count as void: not where they are most
        of the volume, as the background of something that stands alone.
    void : VoidRule
    valid_share : float
        Of the voxels that were looked at, by the rule; also where `has_void` is not.
    """

    low: float
    high: float
    median: float
    spikes: SpikeLimits | None = None
    has_void: bool = True
    void: VoidRule = _FOUND
    valid_share: float = 1.0

    def valid(self, image: NDArray) -> NDArray[np.bool_]:
        """Return where a slice (y, x), as stored, holds measured values, bool."""
        return self.void.valid(image) if self.has_void else np.ones(image.shape, bool)

    def mended(self, values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return a slice (y, x) without absurd voxels, its void filled with what lies beside."""
        return filled(values if self.spikes is None else without_spikes(values, self.spikes), valid)


def measure_intensity(volume: Volume, void: VoidRule = _FOUND) -> IntensityRange:
    """Measure the 0.1 and 99.9 percentiles and the median on slices spread over the volume.

    Voxels of the void and single absurd ones are left out.

    Raises
    ------
    UnreadableFileError
        If no sampled value is finite, or none lies outside the void.
    """
    planes = list(sample_slices(volume, MOST_SAMPLES))
    with np.errstate(over="ignore"):
        samples = [plane.astype(np.float32, copy=False) for plane in planes]
    finite = [np.isfinite(plane) for plane in samples]
    if not any(map(np.any, finite)):
        raise UnreadableFileError(
            f"{_name(volume)} holds no finite grey value of 32 bits in any of the slices looked "
            "at. Check how it was exported."
        )
    valid = [void.valid(plane) for plane in planes]
    # Where people have said what the void is, it may be nearly all.
    share = float(np.mean([mask.mean() for mask in valid]))
    has_void = share >= (_LEAST_VALID if void.value is None else 0)
    measured = [
        mask & known if has_void else known for mask, known in zip(valid, finite, strict=True)
    ]
    values = _picked(samples, measured)
    if not values.size:
        raise UnreadableFileError(
            f"{_name(volume)} holds no measured voxel in any of the slices looked at: all have the "
            f"grey value {void.value:g} of the void. Check that value."
        )
    if values.min() == values.max():
        raise UnreadableFileError(
            f"{_name(volume)} has one grey value everywhere ({values[0]:g}). Check the file, or "
            "the part of it that was cut out."
        )
    spikes = SpikeLimits.of(values)
    values = _picked([without_spikes(plane, spikes) for plane in samples], measured)
    low, median, high = np.percentile(values, [LOW_PERCENTILE, 50, HIGH_PERCENTILE])
    return IntensityRange(float(low), float(high), float(median), spikes, has_void, void, share)


def measured_only(volume: Volume) -> Volume:
    """Return the same volume as float32, NaN in the void and at single absurd voxels."""
    try:
        intensity = measure_intensity(volume)
    except UnreadableFileError:  # one value everywhere, or none
        return volume

    def read(z0: int, z1: int) -> NDArray[np.float32]:
        stored = volume.read(z0, z1)
        values = stored.astype(np.float32)
        for image, shown in zip(stored, values, strict=True):
            if intensity.spikes is not None:
                finite = np.where(np.isfinite(shown), shown, np.float32(intensity.median))
                shown[without_spikes(finite, intensity.spikes) != finite] = np.nan
            shown[~intensity.valid(image)] = np.nan
        return values

    return replace(volume, dtype=np.dtype(np.float32), reader=read)


def _name(volume: Volume) -> str:
    return f"'{volume.path.name}'" if volume.path else "The volume"


def _picked(
    planes: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float32]:
    return np.concatenate([plane[mask] for plane, mask in zip(planes, masks, strict=True)])


def measure_min_max(volume: Volume) -> IntensityRange:
    """Measure the extremes of the whole volume, as the published software does.

    The median is that of `measure_intensity`.

    Raises
    ------
    UnreadableFileError
        If no value is finite.
    """
    median = measure_intensity(volume).median
    low, high = np.inf, -np.inf
    for z0, z1 in volume.slabs(1):
        values = clean(volume.read(z0, z1), median)[0]
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return IntensityRange(low, high, median)


def clean(values: NDArray, median: float) -> tuple[NDArray[np.float32], int]:
    """Return float32 `values` with NaN and infinities replaced by `median`, and their number."""
    values = values.astype(np.float32)
    bad = ~np.isfinite(values)
    count = int(np.count_nonzero(bad))
    if count:
        values[bad] = median
    return values, count


def zscore(
    slices: NDArray[np.float32],
    min_std: float = 0.0,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Standardise each slice to mean 0 and standard deviation 1, in float32 arithmetic.

    A slice that is so already, to 1e-4, is returned as it is: doing it twice changes nothing.

    Parameters
    ----------
    slices : ndarray
        (n, y, x), finite.
    min_std : float
        A slice whose standard deviation is not above it is only centred. A constant slice
        becomes 0.
    valid : ndarray, optional
        bool (n, y, x): the pixels that mean and standard deviation are taken of; all by default.

    Returns
    -------
    ndarray
        (n, y, x), float32.
    """
    # A slice that is void throughout is measured as a whole, rather than not at all.
    where = True if valid is None else valid | ~valid.any(axis=(1, 2), keepdims=True)
    mean = slices.mean(axis=(1, 2), dtype=np.float64, keepdims=True, where=where)
    std = slices.std(axis=(1, 2), dtype=np.float64, keepdims=True, where=where)
    mean, std = mean.astype(np.float32), std.astype(np.float32)
    rounding = np.finfo(np.float32).eps * np.abs(mean)
    scale = np.where(std > np.maximum(min_std, rounding), std, np.float32(1))
    standard = (np.abs(mean) < _STANDARD) & (np.abs(std - 1) < _STANDARD)
    return np.where(standard, slices, (slices - mean) / scale)


def normalise(
    slices: NDArray[np.float32],
    intensity: IntensityRange,
    *,
    invert: bool = False,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Clip slices (n, y, x) to `intensity` and standardise each; `invert` turns bright to dark.

    `valid` is as in `zscore`.
    """
    clipped = np.clip(slices, intensity.low, intensity.high)
    return zscore(-clipped if invert else clipped, valid=valid)


def normalise_published(
    slices: NDArray[np.float32], intensity: IntensityRange, *, invert: bool = False
) -> NDArray[np.float32]:
    """Scale slices (n, y, x) to [0, 1] by the volume's extremes and standardise as published.

    A slice whose standard deviation is then at most 1e-3 is only centred.
    """
    span = intensity.high - intensity.low
    scaled = (slices - intensity.low) / (span if span > 0 else 1.0)
    return zscore(1 - scaled if invert else scaled, min_std=_PUBLISHED_MIN_STD)
