"""What a training leaves on disk for those who look on: log, examples, comparison. No Keras here.

::

    checkpoint.npz    weights and optimizer, to go on from; gone at the end
    training.csv      what was measured, a row per measurement
    examples.png      image, label, reconstruction and prediction of data held back
    reference.json    what the training is compared with
    training.json     how it came about and what came out, at the end
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from deepsxt_core.files import written_beside

CHECKPOINT_NAME = "checkpoint.npz"
LOG_NAME = "training.csv"
PANELS_NAME = "examples.png"
PANEL_GAP_PX = 4
REFERENCE_NAME = "reference.json"
RECORD_NAME = "training.json"

Row = dict[str, float]


def write_log(rows: Sequence[Row], path: Path) -> None:
    """Write what was measured as CSV, one row per measurement."""
    with (
        written_beside(path) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_log(folder: Path) -> list[Row]:
    """Return what was measured, oldest first; nothing if there is no log yet."""
    try:
        text = (folder / LOG_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    rows = csv.DictReader(text.splitlines())
    return [{name: float(value) for name, value in row.items()} for row in rows]


def checkpoint_steps(folder: Path) -> int:
    """Return after how many steps the last checkpoint was written, 0 without one."""
    rows = read_log(folder) if (folder / CHECKPOINT_NAME).is_file() else []
    return int(rows[-1]["step"]) if rows else 0
