"""The real worker with a stand-in task, which takes its behaviour from ``request.mode``."""

import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs import runner
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.tasks import NETWORK, TASKS, Task
from deepsxt_core.jobs.worker import main
from deepsxt_core.parameters import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInRequest:
    """What the stand-in shall do."""

    kind: ClassVar[str] = "segment"
    mode: str
    gate: str | None = None
    number: int = 0


def identity(tomogram, request):
    return {"input": tomogram.input_sha256(), "params": plain(request)}


def run(_tomogram, request, out, progress):
    (out / "data").write_text("half")
    progress.stage("Working", 3, "slice")
    match request.mode:
        case "block":
            threading.Event().wait()
        case "polite":
            # Hears of the wish to stop from the marker alone, as where there is no SIGTERM.
            while True:
                progress.advance(0)
        case "gate":
            progress.advance()
            while not Path(request.gate).exists():
                progress.advance(0)
                time.sleep(0.05)
            progress.advance()
            return _finish(out)
        case "fail":
            raise DeepSXTError("The volume is too dark. Choose another.")
        case "bug":
            raise ZeroDivisionError("a bug")
    progress.advance(3)
    return _finish(out)


def _finish(out):
    (out / "run.json").write_text('{"seconds": 1}')


STAND_IN_TASK = Task(
    title="Segmentation", device=NETWORK, identity=identity, run=run, result_kind="scores"
)

if __name__ == "__main__":
    TASKS["segment"], REQUESTS["segment"] = STAND_IN_TASK, StandInRequest
    runner.WORKER = (sys.executable, __file__)
    main(Path(sys.argv[1]))
