"""The real worker with stand-in tasks, which take their behaviour from ``params["mode"]``."""

import sys
import threading
import time
from pathlib import Path

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs.tasks import NETWORK, TASKS, Task
from deepsxt_core.jobs.worker import run_job


def recipe(tomogram, params):
    return {"input": tomogram.input_sha256(), "params": dict(params)}


def run(_tomogram, params, out, progress):
    (out / "data").write_text("half")
    progress.stage("Working", 3, "slice")
    match params["mode"]:
        case "block":
            threading.Event().wait()
        case "polite":
            # Hears of the wish to stop from the marker alone, as where there is no SIGTERM.
            while True:
                progress.advance(0)
        case "gate":
            progress.advance()
            while not Path(params["gate"]).exists():
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
    title="Segmentation", device=NETWORK, recipe=recipe, run=run, result_kind="scores"
)

if __name__ == "__main__":
    TASKS["segment"] = STAND_IN_TASK
    run_job(Path(sys.argv[1]))
