"""Comparison of a score or an annotation with a truth as a job."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.files import write_json
from deepsxt_core.fingerprints import content_sha256, unchanged
from deepsxt_core.io import SCORE_NAME
from deepsxt_core.jobs.requests import EvaluateRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.network.calibrations import calibration_of_score
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask, Score
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.annotations import annotation
from deepsxt_core.workspace.results import RUN_NAME


def _identity(tomogram: Tomogram, request: EvaluateRequest) -> Identity:
    found, _ = _compared(tomogram, request)
    if request.score is not None:
        tomogram.require_same_input(tomogram.result("scores", request.score))
    identity: dict[str, Any] = {
        "step": "evaluate",
        "score": request.score,
        "input_sha256": tomogram.input_sha256(),
        "voxel_size_nm": found.volume.voxel_size_nm,
        "params": plain(request.params),
        "tells": ["slices", "objects", "calibration"],
    }
    if request.annotation is not None:
        identity["annotation"] = plain(request.annotation)
    if request.truth is not None:
        identity["truth_sha256"] = content_sha256(Path(request.truth))
    if request.true_annotation is not None:
        identity["true_annotation"] = plain(request.true_annotation)
    return identity


def _compared(tomogram: Tomogram, request: EvaluateRequest) -> tuple[Score | Mask, Mask]:
    """Return what is compared, and the truth."""
    from deepsxt_core.workspace.truths import Compared, open_truth

    source = request.score if request.annotation is None else request.annotation
    truth = request.true_annotation or Path(request.truth or "")
    compared = Compared.of(tomogram, source or "")
    return compared.found, open_truth(tomogram, compared, truth)


def _run(tomogram: Tomogram, request: EvaluateRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workflow import pipeline
    from deepsxt_core.workflow.object_agreement import compare_objects

    begun = time.monotonic()
    truth = None if request.truth is None else Path(request.truth)
    with unchanged(truth), unchanged(tomogram.source):
        found, known = _compared(tomogram, request)
        evaluated = pipeline.evaluate(found, known, request.params, progress)
        objects = compare_objects(found, known, request.params, progress)
    carried = None
    if request.score is not None:
        scored = tomogram.result("scores", request.score)
        carried = calibration_of_score(scored.folder / SCORE_NAME)
    run = {
        "params": plain(request.params),
        "truth": request.truth,
        "report": evaluated.report(carried) | {"objects": asdict(objects)},
        "codes": evaluated.histogram and evaluated.histogram.to_json(),
        "seconds": round(time.monotonic() - begun, 3),
    }
    if request.score is not None:
        run |= tomogram.result("scores", request.score).of_class()
    if request.annotation is not None:
        region = annotation(tomogram, request.annotation.id).region
        run["annotation"] = {"region": {"crop": region.crop, "bin": region.bin}}
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / RUN_NAME, run)


EVALUATE = Task(
    title="Evaluation",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="evaluations",
)
