"""Whether membranes are dark or bright."""

import numpy as np
from scipy import ndimage

from deepsxt_core.preprocessing.normalisation import clean
from deepsxt_core.preprocessing.sampling import sample_slices
from deepsxt_core.preprocessing.validity import SpikeLimits, VoidRule, filled, without_spikes
from deepsxt_core.volume import Volume

_FINE_PX = 2.0
_COARSE_PX = 20.0
_TAIL_PERCENT = 0.2
BRIGHT_FROM = 0.2
# Every sixth of those that grey values are measured on, so that no other has to be read.
_SLICES = 5
_FOUND = VoidRule()


def tail_asymmetry(volume: Volume, void: VoidRule = _FOUND) -> float:
    """Return how much farther bright details reach from the background than dark ones.

    Strong absorbers (droplets, fiducials, dense bodies) have the polarity of the membranes and
    form the longer tail of the band-passed (2 to 20 px) grey values. The value lies between -1
    (all details dark) and 1 (all bright): the median over up to five slices. On real slices it
    was -0.3 to 0.1 for dark membranes and 0.4 to 0.5 for bright ones.
    """
    asymmetries = []
    for plane in sample_slices(volume, _SLICES):
        valid = void.valid(plane)
        measured = plane[valid & np.isfinite(plane)]
        if measured.size == 0:
            continue
        values = clean(plane, float(np.median(measured)))[0]
        values = filled(without_spikes(values, SpikeLimits.of(measured)), valid)
        details = ndimage.gaussian_filter(values, _FINE_PX) - ndimage.gaussian_filter(
            values, _COARSE_PX
        )
        low, middle, high = np.percentile(details[valid], [_TAIL_PERCENT, 50, 100 - _TAIL_PERCENT])
        if high > low:
            asymmetries.append((high + low - 2 * middle) / (high - low))
    return float(np.median(asymmetries)) if asymmetries else 0.0


def suggest_invert(volume: Volume, void: VoidRule = _FOUND) -> bool:
    """Return whether membranes seem bright, so that grey values should be inverted."""
    return tail_asymmetry(volume, void) > BRIGHT_FROM
