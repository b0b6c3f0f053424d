"""Measuring a network on what is held back from its training."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.training.datasets import IGNORED, TrainingSet
from deepsxt_core.training.splits import Block

TOLERANCE_PX = 3.0
_MAX_SLICES = 24


def measure(network: Any, data: TrainingSet, blocks: Sequence[Block]) -> dict[str, float]:
    """Score blocks at threshold 0, as one data set.

    Slices are scored whole, as in use, and compared inside the blocks where labels are known. Of
    more than 24 blocks, 24 are taken, evenly spread.

    Returns
    -------
    dict
        ``accuracy, precision, recall, f1, iou`` and, within 3 px, ``tolerant_f1``.
    """
    chosen = np.unique(np.linspace(0, len(blocks) - 1, _MAX_SLICES).round().astype(int))
    predictor = Predictor(network, precision="float32")
    pixels, boundary = PixelCounts(), BoundaryCounts()
    for block in (blocks[i] for i in chosen):
        source = data.sources[block.source]
        region = slice(block.y0, block.y1), slice(block.x0, block.x1)
        labels = source.read_labels(block.z)[region]
        known = labels != IGNORED
        score = predictor.score(source.read_image(block.z)[np.newaxis])[0]
        marked, true = (score[region] > 0) & known, labels == 1
        pixels += PixelCounts.of(marked[known], true[known])
        boundary += BoundaryCounts.of(marked, true, TOLERANCE_PX)
    return asdict(pixels.scores()) | {"tolerant_f1": boundary.f1}
