"""Reconstruction of surfaces as a job."""

import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.files import write_json
from deepsxt_core.jobs.tasks.task import PROCESSOR, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Tomogram


def _wish(params: Params) -> tuple[str | None, dict[str, Any]]:
    """Return the score to start from, None for the labels that the file holds, and the rest."""
    if "score" in params and params["score"] is None:
        return None, {name: value for name, value in params.items() if name != "score"}
    return required(params, "score", "the result to start from, or null for a file of labels")


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.surface import ReconstructParams

    score, rest = _wish(params)
    volume = tomogram.segmentation(score).volume
    recipe = {
        "step": "reconstruct",
        "score": score,
        "voxel_size_nm": volume.voxel_size_nm,
        "origin_nm": volume.origin_nm,
        "params": asdict(checked(ReconstructParams, rest)),
    }
    if score is None:
        recipe |= {"input_sha256": tomogram.input_sha256(), "dataset": tomogram.dataset}
    return recipe


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.io.writers.ome_zarr import write_ome_zarr
    from deepsxt_core.surface import ReconstructParams, reconstruct_numbered
    from deepsxt_core.surface.view import write_views
    from deepsxt_core.workspace.downloads import INSTANCES_NAME

    begun = time.monotonic()
    score, rest = _wish(params)
    wanted = checked(ReconstructParams, rest)
    source = tomogram.segmentation(score)
    # The part that was scored, for the mean grey value in each object.
    scored = None if score is None else tomogram.volume(tomogram.result("scores", score).region)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".labels-") as scratch:
        labels = Path(scratch) / "labels"
        surfaces, numbered = reconstruct_numbered(source, wanted, labels, progress, tomogram=scored)
        progress.stage("Preparing the 3D view", 2, "part")
        write_ome_zarr(numbered, out / INSTANCES_NAME)
    progress.advance()
    surfaces.save(out)
    write_views(surfaces, out)
    progress.advance()
    seconds = round(time.monotonic() - begun, 3)
    run = {
        "params": asdict(wanted),
        "whole_origin_nm": source.volume.whole_origin_nm,
        "seconds": seconds,
    }
    write_json(out / "run.json", run)


RECONSTRUCT = Task(
    title="Surface",
    device=PROCESSOR,
    recipe=_recipe,
    run=_run,
    result_kind="surfaces",
)
