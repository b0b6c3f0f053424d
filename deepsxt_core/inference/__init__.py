"""From slices to scores. Importing this package does not load TensorFlow."""

from deepsxt_core.inference.checkpoint import (
    CHECKPOINT_NAME,
    Checkpoint,
    Slab,
    codes_sha256,
    has_slabs,
)
from deepsxt_core.inference.params import PRECISIONS, ROTATIONS, TILINGS, SegmentParams
from deepsxt_core.inference.predictor import Predictor, predict_slice
from deepsxt_core.inference.remote import RemotePredictor
from deepsxt_core.inference.rescaling import Rescaling, choose_rescaling
from deepsxt_core.inference.segment import (
    Preparation,
    ScoreSlabs,
    SegmentSummary,
    prepare,
    read_prepared,
    score_here,
    score_volume,
)

__all__ = [
    "CHECKPOINT_NAME",
    "PRECISIONS",
    "ROTATIONS",
    "TILINGS",
    "Checkpoint",
    "Predictor",
    "Preparation",
    "RemotePredictor",
    "Rescaling",
    "ScoreSlabs",
    "SegmentParams",
    "SegmentSummary",
    "Slab",
    "choose_rescaling",
    "codes_sha256",
    "has_slabs",
    "predict_slice",
    "prepare",
    "read_prepared",
    "score_here",
    "score_volume",
]
