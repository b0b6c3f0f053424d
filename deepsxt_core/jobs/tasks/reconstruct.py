"""Reconstruction of surfaces as a job."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.files import write_json
from deepsxt_core.jobs.tasks.task import PROCESSOR, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Tomogram


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.surface import ReconstructParams

    score, rest = required(params, "score", "the result to start from")
    volume = tomogram.score(score).volume
    return {
        "step": "reconstruct",
        "score": score,
        "voxel_size_nm": volume.voxel_size_nm,
        "origin_nm": volume.origin_nm,
        "params": asdict(checked(ReconstructParams, rest)),
    }


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core import pipeline
    from deepsxt_core.surface import ReconstructParams
    from deepsxt_core.surface.view import write_views

    begun = time.monotonic()
    score, rest = required(params, "score", "the result to start from")
    wanted = checked(ReconstructParams, rest)
    # The part that was scored, for the mean grey value in each object.
    volume = tomogram.volume(tomogram.result("scores", score).region)
    surfaces = pipeline.reconstruct(tomogram.score(score), wanted, progress, tomogram=volume)
    surfaces.save(out)
    progress.stage("Preparing the 3D view", 1, "view")
    write_views(surfaces, out)
    progress.advance()
    seconds = round(time.monotonic() - begun, 3)
    run = {
        "params": asdict(wanted),
        "whole_origin_nm": volume.whole_origin_nm,
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
