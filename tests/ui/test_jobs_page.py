"""The page of all jobs, and the panel that shows them everywhere."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from deepsxt_core import jobs
from deepsxt_core.jobs.processes import process_mark
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job, request_cancel, write_status
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import button, plain, show, texts

pytestmark = pytest.mark.usefixtures("model", "idle_workers")


@pytest.fixture
def job(tomogram):
    request = jobs.SegmentRequest(model="test-model")
    return jobs.submit(Workspace(), request, tomogram=tomogram.id)


def at_work() -> Status:
    """Return the status of a job whose process is there: this one."""
    process = psutil.Process()
    return Status(
        state="running",
        stage="Segmenting",
        unit="slice",
        done=2,
        total=6,
        seconds_per_unit=0.25,
        remaining_s=1200.0,
        pid=process.pid,
        process_mark=process_mark(process.pid),
        peak_memory_bytes=2_340_000_000,
        started=datetime.now(UTC),
        updated=datetime.now(UTC),
    )


def progress_texts(app):
    return [each.proto.text for each in app.get("progress")]


def test_without_jobs_it_says_what_would_be_here(app):
    show(app, "jobs.py")
    assert "No jobs yet" in texts(app)


def test_a_job_at_work_is_told_in_numbers_on_every_page(app, job, tomogram):
    write_status(job.folder, at_work())
    show(app, "jobs.py")
    assert "Working" in texts(app)
    assert "4 slices per second" in texts(app)
    assert "2.34 GB of memory" in texts(app)
    assert any("2 of 6 slices" in text for text in progress_texts(app))
    for page in ("open.py", "segment.py", "slices.py"):
        show(app, page, tomogram)
        assert "about 20 min left" in progress_texts(app)


def test_a_panel_without_jobs_takes_no_room(app, tomogram):
    show(app, "slices.py", tomogram)
    assert not progress_texts(app)


def test_it_is_cancelled(app, job):
    show(app, "jobs.py")
    button(app, "Cancel").click().run()
    assert jobs.read_job(Workspace(), job.id).state == "cancelled"
    assert "Cancelled" in texts(app)


def test_one_that_was_asked_to_stop_says_so(app, job):
    write_status(job.folder, at_work())
    request_cancel(job.folder)
    show(app, "jobs.py")
    assert "Stopping" in texts(app)


def test_a_failure_is_told_and_resumed(app, job):
    write_status(job.folder, Status(state="failed", error="The disk is full."))
    (job.folder / "log.txt").write_text("what it printed")
    show(app, "jobs.py")
    assert plain(app.error[0]) == "The disk is full."
    assert "what it printed" in [each.value for each in app.code]
    button(app, "Resume").click().run()
    assert not app.exception
    assert jobs.read_job(Workspace(), job.id).state == "queued"


def test_an_interrupted_job_is_resumed_where_it_was_started(app, job, tomogram):
    gone = replace(at_work(), process_mark="another boot/1")
    write_status(job.folder, gone)
    show(app, "segment.py", tomogram)
    assert "What was finished is kept" in texts(app)
    button(app, "Resume").click().run()
    assert jobs.read_job(Workspace(), job.id).state == "queued"


@pytest.mark.parametrize("kind", ["segment", "reconstruct", "report"])
def test_a_result_is_opened(app, tomogram, kind):
    score = add_score(tomogram, ball(SHAPE, 8))
    surface = add_surface(tomogram, score)
    result, page = {
        "segment": (score, "Review"),
        "reconstruct": (surface, "Surface"),
        "report": (surface, "Export"),
    }[kind]
    request = {
        "segment": jobs.SegmentRequest(model="test-model"),
        "reconstruct": jobs.ReconstructRequest(score=score.id),
        "report": jobs.ReportRequest(surface=surface.id),
    }[kind]
    status = Status(state="done", result=result.id)
    create_job(Workspace(), request, result.id, status, tomogram.id)
    show(app, "jobs.py")
    button(app, "Open result").click().run()
    assert not app.exception
    assert app.title[0].value == page
    assert app.query_params["t"] == tomogram.id
    assert app.query_params["score"] == score.id


def test_what_has_ended_is_cleaned_up(app, job):
    write_status(job.folder, Status(state="done", updated=datetime.now(UTC) - timedelta(hours=1)))
    show(app, "jobs.py")
    button(app, "Clean up").click().run()
    assert jobs.list_jobs(Workspace()) == []
    assert "No jobs yet" in texts(app)


def test_a_job_of_a_removed_tomogram_is_shown(app, job, tomogram):
    write_status(job.folder, Status(state="cancelled"))
    Workspace().remove(tomogram.id)
    show(app, "jobs.py")
    assert "removed tomogram" in texts(app)
    assert not [each for each in app.button if each.label == "Resume"]
