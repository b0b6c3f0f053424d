"""Measurement of surfaces, with error bars and thin processes, as a job."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from deepsxt_core.files import write_json
from deepsxt_core.geometry import VoxelSize
from deepsxt_core.jobs.tasks.task import PROCESSOR, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Tomogram


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.surface import ProcessParams

    surface, rest = required(params, "surface", "the surfaces to measure")
    tomogram.result("surfaces", surface)
    return {
        "step": "measure",
        "surface": surface,
        "params": asdict(checked(ProcessParams, rest)),
    }


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.surface import ProcessParams, ReconstructParams, Surfaces
    from deepsxt_core.workflow import pipeline

    begun = time.monotonic()
    surface, rest = required(params, "surface", "the surfaces to measure")
    wanted = checked(ProcessParams, rest)
    made = tomogram.result("surfaces", surface)
    source = tomogram.segmentation(made.run["recipe"]["score"])
    # As it was when the surfaces were made: it may have been corrected since.
    size, origin = (made.run["recipe"][name] for name in ("voxel_size_nm", "origin_nm"))
    volume = replace(
        source.volume,
        voxel_size_nm=None if size is None else VoxelSize(*size),
        origin_nm=tuple(origin),
    )
    measured = pipeline.measure(
        replace(source, volume=volume),
        ReconstructParams(**made.run["params"]),
        wanted,
        progress,
        surfaces=Surfaces.load(made.folder),
    )
    measured.write(out)
    seconds = round(time.monotonic() - begun, 3)
    write_json(out / "run.json", {"params": asdict(wanted), "seconds": seconds})


MEASURE = Task(
    title="Measurement",
    device=PROCESSOR,
    recipe=_recipe,
    run=_run,
    result_kind="measurements",
)
