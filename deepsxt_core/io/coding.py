"""What the values of a display pyramid stand for: grey values in 8 or 16 bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.volume import Volume

_INVALID = 0
_SAMPLED = 16
_TAILS = (0.01, 99.99)


@dataclass(frozen=True, slots=True)
class Coding:
    """What the values of a pyramid stand for.

    Attributes
    ----------
    dtype : str
        "uint8" or "uint16".
    scale, offset : float
        A code stands for ``code * scale + offset``.
    has_invalid : bool
        Whether code 0 stands for a value that is not finite.
    """

    dtype: str
    scale: float = 1.0
    offset: float = 0.0
    has_invalid: bool = False

    def encode(self, values: NDArray) -> NDArray:
        """Return the codes of values, clipped at both ends."""
        dtype = np.dtype(self.dtype)
        if values.dtype == dtype and self.scale == 1 and self.offset == 0:
            return values
        lowest, highest = int(self.has_invalid), np.iinfo(dtype).max
        with np.errstate(invalid="ignore", over="ignore"):
            codes = np.rint((values.astype(np.float64) - self.offset) / self.scale)
            codes = np.clip(codes, lowest, highest)
        if values.dtype.kind == "f":
            codes[~np.isfinite(values)] = _INVALID
        return codes.astype(dtype)

    def decode(self, codes: NDArray) -> NDArray[np.float64]:
        """Return the values that codes stand for, NaN where they stand for none."""
        values = codes * self.scale + self.offset
        if self.has_invalid:
            values[codes == _INVALID] = np.nan
        return values.astype(np.float64, copy=False)


def coding_of(volume: Volume) -> Coding:
    """Return how the grey values of a volume are coded: as they are, shifted, or in 65,535 steps.

    Integers of 8 and 16 bits keep every value. Of all others the 0.01 and 99.99 percentiles of
    some slices, and half as much again on either side, are spread over the codes.
    """
    dtype = volume.dtype
    if dtype.kind == "b" or dtype == np.uint8:
        return Coding("uint8")
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        return Coding("uint16", offset=float(np.iinfo(dtype).min))
    places = np.unique(np.linspace(0, volume.shape[0] - 1, _SAMPLED).round().astype(int)).tolist()
    planes = [volume.read(z, z + 1)[0][::4, ::4].astype(np.float64) for z in places]
    values = np.concatenate([plane[np.isfinite(plane)] for plane in planes])
    if not values.size:
        return Coding("uint16", has_invalid=True)
    low, high = np.percentile(values, _TAILS)
    reach = (high - low) / 2 or 1.0
    low, high = low - reach, high + reach
    scale = (high - low) / 65534
    # Code 1 is the lowest value: 0 stands for none.
    return Coding("uint16", scale=float(scale), offset=float(low - scale), has_invalid=True)
