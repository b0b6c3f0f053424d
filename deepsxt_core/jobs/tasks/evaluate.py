"""Comparison of a score with a truth as a job."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core.files import file_sha256, write_json
from deepsxt_core.jobs.tasks.task import PROCESSOR, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import Tomogram


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.evaluation import EvaluateParams
    from deepsxt_core.workspace.truths import open_truth

    score, rest = required(params, "score", "the result to compare")
    truth, rest = required(rest, "truth", "the file with the truth")
    open_truth(tomogram, score, Path(truth))
    return {
        "step": "evaluate",
        "score": score,
        "truth_sha256": file_sha256(Path(truth)),
        "voxel_size_nm": tomogram.score(score).volume.voxel_size_nm,
        "params": asdict(checked(EvaluateParams, rest)),
    }


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.evaluation import EvaluateParams
    from deepsxt_core.workflow import pipeline
    from deepsxt_core.workspace.truths import open_truth

    begun = time.monotonic()
    score, rest = required(params, "score", "the result to compare")
    truth, rest = required(rest, "truth", "the file with the truth")
    wanted = checked(EvaluateParams, rest)
    found = pipeline.evaluate(
        tomogram.score(score), open_truth(tomogram, score, Path(truth)), wanted, progress
    )
    run = {
        "params": asdict(wanted),
        "truth": truth,
        "report": found.report(),
        "codes": found.histogram and found.histogram.to_json(),
        "seconds": round(time.monotonic() - begun, 3),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "run.json", run)


EVALUATE = Task(
    title="Evaluation",
    device=PROCESSOR,
    recipe=_recipe,
    run=_run,
    result_kind="evaluations",
)
