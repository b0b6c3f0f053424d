"""Measurement of surfaces, with error bars and thin processes, as a job."""

import time
from pathlib import Path

from deepsxt_core.files import write_json
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.jobs.requests import MeasureRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.results import RUN_NAME


def _identity(tomogram: Tomogram, request: MeasureRequest) -> Identity:
    surface = tomogram.result("surfaces", request.surface)
    surface.params(ReconstructParams)
    tomogram.require_same_input(surface)
    return {
        "step": "measure",
        "surface": request.surface,
        "input_sha256": tomogram.input_sha256(),
        "params": plain(request.params),
        "uncertainty": plain(request.uncertainty),
    }


def _run(tomogram: Tomogram, request: MeasureRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.surface import Surfaces
    from deepsxt_core.workflow import pipeline

    begun = time.monotonic()
    surface = tomogram.result("surfaces", request.surface)
    with unchanged(tomogram.source):
        measured = pipeline.measure(
            tomogram.surface_source(surface),
            surface.params(ReconstructParams),
            request.params,
            progress,
            surfaces=Surfaces.load(surface.folder),
            uncertainty=request.uncertainty,
        )
    measured.write(out)
    seconds = round(time.monotonic() - begun, 3)
    run = {"params": plain(request.params), "uncertainty": plain(request.uncertainty)}
    write_json(out / RUN_NAME, run | {"seconds": seconds} | surface.of_class())


MEASURE = Task(
    title="Measurement",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="measurements",
)
