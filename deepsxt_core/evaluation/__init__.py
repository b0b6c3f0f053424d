"""How well a mask agrees with the truth."""

from deepsxt_core.evaluation.scores import (
    BoundaryCounts,
    PixelCounts,
    PixelScores,
    pixel_scores,
    tolerant_f1,
)

__all__ = ["BoundaryCounts", "PixelCounts", "PixelScores", "pixel_scores", "tolerant_f1"]
