"""How well a segmentation agrees with the truth."""

from deepsxt_core.evaluation.calibration import Calibration
from deepsxt_core.evaluation.comparison import EvaluateParams, Evaluation, compare, first_slice
from deepsxt_core.evaluation.precision_recall import Curve, ScoreHistogram
from deepsxt_core.evaluation.scores import (
    BoundaryCounts,
    PixelCounts,
    PixelScores,
    pixel_scores,
    tolerant_f1,
)
from deepsxt_core.evaluation.surface_distances import SurfaceDistances

__all__ = [
    "BoundaryCounts",
    "Calibration",
    "Curve",
    "EvaluateParams",
    "Evaluation",
    "PixelCounts",
    "PixelScores",
    "ScoreHistogram",
    "SurfaceDistances",
    "compare",
    "first_slice",
    "pixel_scores",
    "tolerant_f1",
]
