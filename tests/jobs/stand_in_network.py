"""A worker whose network is a little arithmetic: all of a segmentation but TensorFlow.

``python -m tests.jobs.stand_in_network JOB_FOLDER``
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.tasks import NETWORK, TASKS, Task
from deepsxt_core.jobs.worker import run_job
from deepsxt_core.network import MEMBRANE_ALONE
from deepsxt_core.parameters import plain
from deepsxt_core.workflow import segmentation

MODEL = SimpleNamespace(
    info=SimpleNamespace(name="stand-in", folder=Path("stand-in"), sha256=lambda: "0" * 64),
    config=SimpleNamespace(pixel_size_nm=None, classes=MEMBRANE_ALONE),
)


class StandInPredictor:
    """Scores by grey value alone."""

    device = "CPU"
    engine = "stand-in"
    precision = "float32"
    context = 0

    def settle_precision(self, _slices):
        return self.precision

    def take_precision(self, precision):
        self.precision = precision

    def batch_slices(self, _height, _width):
        return 2

    def score(self, slices, _margins=(0, 0)):
        return np.tanh(slices).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInRequest:
    """As for a segmentation, without a model."""

    kind: ClassVar[str] = "segment"
    params: SegmentParams = field(default_factory=SegmentParams)


def identity(tomogram, request):
    return {"input": tomogram.input_sha256(), "params": plain(request.params)}


def segment(volume, out, params=None, progress=None, **more):
    """Call the real `segmentation.segment` with the stand-in."""
    kept = segmentation._predictor
    segmentation._predictor = lambda *_: StandInPredictor()
    try:
        return segmentation.segment(volume, MODEL, out, params, progress, **more)
    finally:
        segmentation._predictor = kept


def run(tomogram, request, out, progress):
    segment(
        tomogram.volume(),
        out,
        request.params,
        progress,
        resume=True,
        input_sha256=tomogram.input_sha256(),
    )


TASK = Task(title="Stand-in", device=NETWORK, identity=identity, run=run, result_kind="scores")

if __name__ == "__main__":
    TASKS["segment"], REQUESTS["segment"] = TASK, StandInRequest
    run_job(Path(sys.argv[1]))
