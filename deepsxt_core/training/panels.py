"""A picture of what a model does: image, label, reconstruction and prediction side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsxt_core.files import written_beside
from deepsxt_core.training.class_table import IGNORED, of_class
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.records import PANEL_GAP_PX
from deepsxt_core.training.splits import Block

_ROWS = 3
_MAX_PX = 384
_GREY_REACH = 2.5


def write_panels(network: Any, data: TrainingSet, blocks: Sequence[Block], path: Path) -> None:
    """Write one row of four panels for each of up to 3 blocks, spread over them, as PNG.

    From left to right: the image, its label (grey where nobody knows), the image as the network
    repaints it, and its score. Of several classes, each has its row, one block after the other.
    """
    divisor = network.deepsxt_config.divisor
    rows = []
    count = len(data.classes)
    chosen = np.linspace(0, len(blocks) - 1, max(_ROWS, count)).round().astype(int)
    for row, i in enumerate(np.unique(chosen) if count == 1 else chosen):
        block, number = blocks[i], row % count
        source = data.sources[block.source]
        height, width = (
            min(n, _MAX_PX) // divisor * divisor for n in (block.y1 - block.y0, block.x1 - block.x0)
        )
        region = slice(block.y0, block.y0 + height), slice(block.x0, block.x0 + width)
        context = network.deepsxt_config.context
        run = source.read_run(block.z, context)[:, *region]
        image, labels = run[context], source.read_labels(block.z)[region]
        batch = np.ascontiguousarray(np.moveaxis(run, 0, -1))[np.newaxis]
        found = [np.asarray(out)[0] for out in network.predict_on_batch(batch)]
        repainted, score = found[0][..., 0], found[1][..., number]
        known = np.where(labels == IGNORED, 0.5, of_class(labels, number))
        panels = [
            _grey(image, _GREY_REACH),
            _grey(2 * known - 1, 1),
            _grey(repainted, _GREY_REACH),
            _grey(score, 1),
        ]
        rows.append(
            np.concatenate([np.pad(p, PANEL_GAP_PX, constant_values=255) for p in panels], 1)
        )
    widest = max(row.shape[1] for row in rows)
    rows = [np.pad(row, [(0, 0), (0, widest - row.shape[1])], constant_values=255) for row in rows]
    with written_beside(path) as partial:
        Image.fromarray(np.concatenate(rows)).save(partial)


def _grey(values: NDArray, reach: float) -> NDArray[np.uint8]:
    """Show -`reach` as black and `reach` as white."""
    return np.rint(255 * (np.clip(values / reach, -1, 1) + 1) / 2).astype(np.uint8)
