import errno
import json
import subprocess
import tempfile

import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.inference.survey import survey
from deepsxt_core.network import find_model
from deepsxt_core.workflow import checkup


@pytest.fixture(autouse=True)
def healthy(monkeypatch, tmp_path):
    """A computer on which nothing is amiss, so that each test spoils one thing alone."""
    monkeypatch.setenv("DEEPSXT_HOME", str(tmp_path / "home"))
    told = {"backend": "tensorflow", "device": "CPU", "processor": "Test 9000"}
    monkeypatch.setattr(checkup, "_survey", lambda: told)
    monkeypatch.setattr(checkup.shutil, "which", lambda _name: None)
    monkeypatch.setattr(checkup, "_LEAST_DISK_BYTES", 0)
    monkeypatch.setattr(checkup, "_LEAST_MEMORY_BYTES", 0)


def items(topic):
    return [item for item in checkup.check_up() if item.topic == topic]


def not_ok():
    return [(item.topic, item.level) for item in checkup.check_up() if item.level != "ok"]


def test_a_sound_installation_has_nothing_to_advise(capsys):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["items"]
    assert {(item["level"], item["advice"]) for item in told} == {("ok", "")}
    text = checkup.as_text(checkup.check_up())
    assert find_model("deepsxt-compact").sha256() in text
    assert "Test 9000" in text


def test_what_computes_is_told_by_its_process():
    assert survey().keys() == {"backend", "device", "processor"}
    assert all(survey().values())


@pytest.mark.parametrize(
    "error",
    [
        OSError("no"),
        subprocess.TimeoutExpired("python", 1),
        subprocess.CalledProcessError(-11, "python"),
        ValueError("no JSON"),
    ],
)
def test_software_that_does_not_load_is_a_problem_and_the_exit_code(monkeypatch, capsys, error):
    def fail():
        raise error

    monkeypatch.setattr(checkup, "_survey", fail)
    assert main(["doctor"]) == 1
    assert type(error).__name__ in capsys.readouterr().out
    assert not_ok() == [("Device", "problem")]


def test_a_gpu_that_is_not_used_is_noticed(monkeypatch):
    monkeypatch.setattr(checkup.shutil, "which", lambda _name: "/usr/bin/nvidia-smi")
    assert not_ok() == [("GPU", "notice")]


def test_a_folder_that_takes_nothing_is_a_problem(monkeypatch):
    def fail(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    assert not_ok() == [("Workspace", "problem"), ("Temporary files", "problem")]


def test_little_room_and_memory_are_noticed(monkeypatch):
    monkeypatch.setattr(checkup, "_LEAST_DISK_BYTES", 1e30)
    monkeypatch.setattr(checkup, "_LEAST_MEMORY_BYTES", 1e30)
    topics = ["Memory", "Workspace", "Temporary files"]
    assert not_ok() == [(topic, "notice") for topic in topics]


def test_a_missing_model_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setattr("deepsxt_core.settings.assets_folder", lambda: tmp_path)
    assert not_ok() == [("Model", "problem")]


@pytest.mark.parametrize("name", ["DEEPSXT_ENGINE", "DEEPSXT_MAX_UPLOAD_GB"])
def test_a_wrong_setting_is_named(monkeypatch, name):
    monkeypatch.setenv(name, "quick")
    (item,) = items("Settings")
    assert item.level == "problem"
    assert name in item.found
