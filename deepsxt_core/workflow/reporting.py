"""The report of an analysis: measure, draw, and write all of it into one HTML file."""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.annotation.review_state import ReviewState
from deepsxt_core.errors import DrawingError
from deepsxt_core.export.figures import write_picture
from deepsxt_core.export.middle_planes import PlanePicture, middle_planes
from deepsxt_core.export.report import Picture, ReportContent, write_report
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface import (
    ProcessParams,
    ReconstructParams,
    Surfaces,
    UncertaintyParams,
)
from deepsxt_core.surface.view import thinned
from deepsxt_core.volume import Labels, Mask, Score, Volume
from deepsxt_core.workflow import pipeline

logger = logging.getLogger(__name__)


def report(
    path: Path,
    tomogram: Volume,
    source: Score | Mask,
    params: ReconstructParams | None = None,
    processes: ProcessParams | None = None,
    progress: Progress | None = None,
    *,
    name: str,
    steps: Mapping[str, Mapping[str, Any]] | None = None,
    surfaces: Surfaces | None = None,
    review: ReviewState | None = None,
    uncertainty: UncertaintyParams | None = None,
) -> Path:
    """Measure all objects and write a self-contained HTML report to `path`; return it.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    tomogram : Volume
        What was segmented.
    source : Score or Mask
        What the surfaces are made of.
    params, processes : optional
        Of surfaces and thin processes.
    progress : Progress, optional
    name : str
        Of the tomogram, for people.
    steps : mapping, optional
        Records of the steps before, such as ``{"segment": run}``.
    surfaces : Surfaces, optional
        What `params` have made of `source`, where it is at hand.
    review : ReviewState, optional
        Of the annotation that `source` is of.
    uncertainty : UncertaintyParams, optional
    """
    uncertainty = uncertainty or UncertaintyParams()
    params, progress = params or ReconstructParams(), progress or NoProgress()
    processes = processes or ProcessParams()
    measured = pipeline.measure(
        source,
        params,
        processes,
        progress,
        tomogram=tomogram,
        surfaces=surfaces,
        uncertainty=uncertainty,
    )
    chosen = asdict(processes) | asdict(uncertainty)
    own = {"reconstruct": {"params": asdict(params)}, "measure": {"params": chosen}}
    thresholds = params.threshold, params.low
    planes = middle_planes(tomogram, source, thresholds, measured.surfaces.objects, progress)
    progress.stage("Drawing", 1, "picture")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".report-") as scratch:
        content = ReportContent(
            name=name,
            tomogram=tomogram,
            segmentation=_segmentation(source, params),
            measurements=measured,
            steps=dict(steps or {}) | own,
            review=review,
            voxel_size_error=uncertainty.voxel_size_error,
            pictures=[*_pictures(planes, Path(scratch)), *_scene(measured.surfaces, Path(scratch))],
        )
        progress.advance()
        return write_report(path, content)


def _segmentation(source: Score | Mask, params: ReconstructParams) -> str:
    if isinstance(source, Score):
        return f"the network's score {params.above}"
    return "an annotation" if isinstance(source, Labels) else "labels from a file"


def _pictures(planes: Sequence[PlanePicture], folder: Path) -> Iterator[Picture]:
    for place, plane in enumerate(planes):
        file = folder / f"plane-{place}.png"
        file.write_bytes(plane.png)
        yield Picture(file=file, title=plane.title, caption=plane.caption)


def _scene(surfaces: Surfaces, folder: Path) -> list[Picture]:
    """Draw the surfaces; a computer that cannot draw gets a report without that picture."""
    try:
        file = write_picture(thinned(surfaces), folder / "surfaces.png")
    except DrawingError as error:
        logger.warning("The report has no picture of the surfaces: %s", error)
        return []
    return [Picture(file=file, title="Surfaces in 3D", caption=f"Axes in {surfaces.unit}.")]
