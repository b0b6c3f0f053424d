"""The report of an analysis as a job."""

from pathlib import Path

from deepsxt_core.files import write_json
from deepsxt_core.jobs.requests import ReportRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.annotated import source_region
from deepsxt_core.workspace.annotations import annotation_of
from deepsxt_core.workspace.results import RUN_NAME


def _identity(tomogram: Tomogram, request: ReportRequest) -> Identity:
    surface = tomogram.result("surfaces", request.surface)
    surface.params(ReconstructParams)
    tomogram.require_same_input(surface)
    kept = annotation_of(tomogram, surface)
    return {
        "step": "report",
        "surface": surface.id,
        "name": tomogram.name,
        "input_sha256": tomogram.input_sha256(),
        "params": plain(request.params),
        "uncertainty": plain(request.uncertainty),
        # A review may go on after the surface was made.
        "annotation": None if kept is None else kept.version().digest,
    }


def _run(tomogram: Tomogram, request: ReportRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.annotation.review_state import review_state
    from deepsxt_core.export.report import REPORT_NAME
    from deepsxt_core.surface import Surfaces
    from deepsxt_core.workflow.reporting import report

    surface = tomogram.result("surfaces", request.surface)
    score_id = surface.identity.get("score")
    score = None if score_id is None else tomogram.result("scores", score_id)
    kept = annotation_of(tomogram, surface)
    region = source_region(tomogram, surface)
    path = report(
        out / REPORT_NAME,
        tomogram.volume(region).with_voxel_size(surface.voxel_size_nm),
        tomogram.surface_source(surface),
        surface.params(ReconstructParams),
        request.params,
        progress,
        name=tomogram.name,
        steps={} if score is None else {"segment": score.run},
        surfaces=Surfaces.load(surface.folder),
        review=None if kept is None else review_state(kept.open()),
        uncertainty=request.uncertainty,
    )
    write_json(out / RUN_NAME, {"bytes": path.stat().st_size, **surface.of_class()})


REPORT = Task(
    title="Report",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="reports",
)
