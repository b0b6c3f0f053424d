"""Jobs that make no result of a tomogram: downloads, batches, training."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.errors import DeepSXTError, ModelError
from deepsxt_core.files import read_json
from deepsxt_core.jobs import (
    InstallRequest,
    can_resume,
    clean,
    job_log,
    list_jobs,
    read_job,
    resume,
    submit,
    title,
)
from deepsxt_core.jobs.store import write_status
from deepsxt_core.network import CATALOGUE

INSTALL = "deepsxt_core.jobs.tasks.install"
NAME = next(iter(CATALOGUE))

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def installed(monkeypatch):
    """Take another model for the one that is downloaded; return what was asked for."""
    asked = []

    def install(entry, progress):
        asked.append(entry.name)
        progress.stage("Downloading", 10, "B")
        progress.advance(10)

    monkeypatch.setattr(f"{INSTALL}.install", install)
    monkeypatch.setattr(f"{INSTALL}.find_model", lambda _: _Info)
    return asked


class _Info:
    name = NAME

    @staticmethod
    def sha256():
        return "0" * 64


def ask(name=NAME):
    return InstallRequest(name=name)


def test_a_download_is_done_anew_each_time_it_is_asked_for(workspace, installed):
    job = read_job(workspace, submit(workspace, ask()).id)
    assert job.state == "done", job_log(job)
    assert title(workspace, job) == ("Download", NAME)
    run = read_json(job.folder / "work" / "run.json")
    assert (run["model"], run["job"]) == (NAME, job.id)
    # The model may have been removed since.
    assert submit(workspace, ask()).id != job.id
    assert installed == [NAME, NAME]
    assert len(clean(workspace)) == 2 and not list_jobs(workspace)


@pytest.mark.usefixtures("installed")
def test_jobs_of_some_age_alone_are_forgotten(workspace, capsys):
    old, new = (submit(workspace, ask()) for _ in range(2))
    status = read_job(workspace, old.id).status
    past = datetime.now(UTC) - timedelta(days=31)
    write_status(old.folder, replace(status, updated=past))
    assert clean(workspace, older_than=timedelta(days=32)) == []
    assert main(["jobs", "clean", "--older-than", "30", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"forgotten": [old.id]}
    assert [job.id for job in list_jobs(workspace)] == [new.id]


def test_a_failed_download_is_resumed(workspace, installed, monkeypatch):
    def fail(*_):
        raise DeepSXTError("The line is cut.")

    with monkeypatch.context() as patch:
        patch.setattr(f"{INSTALL}.install", fail)
        job = read_job(workspace, submit(workspace, ask()).id)
    assert (job.state, job.status.error) == ("failed", "The line is cut.")
    assert can_resume(workspace, job)
    assert resume(workspace, job.id).state == "done"
    assert installed == [NAME]


def test_an_unknown_model_is_refused_before_anything_starts(workspace):
    with pytest.raises(ModelError, match="catalogue"):
        submit(workspace, ask("no such model"))
    assert not list_jobs(workspace)
