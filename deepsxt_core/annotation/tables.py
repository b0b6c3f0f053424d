"""The table of an annotation's objects as a file, beside their labels."""

import csv
from dataclasses import asdict
from pathlib import Path

from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.files import written_beside

_COLUMNS = {
    "id": "id",
    "name": "name",
    "class": "class_name",
    "colour": "colour",
    "state": "state",
    "origin": "origin",
    "locked": "locked",
}


def write_table(objects: ObjectTable, path: Path) -> None:
    """Write one line per object as CSV: which value of the labels is what, in which colour."""
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for row in objects.values():
            fields = asdict(row) | {"locked": int(row.locked)}
            table.writerow([fields[name] for name in _COLUMNS.values()])
