import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psutil
import pytest

from deepsxt_core.errors import CancelledError, DeepSXTError, JobError
from deepsxt_core.files import partial_folder, write_json
from deepsxt_core.jobs import (
    SegmentRequest,
    Status,
    cancel,
    job_log,
    list_jobs,
    read_job,
    runner,
    submit,
    terminate,
)
from deepsxt_core.jobs.outlook import FIRST_UNIT
from deepsxt_core.jobs.processes import process_mark
from deepsxt_core.jobs.reporting import JobProgress
from deepsxt_core.jobs.status import NEVER_FULL
from deepsxt_core.jobs.store import create_job, request_cancel, write_status
from deepsxt_core.versions import versions
from tests.waiting import wait_until

from .stand_in_worker import StandInRequest


def ask(workspace, tomogram, mode, **more):
    return submit(workspace, StandInRequest(mode=mode, **more), tomogram=tomogram.id)


def ended(workspace, job):
    def read():
        now = read_job(workspace, job.id)
        return None if now.active else now

    return wait_until(read)


def working(workspace, job):
    def read():
        now = read_job(workspace, job.id)
        assert now.active, job_log(now)
        return now if now.status.stage == "Working" else None

    return wait_until(read)


@pytest.fixture
def bystander():
    """Return the status of a job whose process waits for ever."""
    command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    with subprocess.Popen(command) as process:
        yield Status(state="running", pid=process.pid, process_mark=process_mark(process.pid))
        process.kill()


@pytest.fixture
def job(workspace, tomogram):
    """Return a job that nothing works on."""
    return new_job(workspace, tomogram, "a")


def new_job(workspace, tomogram, letter):
    request = SegmentRequest(model="model")
    return create_job(workspace, request, letter * 20, Status(), tomogram.id)


@pytest.mark.usefixtures("stand_in")
class TestWorker:
    def test_asking_twice_computes_once(self, workspace, tomogram):
        job = ask(workspace, tomogram, "finish")
        assert job.state == "queued"
        done = ended(workspace, job)
        assert (done.state, done.status.error) == ("done", None), job_log(done)
        assert (done.status.done, done.status.total, done.status.unit) == (3, 3, "slice")
        (result,) = tomogram.results("scores")
        assert result.id == done.status.result == done.result_id
        assert result.run["seconds"] == 1
        assert result.run["job"] == job.id
        assert result.run["recipe"]["params"]["mode"] == "finish"
        assert result.run["versions"] == versions()
        assert ask(workspace, tomogram, "finish").id == job.id
        assert [entry.name for entry in result.folder.parent.iterdir()] == [result.id]

    def test_a_job_at_work_is_found_again_and_cancelled_at_once(self, workspace, tomogram):
        job = ask(workspace, tomogram, "block")
        assert ask(workspace, tomogram, "block").id == job.id
        assert working(workspace, job).state == "running"
        assert ask(workspace, tomogram, "block").id == job.id
        assert cancel(workspace, job.id).state in ("cancelling", "cancelled")
        assert ended(workspace, job).state == "cancelled"
        wait_until(lambda: read_job(workspace, job.id).status.process() is None)
        final = tomogram.folder / "results" / "scores" / job.result_id
        assert list(final.parent.iterdir()) == []
        assert ask(workspace, tomogram, "block").id != job.id

    def test_the_marker_alone_stops_a_worker(self, workspace, tomogram):
        job = ask(workspace, tomogram, "polite")
        working(workspace, job)
        request_cancel(job.folder)
        assert read_job(workspace, job.id).state in ("cancelling", "cancelled")
        assert ended(workspace, job).state == "cancelled"

    def test_terminate_kills(self, workspace, tomogram):
        job = ask(workspace, tomogram, "block")
        process = working(workspace, job).status.process()
        assert terminate(workspace, job.id).state == "cancelled"
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

    def test_one_works_while_the_other_waits_for_a_killed_holder(self, workspace, tomogram):
        holder = ask(workspace, tomogram, "block")
        process = working(workspace, holder).status.process()
        other = ask(workspace, tomogram, "finish")
        waiting = read_job(workspace, other.id)
        assert waiting.state == "queued" and waiting.is_waiting
        assert not (waiting.folder / "process.json").exists()
        process.kill()
        assert ended(workspace, holder).state == "interrupted"
        assert ended(workspace, other).state == "done"
        # What the killed one left is invisible, and gone once the same is asked again.
        final = tomogram.folder / "results" / "scores" / holder.result_id
        leftover = partial_folder(final, holder.id)
        assert leftover.is_dir()
        assert [result.id for result in tomogram.results("scores")] == [other.result_id]
        again = ask(workspace, tomogram, "block")
        assert again.id != holder.id and not leftover.exists()

    def test_a_waiting_job_is_cancelled(self, workspace, tomogram):
        working(workspace, ask(workspace, tomogram, "block"))
        other = ask(workspace, tomogram, "finish")
        assert cancel(workspace, other.id).state == "cancelled"
        assert tomogram.results("scores") == []

    def test_failures_are_told_to_people_and_bugs_to_the_log(self, workspace, tomogram):
        expected = ask(workspace, tomogram, "fail")
        bug = ask(workspace, tomogram, "bug")
        expected, bug = ended(workspace, expected), ended(workspace, bug)
        assert expected.state == bug.state == "failed"
        assert expected.status.error == "The volume is too dark. Choose another."
        assert "log" in bug.status.error
        wait_until(lambda: "ZeroDivisionError: a bug" in job_log(bug))
        assert list((tomogram.folder / "results" / "scores").iterdir()) == []

    def test_a_shutdown_is_not_a_wish_to_cancel(self, workspace, tomogram):
        job = ask(workspace, tomogram, "block")
        working(workspace, job).status.process().send_signal(signal.SIGTERM)
        assert ended(workspace, job).state == "interrupted"

    def test_a_file_that_changed_while_the_job_waited_fails_it(self, workspace, tomogram):
        holder = ask(workspace, tomogram, "block")
        working(workspace, holder)
        job = ask(workspace, tomogram, "finish")
        tomogram.source.write_bytes(tomogram.source.read_bytes() + b"\0")
        terminate(workspace, holder.id)
        assert "changed after this job was submitted" in ended(workspace, job).status.error


def test_the_process_outlives_the_one_that_started_it(job, tmp_path):
    started = tmp_path / "started"
    child = f"import pathlib, sys, time; pathlib.Path({str(started)!r}).touch(); time.sleep(60)"
    parent = (
        "import os, pathlib, sys; from deepsxt_core.jobs.runner import start\n"
        "process = start(pathlib.Path(sys.argv[1]), [sys.executable, '-c', sys.argv[2]])\n"
        "print(process.pid, flush=True); os._exit(0)"
    )
    command = [sys.executable, "-c", parent, str(job.folder), child]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    process = psutil.Process(int(out))
    try:
        wait_until(started.exists)
        assert process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        if hasattr(os, "getsid"):
            assert os.getsid(process.pid) == process.pid
    finally:
        process.kill()


def test_a_worker_that_cannot_be_started_fails_the_job(workspace, job):
    with pytest.raises(JobError, match="could not be started"):
        runner.start(job.folder, ["./no such program"])
    assert read_job(workspace, job.id).state == "failed"


def test_a_job_is_interrupted_when_its_process_is_another(workspace, job, bystander):
    write_status(job.folder, bystander)
    assert read_job(workspace, job.id).state == "running"
    recycled = replace(bystander, process_mark="another boot/1")
    write_status(job.folder, recycled)
    assert read_job(workspace, job.id).state == "interrupted"
    request_cancel(job.folder)
    assert read_job(workspace, job.id).state == "cancelled"


def test_a_recycled_process_is_left_alone(workspace, job, bystander):
    status = replace(bystander, process_mark="another boot/1")
    write_status(job.folder, status)
    assert cancel(workspace, job.id).state == "interrupted"
    assert terminate(workspace, job.id).state == "interrupted"
    assert bystander.process() is not None


def test_a_worker_that_dies_before_it_says_a_word_leaves_an_interrupted_job(workspace, job):
    assert read_job(workspace, job.id).is_waiting
    write_json(job.folder / "process.json", {"pid": os.getpid(), "mark": process_mark(os.getpid())})
    assert read_job(workspace, job.id).state == "queued"
    write_json(job.folder / "process.json", {"pid": os.getpid(), "mark": "another boot/1"})
    assert read_job(workspace, job.id).state == "interrupted"


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_an_ended_job_stays_as_it_is(workspace, job, state):
    write_status(job.folder, Status(state=state, pid=1, process_mark="another boot/1"))
    assert cancel(workspace, job.id).state == state
    assert terminate(workspace, job.id).state == state
    assert not (job.folder / "cancel").exists()


@pytest.mark.usefixtures("stand_in")
def test_a_result_that_exists_is_a_done_job_without_a_process(workspace, tomogram, monkeypatch):
    request = StandInRequest(mode="finish")
    identity = runner.TASKS["segment"].identity(tomogram, request)
    final = tomogram.result_folder("scores", identity)
    final.mkdir(parents=True)
    write_json(final / "run.json", {})
    monkeypatch.setattr(runner, "start", lambda *_: pytest.fail("a process was started"))
    job = submit(workspace, request, tomogram=tomogram.id)
    assert (job.state, job.status.result) == ("done", final.name)
    assert submit(workspace, request, tomogram=tomogram.id).id == job.id
    assert [listed.id for listed in list_jobs(workspace)] == [job.id]


def test_status_survives_the_file(workspace, job, bystander):
    now = datetime.now(UTC)
    status = replace(bystander, started=now, updated=now, remaining_s=1.5, error="ł")
    assert Status.from_json(status.to_json()) == status
    write_status(job.folder, status)
    assert read_job(workspace, job.id).status == status


def test_progress_counts_and_predicts(workspace, job, monkeypatch):
    now = 0.0
    monkeypatch.setattr("deepsxt_core.jobs.reporting.time.monotonic", lambda: now)
    progress = JobProgress(job.folder)
    progress.begin([("Segmenting", 5.0), ("Writing", 1.0)])
    progress.stage("Segmenting", 5, "slice")
    seen = [read_job(workspace, job.id).status]
    for _ in range(5):
        now += 10
        progress.advance()
        seen.append(read_job(workspace, job.id).status)
    assert [status.done for status in seen] == [0, 1, 2, 3, 4, 5]
    assert {(status.state, status.stage, status.total) for status in seen} == {
        ("running", "Segmenting", 5)
    }
    # The first slice may carry what comes once, and what follows counts too.
    assert [status.remaining_s for status in seen] == [
        None,
        *(pytest.approx(seconds) for seconds in (50 / FIRST_UNIT, 40, 30, 20, 10)),
    ]
    assert seen[-1].share == pytest.approx(5 / 6)
    assert all(a.updated < b.updated for a, b in pairwise(seen))
    progress.stage("Writing", 2, "file")
    status = read_job(workspace, job.id).status
    assert (status.done, status.seconds_per_unit, status.remaining_s) == (0, None, 10)
    later = status.carried_on(status.updated + timedelta(seconds=4))
    assert (later.remaining_s, later.share) == (6, pytest.approx(0.9))
    assert status.carried_on(status.updated + timedelta(days=1)).share == NEVER_FULL


def test_progress_writes_a_few_times_a_second_and_the_last(workspace, job, monkeypatch):
    monkeypatch.setattr("deepsxt_core.jobs.reporting.time.monotonic", lambda: 0.0)
    progress = JobProgress(job.folder)
    progress.begin()
    progress.stage("Segmenting", 100, "slice")
    progress.advance(99)
    assert read_job(workspace, job.id).status.done == 0
    progress.advance()
    assert read_job(workspace, job.id).status.done == 100


def test_progress_hears_the_wish_to_stop(job):
    progress = JobProgress(job.folder)
    progress.stage("Segmenting", 100, "slice")
    request_cancel(job.folder)
    with pytest.raises(CancelledError):
        progress.advance()
    with pytest.raises(CancelledError):
        progress.stage("Writing", 2, "file")


def test_jobs_are_newest_first_and_broken_ones_left_out(workspace, tomogram):
    jobs = [new_job(workspace, tomogram, letter) for letter in "abc"]
    (jobs[1].folder / "request.json").write_text("{}")
    expected = [jobs[2].id, jobs[0].id]
    assert [job.id for job in list_jobs(workspace)] == expected
    assert [job.id for job in list_jobs(workspace, tomogram.id)] == expected
    assert list_jobs(workspace, "f" * 18) == []


@pytest.mark.parametrize("job_id", ["", "..", "../x", "a" * 18, "\0"])
def test_malformed_or_unknown_job_says_what_to_do(workspace, job_id):
    for function in (read_job, cancel, terminate):
        with pytest.raises(JobError, match="start the step again"):
            function(workspace, job_id)


def test_an_unknown_tomogram_is_refused(workspace):
    for unknown in ("a" * 18, None):
        with pytest.raises(DeepSXTError, match="no tomogram"):
            submit(workspace, SegmentRequest(model="model"), tomogram=unknown)
    assert list_jobs(workspace) == []


def test_importing_jobs_loads_neither_tensorflow_nor_vtk():
    code = (
        "import sys, deepsxt_core.jobs\n"
        "print([m for m in ('tensorflow', 'keras', 'vtk', 'vtkmodules', 'pyvista') "
        "if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
