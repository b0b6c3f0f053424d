"""Comparison of a score with a truth as a job."""

import time
from pathlib import Path

from deepsxt_core.files import write_json
from deepsxt_core.fingerprints import content_sha256
from deepsxt_core.jobs.requests import EvaluateRequest
from deepsxt_core.jobs.tasks.task import PROCESSOR, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Identity, Tomogram
from deepsxt_core.workspace.results import RUN_NAME


def _identity(tomogram: Tomogram, request: EvaluateRequest) -> Identity:
    from deepsxt_core.workspace.truths import open_truth

    truth = Path(request.truth)
    open_truth(tomogram, request.score, truth)
    tomogram.require_same_input(tomogram.result("scores", request.score))
    return {
        "step": "evaluate",
        "score": request.score,
        "input_sha256": tomogram.input_sha256(),
        "truth_sha256": content_sha256(truth),
        "voxel_size_nm": tomogram.todays_score(request.score).volume.voxel_size_nm,
        "params": plain(request.params),
    }


def _run(tomogram: Tomogram, request: EvaluateRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.workflow import pipeline
    from deepsxt_core.workspace.truths import open_truth

    begun = time.monotonic()
    score = tomogram.todays_score(request.score)
    truth = open_truth(tomogram, request.score, Path(request.truth))
    found = pipeline.evaluate(score, truth, request.params, progress)
    run = {
        "params": plain(request.params),
        "truth": request.truth,
        "report": found.report(),
        "codes": found.histogram and found.histogram.to_json(),
        "seconds": round(time.monotonic() - begun, 3),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / RUN_NAME, run)


EVALUATE = Task(
    title="Evaluation",
    device=PROCESSOR,
    identity=_identity,
    run=_run,
    result_kind="evaluations",
)
