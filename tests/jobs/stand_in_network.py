"""A worker whose network is a little arithmetic: all of a segmentation but TensorFlow.

``python -m tests.jobs.stand_in_network JOB_FOLDER``
"""

import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs.tasks import NETWORK, TASKS, Task
from deepsxt_core.jobs.worker import run_job
from deepsxt_core.workflow import segmentation

MODEL = SimpleNamespace(
    info=SimpleNamespace(name="stand-in", folder=Path("stand-in"), sha256=lambda: "0" * 64),
    config=SimpleNamespace(pixel_size_nm=None),
)


class StandInPredictor:
    """Scores by grey value alone."""

    device = "CPU"
    precision = "float32"

    def settle_precision(self, _slices):
        return self.precision

    def take_precision(self, precision):
        self.precision = precision

    def batch_slices(self, _height, _width):
        return 2

    def score(self, slices):
        return np.tanh(slices).astype(np.float32)


def recipe(tomogram, params):
    return {"input": tomogram.input_sha256(), "params": asdict(SegmentParams(**params))}


def segment(volume, out, params=None, progress=None, **more):
    """Call the real `segmentation.segment` with the stand-in."""
    kept = segmentation._predictor
    segmentation._predictor = lambda *_: StandInPredictor()
    try:
        return segmentation.segment(volume, MODEL, out, params, progress, **more)
    finally:
        segmentation._predictor = kept


def run(tomogram, params, out, progress):
    segment(
        tomogram.volume(),
        out,
        SegmentParams(**params),
        progress,
        resume=True,
        input_sha256=tomogram.input_sha256(),
    )


TASK = Task(title="Stand-in", device=NETWORK, recipe=recipe, run=run, result_kind="scores")

if __name__ == "__main__":
    TASKS["segment"] = TASK
    run_job(Path(sys.argv[1]))
