"""Training as a job: the model lands in the library, also after a kill."""

import os

import numpy as np
import pytest

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json
from deepsxt_core.jobs import (
    TrainRequest,
    clean,
    job_folder,
    job_log,
    kept_note,
    list_jobs,
    read_job,
    resume,
    submit,
)
from deepsxt_core.network import find_model, list_models, load_model, save_model
from deepsxt_core.parameters import parsed
from deepsxt_core.training.records import CHECKPOINT_NAME, read_log
from deepsxt_core.workspace import Workspace
from tests.models import small_config, small_network
from tests.training.conftest import PairFolder
from tests.waiting import wait_until

STEPS = 24


@pytest.fixture
def base():
    folder = settings.workspace_folder() / "models" / "base"
    save_model(folder, small_network(), small_config(2), "")
    return folder


@pytest.fixture
def data(tmp_path):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b")
    return folder.path


def request(data, name, **params):
    small = {"minutes": None, "steps": STEPS, "batch_size": 2, "crop_px": 32, "regions": 1}
    training = small | {"validation_steps": 8, "rehearsal": 0.0} | params
    return {"name": name, "data": str(data), "base": "base", "params": training}


def ask(wish):
    request = parsed(TrainRequest, wish, "The request")
    return submit(Workspace(), request)


def finished(job):
    found = read_job(Workspace(), job.id)
    assert found.state in ("queued", "running", "done"), job_log(found)
    return found if found.state == "done" else None


@pytest.mark.usefixtures("base")
def test_a_killed_training_is_resumed_to_the_same_model(data):
    workspace = Workspace()
    whole = ask(request(data, "whole"))
    wait_until(lambda: finished(whole))

    killed = ask(request(data, "killed"))
    # The same wish again finds the job that is at work on it.
    assert ask(request(data, "killed")).id == killed.id
    work = job_folder(workspace, killed)
    wait_until(lambda: (work / CHECKPOINT_NAME).is_file())
    os.kill(read_job(workspace, killed.id).status.pid, 9)
    wait_until(lambda: read_job(workspace, killed.id).state == "interrupted")
    assert "killed" not in [info.name for info in list_models()]
    assert kept_note(workspace, killed).endswith("steps")
    assert [job.id for job in clean(workspace)] == [whole.id]
    resume(workspace, killed.id)
    wait_until(lambda: finished(killed))

    run = read_json(work / "run.json")
    assert 8 <= run["continued_from"] < STEPS
    assert run["steps"] == STEPS
    assert find_model("killed").card.splitlines()[0] == "# killed"
    assert (find_model("killed").folder / "examples.png").is_file()
    assert not (work / CHECKPOINT_NAME).exists()
    for one, other in zip(
        load_model("killed").network.get_weights(),
        load_model("whole").network.get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert [row["step"] for row in read_log(work)][-1] == STEPS


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "base"}, "already"),
        ({"data": "/nowhere"}, "no folder"),
        ({"base": "unknown"}, "no model"),
        ({"params": {"steps": 0}}, "steps"),
        ({"params": {"colour": 1}}, "colour"),
        ({"reading": {"invert": None, "colour": 1}}, "colour"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(data, change, text):
    wish = request(data, "mine")

    with pytest.raises(DeepSXTError, match=text):
        ask(wish | change)

    assert list_jobs(Workspace()) == []
