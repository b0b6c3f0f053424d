"""A model is tried on a slice in a process that stays warm, and may die without harm."""

import json
import sys
import threading

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, DeepSXTError
from deepsxt_core.inference import Predictor, SegmentParams
from deepsxt_core.io import write_tiff
from deepsxt_core.jobs import trial, trial_worker
from deepsxt_core.network import Model
from deepsxt_core.volume import Volume
from deepsxt_core.workflow.preview import preview_slice
from deepsxt_core.workspace import Workspace
from tests.jobs.stand_in_network import MODEL, StandInPredictor

# Scores with its number and the slice; other slices make it do what it should not.
STAND_IN = """
import os, signal, time
import numpy as np
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs import trial_worker

def answer(asked):
    print("a library says something")
    if asked["z"] == 7:
        raise DeepSXTError("There is no slice 7.")
    if asked["z"] == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    if asked["z"] == 9:
        trial_worker.REST_S = 0
    if asked["z"] == 10:
        time.sleep(600)
    return np.full((2, 3), os.getpid(), np.float32), 0.25

trial_worker.answer = answer
trial_worker.main()
"""


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "scan.tif"
    write_tiff(Volume.from_array(np.random.default_rng(0).normal(size=(3, 16, 20))), path)
    return Workspace().add_file(path)


@pytest.fixture
def desk(monkeypatch):
    monkeypatch.setattr(trial, "COMMAND", (sys.executable, "-c", STAND_IN))
    desk = trial.TrialDesk()
    yield desk
    desk.close()


@pytest.mark.skipif(sys.platform == "win32", reason="A process ends otherwise there.")
def test_one_process_answers_until_it_dies_or_rests(desk, tomogram, tmp_path):
    def pid(z, tomogram=tomogram):
        scores, seconds = desk.score(tomogram, "model", z, SegmentParams())
        assert seconds == 0.25
        assert (scores.shape, scores.dtype) == ((2, 3), np.float32)
        return int(scores[0, 0])

    first = pid(0)
    with pytest.raises(DeepSXTError, match="no slice 7"):
        pid(7)
    assert pid(1) == first
    with pytest.raises(DeepSXTError, match="SIGKILL"):
        pid(8)
    second = pid(0)
    assert second != first
    # Then nobody asks for a while.
    assert pid(9) == second
    third = pid(0)
    assert third != second
    # Who stops a try stops that one alone.
    stop = threading.Event()
    threading.Timer(0.2, desk.stop, [stop]).start()
    with pytest.raises(CancelledError):
        desk.score(tomogram, "model", 10, SegmentParams(), stop)
    with pytest.raises(CancelledError):
        desk.score(tomogram, "model", 0, SegmentParams(), stop)
    third = pid(0)
    desk.stop(stop)
    assert pid(0) == third
    # Another workspace has models of its own.
    assert pid(0, Workspace(tmp_path / "another").add_file(tomogram.source)) != third
    process = desk._process
    process.stdin.close()
    assert process.wait(60) == 0, "It must end with whoever started it."


def test_what_it_answers_is_the_preview(tomogram, monkeypatch):
    monkeypatch.setattr(Predictor, "of", lambda *_: StandInPredictor())
    monkeypatch.setattr(trial_worker, "open_model", lambda _: Model(MODEL.info, MODEL.config))
    monkeypatch.setattr(trial_worker, "find_installed", lambda _: MODEL.info)
    monkeypatch.setattr(trial, "_started", lambda: None)
    monkeypatch.setattr(
        trial, "_asked", lambda _, line: told.append(line) or {"shape": [0], "seconds": 1}
    )
    monkeypatch.setattr(trial, "_values", lambda *_: None)
    told, desk = [], trial.TrialDesk()
    params = SegmentParams(crop="1:3,:,2:18", void=False)
    desk.score(tomogram, "stand-in", 1, params)
    expected = preview_slice(tomogram.volume(), MODEL, 1, params)
    assert expected.shape == (16, 16)
    for _ in range(2):
        found, seconds = trial_worker.answer(json.loads(told[0]))
        assert seconds > 0
        np.testing.assert_array_equal(found, expected)
    # What is corrected about the tomogram counts at once.
    Workspace().tomogram(tomogram.id).update(invert=True)
    wanted = SegmentParams(crop="1:3,:,2:18", void=False, invert=True)
    desk.score(Workspace().tomogram(tomogram.id), "stand-in", 1, wanted)
    found, _ = trial_worker.answer(json.loads(told[1]))
    np.testing.assert_allclose(found, -expected, atol=1e-6)
