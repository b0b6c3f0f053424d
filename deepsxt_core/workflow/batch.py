"""Many tomograms, one recipe: each in a folder of its own, and one table of all."""

import csv
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from deepsxt_core.errors import (
    CancelledError,
    DeepSXTError,
    InvalidParameterError,
    ModelError,
)
from deepsxt_core.export.meshes import write_surfaces
from deepsxt_core.export.volumes import write_mask
from deepsxt_core.files import read_json, safe_name, write_json, written_beside
from deepsxt_core.inference.cluster import mapped, worker_count
from deepsxt_core.io import SCORE_NAME, open_score, open_volume
from deepsxt_core.network import Model, find_model, load_model
from deepsxt_core.progress import NoProgress, Progress, Renamed
from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import Score
from deepsxt_core.workflow import pipeline
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.segmentation import RUN_NAME, segment
from deepsxt_core.workspace import downloads, recipe_hash

logger = logging.getLogger(__name__)

SUMMARY_NAME = "summary.csv"
_PROOF = "batch.json"
_COLUMNS = (
    *("file", "status", "slices", "voxel_size_z_nm", "voxel_size_y_nm", "voxel_size_x_nm"),
    *("membrane_fraction", "objects", "faces", "volume_um3", "area_um2", "seconds", "folder"),
    "error",
)

Row = dict[str, Any]
"""One line of the summary; ``status`` is "done", "kept" (was done before) or "failed"."""


def run_batch(
    files: Sequence[Path],
    recipe: Recipe,
    out: Path,
    progress: Progress | None = None,
    *,
    scheduler: str | None = None,
) -> list[Row]:
    """Apply one recipe to many tomograms.

    ``out`` gets a folder per tomogram, ``summary.csv``, and the recipe with all defaults. What an
    earlier call finished with the same files and the same recipe is kept; a segmentation that was
    broken off is continued. A tomogram that fails is listed, and the rest is finished.

    Parameters
    ----------
    files : sequence of Path
    recipe : Recipe
    out : Path
    progress : Progress, optional
    scheduler : str, optional
        Address of a Dask scheduler. Where there are as many tomograms as workers, each worker does
        whole tomograms, and writes to `out` itself; otherwise they share the slabs of one.

    Returns
    -------
    list of dict
        One row per file, in their order.

    Raises
    ------
    DeepSXTError
        If the model is unknown.
    CancelledError
        If the user stops.
    """
    progress = progress or NoProgress()
    model_sha256 = find_model(recipe.model).sha256()
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
    folders = [(out / name).resolve() for name in folder_names(files)]
    if scheduler is not None and len(files) >= max(2, worker_count(scheduler)):
        found = _on_workers(files, folders, recipe, model_sha256, progress, scheduler)
    else:
        found = _here(files, folders, recipe, model_sha256, progress, scheduler)
    rows: dict[Path, Row] = {}
    for folder, row in found:
        rows[folder] = row
        write_summary([rows[each] for each in folders if each in rows], out / SUMMARY_NAME)
    return [rows[folder] for folder in folders]


def _here(
    files: Sequence[Path],
    folders: Sequence[Path],
    recipe: Recipe,
    model_sha256: str,
    progress: Progress,
    scheduler: str | None,
) -> Iterator[tuple[Path, Row]]:
    model = cache(lambda: load_model(recipe.model))
    for number, (file, folder) in enumerate(zip(files, folders, strict=True), 1):
        named = Renamed(progress, f"{number}/{len(files)} {file.name}")
        yield folder, _row(file, recipe, model_sha256, model, folder, named, scheduler)


def _on_workers(
    files: Sequence[Path],
    folders: Sequence[Path],
    recipe: Recipe,
    model_sha256: str,
    progress: Progress,
    scheduler: str,
) -> Iterator[tuple[Path, Row]]:
    asked = [
        (file.resolve(), recipe, model_sha256, folder)
        for file, folder in zip(files, folders, strict=True)
    ]
    progress.stage("Tomograms", len(files), "tomogram")
    for (*_, folder), row in mapped(scheduler, _remote_row, asked, progress):
        yield folder, row
        progress.advance()


def _remote_row(file: Path, recipe: Recipe, model_sha256: str, out: Path) -> Row:
    """Do one tomogram on a worker of a cluster, which keeps its model loaded."""
    if find_model(recipe.model).sha256() != model_sha256:
        raise ModelError(
            f"A worker of the cluster has another model under the name '{recipe.model}'. Keep "
            "models on a file system that all workers share."
        )
    model = partial(_kept_model, recipe.model, model_sha256)
    out.parent.mkdir(parents=True, exist_ok=True)
    # A worker that is believed to be lost may still be writing.
    with FileLock(out.with_name(f".{out.name}.lock")):
        return _row(file, recipe, model_sha256, model, out, NoProgress(), None)


@lru_cache(maxsize=1)
def _kept_model(name: str, _sha256: str) -> Model:
    return load_model(name)


def _row(
    file: Path,
    recipe: Recipe,
    model_sha256: str,
    model: Callable[[], Model],
    out: Path,
    progress: Progress,
    scheduler: str | None,
) -> Row:
    """Do one tomogram and return its line, whatever happens but a wish to stop."""
    row: Row = {"file": str(file), "folder": str(out), "error": None}
    try:
        return row | _one(file, recipe, model_sha256, model, out, progress, scheduler)
    except CancelledError:
        raise
    except DeepSXTError as error:
        return row | {"status": "failed", "error": str(error)}
    except Exception as error:  # A night of work must not end with one file.
        logger.exception("Batch: %s", file)
        return row | {"status": "failed", "error": f"{type(error).__name__}: {error}"}


def _one(
    file: Path,
    recipe: Recipe,
    model_sha256: str,
    model: Callable[[], Model],
    out: Path,
    progress: Progress,
    scheduler: str | None,
) -> Row:
    begun = time.monotonic()
    if not file.is_file():
        raise InvalidParameterError(f"There is no file '{file}'.")
    stat = file.stat()
    source = {
        "path": str(file.resolve()),
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "model_sha256": model_sha256,
    }
    tables = recipe.to_dict()
    segmentation = recipe_hash(source | tables["segment"])
    whole = recipe_hash(source | tables)
    proof = read_json(out / _PROOF) or {}
    if proof.get("whole") == whole:
        return proof["row"] | {"status": "kept"}

    out.mkdir(parents=True, exist_ok=True)
    if proof.get("segmentation") == segmentation and (out / RUN_NAME).is_file():
        score = open_score(out / SCORE_NAME)
    else:
        # It stands for what is in the folder, which changes now.
        (out / _PROOF).unlink(missing_ok=True)
        volume = open_volume(file)
        score = segment(
            *(volume, model(), out, recipe.segment, progress), resume=True, scheduler=scheduler
        )
        write_json(out / _PROOF, {"segmentation": segmentation})
    threshold = recipe.reconstruct.threshold if recipe.reconstruct else 0.0
    row: Row = {"status": "done", "error": None, **score_facts(score, threshold)}
    if recipe.export.mask:
        write_mask(score, threshold, out / f"mask.{recipe.export.mask}")
    if recipe.reconstruct is not None:
        surfaces = pipeline.reconstruct(score, recipe.reconstruct, progress)
        write_surfaces(surfaces, out, recipe.export.meshes)
        downloads.write_objects(surfaces.unit, surfaces.objects, out / downloads.OBJECTS_FILE)
        row |= surface_facts(surfaces)
    row["seconds"] = round(time.monotonic() - begun, 2)
    write_json(out / _PROOF, {"segmentation": segmentation, "whole": whole, "row": row})
    return row


def score_facts(score: Score, threshold: float) -> Row:
    """Return what the table tells about a score."""
    size = score.volume.voxel_size_nm
    return {
        "slices": score.volume.shape[0],
        "membrane_fraction": score.positive_fraction(threshold),
        **{f"voxel_size_{axis}_nm": size and getattr(size, axis) for axis in "zyx"},
    }


def surface_facts(surfaces: Surfaces) -> Row:
    """Return what the table tells about surfaces."""
    totals = surfaces.summary()
    return {key: totals[key] for key in ("objects", "faces", "volume_um3", "area_um2")}


def folder_names(files: Sequence[Path]) -> list[str]:
    """Return a folder name per file: its stem, with a mark of its path where several share it."""
    stems = [safe_name(file.stem).lower() for file in files]
    return [
        safe_name(file.stem)
        if stems.count(stem) == 1
        else f"{safe_name(file.stem)}-{hashlib.sha256(bytes(file.resolve())).hexdigest()[:8]}"
        for file, stem in zip(files, stems, strict=True)
    ]


def write_summary(rows: Sequence[Row], path: Path) -> None:
    """Write one line per tomogram as CSV."""
    with written_beside(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, _COLUMNS, restval="", extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
