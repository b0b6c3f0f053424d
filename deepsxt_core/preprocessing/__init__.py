"""What happens to grey values before the network sees them."""

from deepsxt_core.preprocessing.cutting import cut
from deepsxt_core.preprocessing.health import (
    Finding,
    HealthReport,
    check_health,
    suggested_region,
)
from deepsxt_core.preprocessing.normalisation import (
    IntensityRange,
    clean,
    measure_intensity,
    measure_min_max,
    measured_only,
    normalise,
    normalise_published,
    zscore,
)
from deepsxt_core.preprocessing.polarity import suggest_invert
from deepsxt_core.preprocessing.sampling import sampled_volume
from deepsxt_core.preprocessing.wedge import Wedge, find_wedge

__all__ = [
    "Finding",
    "HealthReport",
    "IntensityRange",
    "Wedge",
    "check_health",
    "clean",
    "cut",
    "find_wedge",
    "measure_intensity",
    "measure_min_max",
    "measured_only",
    "normalise",
    "normalise_published",
    "sampled_volume",
    "suggest_invert",
    "suggested_region",
    "zscore",
]
