"""What happens to grey values before the network sees them."""

from deepsxt_core.preprocessing.cutting import cut
from deepsxt_core.preprocessing.normalisation import (
    IntensityRange,
    clean,
    measure_intensity,
    measure_min_max,
    normalise,
    normalise_published,
    zscore,
)
from deepsxt_core.preprocessing.polarity import suggest_invert

__all__ = [
    "IntensityRange",
    "clean",
    "cut",
    "measure_intensity",
    "measure_min_max",
    "normalise",
    "normalise_published",
    "suggest_invert",
    "zscore",
]
