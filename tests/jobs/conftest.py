import sys

import numpy as np
import pytest
import tifffile

from deepsxt_core.jobs import runner
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.jobs.worker import run_job
from deepsxt_core.workspace import Workspace

from . import stand_in_network, stand_in_worker


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def tomogram(workspace, tmp_path):
    path = tmp_path / "scan.tif"
    noise = np.random.default_rng(0).integers(0, 255, (3, 8, 8), np.uint8)
    tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "ZYX"})
    return workspace.add_file(path)


@pytest.fixture
def stand_in(monkeypatch):
    """Let `submit` start the real worker with a task that needs no network."""
    start, started = runner.start, []
    monkeypatch.setitem(TASKS, "segment", stand_in_worker.STAND_IN_TASK)
    monkeypatch.setitem(REQUESTS, "segment", stand_in_worker.StandInRequest)
    monkeypatch.setattr(runner, "WORKER", (sys.executable, stand_in_worker.__file__))
    monkeypatch.setattr(runner, "start", lambda *args: started.append(start(*args)))
    yield
    # The threads that wait for the workers start no others then.
    monkeypatch.setattr(runner, "start_waiting", lambda _: None)
    # Not through the jobs: a worker that has just been started is not in its status yet.
    for process in started:
        process.kill()
        process.wait(30)


@pytest.fixture
def in_process(monkeypatch):
    """Let jobs run here, at once; signals keep their meaning."""

    def start(folder, _command):
        monkeypatch.setattr("deepsxt_core.jobs.worker.signal.signal", lambda *_: None)
        try:
            run_job(folder)
        except OSError as error:
            (folder / "log.txt").write_text(str(error))

    monkeypatch.setitem(TASKS, "segment", stand_in_network.TASK)
    monkeypatch.setitem(REQUESTS, "segment", stand_in_network.StandInRequest)
    monkeypatch.setattr(runner, "start", start)
