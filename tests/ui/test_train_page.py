"""The page *Train*: from a folder of labelled slices to a model, and what it says about it."""

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import psutil
import pytest
from PIL import Image

from deepsxt_core import jobs
from deepsxt_core.jobs.processes import process_mark
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job, write_status
from deepsxt_core.workspace import Workspace
from tests.training.conftest import PairFolder, draw

from .test_pages import button, plain, show, texts

pytestmark = pytest.mark.usefixtures("model", "idle_workers")

SCORES = {"accuracy": 0.9, "precision": 0.5, "recall": 0.7, "f1": 0.6, "iou": 0.4}


@pytest.fixture
def data(workspace_home):
    """A data set that was kept in the workspace."""
    folder = workspace_home / "datasets" / "cells"
    folder.parent.mkdir(parents=True)
    return PairFolder(folder)


def one_training():
    """Return the one job, with its request and its folder of work."""
    (job,) = jobs.list_jobs(Workspace())
    return job


@pytest.fixture
def job():
    request = jobs.TrainRequest(name="mine", data="/nowhere", base="test-model")
    return create_job(Workspace(), request, "0" * 20, Status())


def leave_record(job, better=None):
    """Write what a training writes on its way; and at its end, if `better` is a bool."""
    work = job.folder / "work"
    work.mkdir()
    rows = [
        {"step": 25 * i, "seconds": 30.0 * i, "loss": 1 / (i + 1)} | SCORES | {"tolerant_f1": 0.8}
        for i in range(3)
    ]
    with (work / "training.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    base = SCORES | {"f1": 0.5 if better else 0.65, "tolerant_f1": 0.8}
    (work / "reference.json").write_text(json.dumps({"name": "test-model", "scores": base}))
    Image.fromarray(np.zeros((64, 256), np.uint8)).save(work / "examples.png")
    if better is not None:
        run = {
            "name": "test-model",
            "base": "test-model",
            "scores": SCORES | {"tolerant_f1": 0.8},
            "base_scores": base,
            "better": better,
            "verdict": "Better than its base." if better else "Worse than its base, prefer it.",
            "steps": 50,
            "best_step": 25,
            "chosen": True,
            "choice": "kept after step 25, the best",
            "seconds": 60.0,
            "rule": "2 files",
            "regions": [
                {"name": name, "scores": SCORES | {"f1": new}, "base_scores": base}
                for name, new in (("cell 1", base["f1"] + 0.1), ("cell 2", base["f1"] - 0.1))
            ],
        }
        (work / "run.json").write_text(json.dumps(run))
        write_status(job.folder, Status(state="done", result=job.result_id))


def test_without_data_it_says_what_it_wants(app):
    show(app, "train.py")
    assert "Labelled slices" in texts(app)
    assert not [each for each in app.button if each.label.startswith("Train for")]


def test_a_kept_data_set_is_checked_and_trained_on(app, data):
    data.add_drawn("a", "b")
    data.add("c", draw(7)[0])
    show(app, "train.py")

    found = {metric.label: metric.value for metric in app.metric}
    assert (found["Labelled slices"], found["Unlabelled slices"]) == ("2", "1")
    assert "each of 2 regions is left out in turn" in plain_texts(app)
    assert len(app.get("image")) == 8

    app.number_input(key="minutes").set_value(2.5)
    app.number_input(key="seed").set_value(3).run()
    button(app, "Train for 5 min").click().run()

    assert not app.exception
    request = one_training().request
    assert (request.name, request.base) == ("cells-model", "deepsxt-compact")
    params = request.params
    assert (params.minutes, params.seed, params.split.seed) == (2.5, 3, 3)
    assert app.query_params["training"] == one_training().id


def plain_texts(app):
    return texts(app).replace("\\", "")


@pytest.mark.parametrize("spoil", ["shape", "empty", "damaged"])
def test_spoiled_data_is_told_before_anything_is_started(app, data, spoil):
    image, label = draw(0)
    match spoil:
        case "shape":
            data.add("bad", image, label[:-6])
        case "empty":
            data.add("bad", image, np.zeros_like(label))
        case "damaged":
            data.add_drawn("good")
            data.add("bad", image, label)
            (data.path / "bad.tif").write_bytes(b"II*\0nothing")
    show(app, "train.py")

    assert {"shape": "bad.labels.tif", "empty": "no membrane at all", "damaged": "bad.tif"}[
        spoil
    ] in plain(app.error[0])
    assert not [each for each in app.button if each.label.startswith("Train for")]


def test_a_server_folder_is_offered(app, tmp_path, monkeypatch):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b")
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(tmp_path))
    show(app, "train.py")
    app.button_group(key="data_way").set_value("On this server").run()
    app.selectbox(key="data_folder").select("data").run()

    assert not app.exception
    button(app, "Train for 20 min").click().run()

    assert one_training().request.data == str(folder.path)


def test_a_taken_name_is_refused(app, data):
    data.add_drawn("a", "b")
    show(app, "train.py")
    app.text_input(key="name").set_value("test-model").run()
    button(app, "Train for 20 min").click().run()

    assert "already" in plain(app.error[0])
    assert jobs.list_jobs(Workspace()) == []


@pytest.fixture
def process():
    """A process that a job can be said to run in, and that may be ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield psutil.Process(child.pid)
        child.kill()


def test_a_training_at_work_shows_curves_and_is_cancelled(app, job, process):
    leave_record(job)
    status = Status(
        state="running", stage="Training", unit="s", done=60, total=600, remaining_s=540.0,
        pid=process.pid, process_mark=process_mark(process.pid), started=datetime.now(UTC),
        updated=datetime.now(UTC),
    )  # fmt: skip
    write_status(job.folder, status)
    show(app, "train.py")

    assert {metric.label: metric.value for metric in app.metric}["F1"] == "0.600"
    assert len(app.get("plotly_chart")) == 2
    assert "about 9 min left" in app.get("progress")[0].proto.text
    button(app, "Cancel").click().run()
    assert jobs.read_job(Workspace(), job.id).state in ("cancelling", "cancelled")
    process.wait(30)


@pytest.mark.parametrize("better", [True, False])
def test_the_outcome_is_told_plainly(app, job, better):
    leave_record(job, better)
    show(app, "train.py", training=job.id)

    told = app.success if better else app.warning
    assert ("Better" if better else "Worse") in plain(told[0])
    regions = next(each.value for each in app.dataframe if "Region left out" in each.value)
    assert regions.iloc[:, [0, 3]].to_numpy().tolist() == [
        ["cell 1", "better"],
        ["cell 2", "worse"],
    ]
    button(app, "Segment with it").click().run()
    assert not app.exception
    assert app.session_state["model"] == "test-model"


def test_an_interrupted_training_is_resumed(app, job):
    leave_record(job)
    (job.folder / "work" / "checkpoint.npz").touch()
    write_status(job.folder, Status(state="interrupted"))
    show(app, "jobs.py")
    assert "50 steps kept" in texts(app)
    show(app, "train.py", training=job.id)
    button(app, "Resume").click().run()
    assert jobs.read_job(Workspace(), job.id).state == "queued"


def test_the_jobs_page_opens_it(app, job):
    leave_record(job, better=True)
    show(app, "jobs.py")
    assert "**Training** of **mine**" in texts(app)
    button(app, "Open result").click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert "Better than" in plain(app.success[0])
