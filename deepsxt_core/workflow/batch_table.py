"""The table of a batch: what it tells of each tomogram, and how it is written."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepsxt_core.files import read_json, write_json, written_beside
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow.batch_totals import outliers
from deepsxt_core.workflow.producing import Place
from deepsxt_core.workspace.results import RUN_NAME

SUMMARY_NAME = "summary.csv"
_FRACTIONS_NAME = "fractions.json"
_COLUMNS = (
    *("file", "status", "slices", "voxel_size_z_nm", "voxel_size_y_nm", "voxel_size_x_nm"),
    *("membrane_fraction", "objects", "faces", "volume_um3", "area_um2", "seconds", "folder"),
    *("unlike", "error"),
)

Row = dict[str, Any]
"""One line of the summary; ``status`` is "done", "kept" (was done before) or "failed"."""


def score_facts(place: Place, score: Score, threshold: float) -> Row:
    """Return what the table tells about a score."""
    fraction = _positive_fraction(place, score, threshold)
    return volume_facts(score.volume) | {"membrane_fraction": fraction}


def volume_facts(volume: Volume) -> Row:
    """Return what the table tells about the voxels of a tomogram."""
    size = volume.voxel_size_nm
    return {
        "slices": volume.shape[0],
        **{f"voxel_size_{axis}_nm": size and getattr(size, axis) for axis in "zyx"},
    }


def _positive_fraction(place: Place, score: Score, threshold: float) -> float:
    """Return it from the record where it was counted before: the whole score is read for it."""
    if threshold == 0:
        counted = (read_json(place.final / RUN_NAME) or {}).get("positive_fraction")
        if counted is not None:
            return float(counted)
    path, name = place.final / _FRACTIONS_NAME, f"{threshold:g}"
    known = read_json(path) or {}
    if known.get("score") != place.result_id:
        known = {"score": place.result_id}
    if name not in known:
        known[name] = score.positive_fraction(threshold)
        write_json(path, known)
    return float(known[name])


def surface_facts(folder: Path) -> Row:
    """Return what the table tells about surfaces."""
    unit, objects = load_table(folder)
    known = unit == "µm"
    return {
        "objects": len(objects),
        "faces": sum(row.faces for row in objects),
        "volume_um3": sum(row.volume for row in objects) if known else None,
        "area_um2": sum(row.area for row in objects) if known else None,
    }


def write_summary(rows: Sequence[Row], path: Path) -> None:
    """Write one line per tomogram as CSV; units stand in the names of the columns.

    ``unlike`` says what is unlike in the others (`batch_totals.CRITERION`).
    """
    unlike = outliers(rows)
    told = [row | {"unlike": "; ".join(unlike.get(n, {}).values())} for n, row in enumerate(rows)]
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, _COLUMNS, restval="", extrasaction="ignore")
        table.writeheader()
        table.writerows(told)
