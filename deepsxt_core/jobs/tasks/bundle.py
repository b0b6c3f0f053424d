"""The export bundle of a surface as a job."""

from pathlib import Path

from deepsxt_core.files import write_json
from deepsxt_core.fingerprints import unchanged
from deepsxt_core.jobs.requests import BundleRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.results import RUN_NAME


def _identity(tomogram: Tomogram, request: BundleRequest) -> Identity:
    surface = tomogram.result("surfaces", request.surface)
    surface.params(ReconstructParams)
    tomogram.require_same_input(surface)
    return {
        "step": "bundle",
        "surface": surface.id,
        # The bundle shows the tomogram too.
        "input_sha256": tomogram.input_sha256(),
    }


def _run(tomogram: Tomogram, request: BundleRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.export.bundle import BUNDLE_NAME
    from deepsxt_core.workspace.downloads import bundle_result

    surface = tomogram.result("surfaces", request.surface)
    with unchanged(tomogram.source):
        path = bundle_result(tomogram, surface, out / BUNDLE_NAME, progress)
    write_json(out / RUN_NAME, {"bytes": path.stat().st_size, **surface.of_class()})


BUNDLE = Task(
    title="Bundle",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="bundles",
)
