"""The command `deepsxt jobs`."""

import json

import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.jobs import SegmentRequest, runner
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job, write_status
from deepsxt_core.workspace import Workspace


@pytest.fixture
def workspace(workspace_home):
    return Workspace(workspace_home)


@pytest.fixture
def job(workspace, tomogram):
    return create_job(workspace, SegmentRequest(model="m"), "a", Status(), tomogram.id)


def call(capsys, *arguments):
    code = main(["jobs", *arguments])
    return code, capsys.readouterr()


def test_jobs_are_listed_and_shown(capsys, job):
    failed = Status(state="failed", error="Too dark.", done=1, total=3, unit="slice")
    write_status(job.folder, failed)
    (job.folder / "log.txt").write_text("what it printed\n")
    code, printed = call(capsys, "list", "--json")
    (listed,) = json.loads(printed.out)["jobs"]
    assert (code, listed["id"], listed["state"], listed["name"]) == (
        0,
        job.id,
        "failed",
        "scan.tif",
    )
    _, printed = call(capsys, "show", job.id)
    for text in (job.id, "failed", "1/3 slices", "scan.tif", "Too dark.", "what it printed"):
        assert text in printed.out


def test_a_job_is_cancelled_resumed_and_forgotten(capsys, job, monkeypatch):
    monkeypatch.setattr(runner, "start", lambda *_: None)
    assert json.loads(call(capsys, "cancel", job.id, "--json")[1].out)["state"] == "cancelled"
    write_status(job.folder, Status(state="cancelled"))
    assert json.loads(call(capsys, "resume", job.id, "--json")[1].out)["state"] == "queued"
    write_status(job.folder, Status(state="done"))
    assert json.loads(call(capsys, "clean", "--json")[1].out)["forgotten"] == [job.id]
    assert call(capsys, "list")[1].out == "There are no jobs.\n"


def test_an_unknown_job_is_an_error_in_one_line(capsys):
    code, printed = call(capsys, "show", "0" * 18)
    assert code == 1
    assert printed.err.startswith("deepsxt: There is no job")
