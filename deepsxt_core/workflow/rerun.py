"""Repeat a segmentation from its ``run.json`` and compare."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepsxt_core.errors import DeepSXTError, InvalidParameterError, ModelError
from deepsxt_core.files import read_json
from deepsxt_core.fingerprints import content_sha256
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import SCORE_NAME, open_score, open_volume
from deepsxt_core.network import open_model
from deepsxt_core.parameters import parsed
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Score, VoxelSize
from deepsxt_core.workflow import segmentation
from deepsxt_core.workflow.class_folders import other_classes


def rerun(run_json: Path, out: Path | None = None, progress: Progress | None = None) -> dict:
    """Repeat what a ``run.json`` records and say whether the result is the same.

    Parameters
    ----------
    run_json : Path
        Of a segmentation; the score beside it, if it is there, tells what differs.
    out : Path, optional
        Where the new result stays; otherwise it is deleted.
    progress : Progress, optional

    Returns
    -------
    dict
        ``same`` (bool), ``voxels_sha256`` and ``recorded_voxels_sha256``; ``different_fraction``
        of the voxels, ``flipped_fraction`` (across the score 0) and ``largest_difference`` of the
        score, each None without the old score; ``changed`` (device and versions that are not the
        recorded ones, as ``{name: [recorded, now]}``); ``seconds``.

    Raises
    ------
    DeepSXTError
        If it is no record of a segmentation, or input or model are gone or are others.
    """
    run = read_json(run_json)
    if run is None or run.get("step") != "segment" or "voxels_sha256" not in run:
        raise InvalidParameterError(
            f"'{run_json}' is not the record of a segmentation that can be repeated. "
            "Give the run.json beside a score.ome.zarr."
        )
    # A class after the first lies two folders below what would be made again.
    if out is not None and out.resolve() in run_json.resolve().parents[:3:2]:
        raise InvalidParameterError("The repetition must not replace what it is compared with.")
    source = run["input"]
    path = Path(source["path"] or "")
    known = bool(source["path"]) and path.exists()
    if not known or content_sha256(path) != source["sha256"]:
        what = "is another file than it was then" if known else "is gone"
        raise DeepSXTError(f"The tomogram '{path}' {what}. Put it back to repeat the run.")
    model = open_model(run["model"]["name"])
    if model.info.sha256() != run["model"]["sha256"]:
        raise ModelError(
            f"The model {model.info.name!r} is another one than it was then. Install the one with "
            f"SHA-256 {run['model']['sha256']} to repeat the run."
        )
    recorded = parsed(SegmentParams, run["params"], "The record of the run")
    # That of the voxels that were scored, which may be several of the file's.
    size = source["voxel_size_nm"]
    file_size = VoxelSize(*(edge / recorded.bin for edge in size)) if size else None
    volume = open_volume(path, dataset=source["dataset"], voxel_size_nm=file_size)
    # What "auto" came to then, and the polarity that was found.
    params = replace(recorded, precision=run["precision"], invert=run["inverted"])
    with tempfile.TemporaryDirectory() as folder:
        made = out or Path(folder)
        segmentation.segment(volume, model, made, params, progress, engine=run.get("engine"))
        again = dict(other_classes(made)).get(run.get("class", ""), made)
        score, now = open_score(again / SCORE_NAME), read_json(again / segmentation.RUN_NAME) or {}
        old = run_json.parent / SCORE_NAME
        differences = _differences(open_score(old), score) if old.is_dir() else {}
    then = {"device": run["device"], "engine": run.get("engine"), **run["versions"]}
    today = {"device": now["device"], "engine": now["engine"], **now["versions"]}
    return {
        "same": now["voxels_sha256"] == run["voxels_sha256"],
        "voxels_sha256": now["voxels_sha256"],
        "recorded_voxels_sha256": run["voxels_sha256"],
        "different_fraction": None,
        "flipped_fraction": None,
        "largest_difference": None,
        **differences,
        "changed": {
            name: [then.get(name), today.get(name)]
            for name in sorted({*then, *today})
            if then.get(name) != today.get(name)
        },
        "seconds": now["seconds"],
    }


def _differences(old: Score, new: Score) -> dict[str, Any]:
    if old.volume.shape != new.volume.shape:
        return {}
    different = flipped = largest = 0
    for first, end in old.volume.slabs(1):
        before, after = old.volume.read(first, end), new.volume.read(first, end)
        gap = np.abs(before.astype(np.int16) - after)
        different += int(np.count_nonzero(gap))
        flipped += int(np.count_nonzero((before > 127) != (after > 127)))
        largest = max(largest, int(gap.max()))
    voxels = int(np.prod(old.volume.shape))
    return {
        "different_fraction": different / voxels,
        "flipped_fraction": flipped / voxels,
        "largest_difference": largest * 2 / 255,
    }
