"""The process that tries models on slices: ``python -m deepsxt_core.jobs.trial_worker``.

It reads requests and writes answers as `trial.TrialDesk` does it: one line of JSON each, which the
scores follow as float32.
"""

import json
import logging
import os
import queue
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil
from numpy.typing import NDArray

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.inference import Preparation, SegmentParams
from deepsxt_core.network import Model, find_installed, open_model
from deepsxt_core.parameters import parsed
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.preview import prepare_preview, preparing_params, timed_preview
from deepsxt_core.workspace import Tomogram, Workspace

REST_S = 300.0
"""After so long without a request it ends."""

MOST_BYTES = 2 << 30
"""It ends after an answer where it holds more: the next one begins afresh."""


def answer(asked: dict[str, Any]) -> tuple[NDArray[np.float32], float]:
    """Score the slice that was asked for; return its scores, and the seconds that they took."""
    params = parsed(SegmentParams, asked["params"], "The request")
    tomogram = Workspace(Path(asked["workspace"])).tomogram(asked["tomogram"])
    # What it says of itself tells whether anything about it has changed.
    volume = _volume(_Known(tomogram))
    model = _model(find_installed(asked["model"]).sha256(), asked["model"])
    preparation = _preparation(_Known(tomogram), model, preparing_params(params))
    return timed_preview(volume, model, asked["z"], params, preparation)


class _Known:
    """A tomogram that is equal to itself as long as nothing is changed."""

    def __init__(self, tomogram: Tomogram) -> None:
        self.tomogram = tomogram
        self._told = f"{tomogram!r} {tomogram.input_sha256()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self._told)


@lru_cache(maxsize=1)
def _volume(known: _Known) -> Volume:
    return known.tomogram.volume()


@lru_cache(maxsize=1)
def _model(_sha256: str, name: str) -> Model:
    return open_model(name)


@lru_cache(maxsize=8)
def _preparation(known: _Known, model: Model, params: SegmentParams) -> Preparation:
    return prepare_preview(_volume(known), model, params)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end, nobody asks any more, or memory has grown too much."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in requests:
            waiting.put(line)
        waiting.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = waiting.get(timeout=REST_S)
        except queue.Empty:
            return
        if not line:
            return
        try:
            scores, seconds = answer(json.loads(line))
        except DeepSXTError as error:
            answers.write(json.dumps({"error": str(error)}).encode() + b"\n")
        else:
            answers.write(json.dumps({"shape": scores.shape, "seconds": seconds}).encode() + b"\n")
            answers.write(np.ascontiguousarray(scores, np.float32).data)
        answers.flush()
        if psutil.Process().memory_info().rss > MOST_BYTES:
            return


def main() -> None:
    """Serve what asks through the standard streams; what libraries print goes to the log."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
    # The thread that reads must not hold the process.
    os._exit(0)


if __name__ == "__main__":
    main()
