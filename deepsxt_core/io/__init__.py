"""Files in and out: tomograms, scores, masks and meshes."""

from deepsxt_core.io.content import (
    looks_like_labels,
    mask_of,
    require_labels,
    seen_labels,
    segmentation_of,
)
from deepsxt_core.io.readers.registry import list_datasets, open_volume
from deepsxt_core.io.score_store import (
    SCORE_NAME,
    ScoreWriter,
    create_score,
    is_score,
    mask_volume,
    open_score,
    reopen_score,
)
from deepsxt_core.io.writers.mrc import write_mrc
from deepsxt_core.io.writers.registry import write_volume, writer_for
from deepsxt_core.io.writers.tiff import write_tiff

__all__ = [
    "SCORE_NAME",
    "ScoreWriter",
    "create_score",
    "is_score",
    "list_datasets",
    "looks_like_labels",
    "mask_of",
    "mask_volume",
    "open_score",
    "open_volume",
    "reopen_score",
    "require_labels",
    "seen_labels",
    "segmentation_of",
    "write_mrc",
    "write_tiff",
    "write_volume",
    "writer_for",
]
