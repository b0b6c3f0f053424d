"""Segment a file as the command line does: ``python -m benchmarks.suite.end_to_end FILE OUT``.

Printed is what the whole process took, and for what part of the scoring the network was at work.
"""

import json
import resource
import sys
import time
from pathlib import Path

from deepsxt_core.inference import Predictor
from deepsxt_core.io import open_volume
from deepsxt_core.network import open_model
from deepsxt_core.progress import NoProgress
from deepsxt_core.workflow.segmentation import segment


class _Scoring(NoProgress):
    """Notes when the scoring begins."""

    begun = 0.0

    def stage(self, name: str, total: int, unit: str) -> None:  # noqa: ARG002
        """Note it."""
        if name == "Segmenting":
            self.begun = time.perf_counter()


def main() -> None:
    """Segment, and print what it took."""
    at_work, score = [], Predictor.score

    def timed(self: Predictor, slices: object) -> object:
        begun = time.perf_counter()
        try:
            return score(self, slices)
        finally:
            at_work.append(time.perf_counter() - begun)

    Predictor.score = timed
    started, progress = time.perf_counter(), _Scoring()
    segment(open_volume(Path(sys.argv[1])), open_model(), sys.argv[2], progress=progress)
    ended, usage = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "cpu_s": time.process_time(),
                "wall_s": ended - started,
                "peak_mb": usage.ru_maxrss / 1024,
                "busy": sum(at_work) / (ended - progress.begun),
            }
        )
    )


if __name__ == "__main__":
    main()
