"""A job that waits needs no process, and the queue goes on whoever is killed."""

import threading

import psutil
import pytest

from deepsxt_core.jobs import job_log, keep_queue_going, read_job, runner, submit
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import write_status
from tests.waiting import wait_until

from .stand_in_worker import StandInRequest

pytestmark = pytest.mark.usefixtures("stand_in")


def ask(workspace, tomogram, mode, number=0):
    request = StandInRequest(mode=mode, number=number)
    return submit(workspace, request, tomogram=tomogram.id)


def is_working(workspace, job):
    now = read_job(workspace, job.id)
    assert now.active, job_log(now)
    return now if now.status.stage == "Working" else None


def ended(workspace, job):
    now = read_job(workspace, job.id)
    return None if now.active else now


def test_twenty_jobs_that_wait_are_no_process(workspace, tomogram):
    holder = ask(workspace, tomogram, "block")
    wait_until(lambda: is_working(workspace, holder))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    waiting = [ask(workspace, tomogram, "finish", number) for number in range(20)]
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    for job in waiting:
        now = read_job(workspace, job.id)
        assert now.is_waiting and not (now.folder / "log.txt").exists()


def test_a_queue_whose_every_process_was_killed_goes_on_with_the_server(
    workspace, tomogram, monkeypatch
):
    monkeypatch.setattr(runner, "_LOOK_S", 0.05)
    holder = ask(workspace, tomogram, "block")
    process = wait_until(lambda: is_working(workspace, holder)).status.process()
    with monkeypatch.context() as patch:
        # Nobody is there who waits for the worker: its starter was killed as well.
        patch.setattr(runner, "start_waiting", lambda _: None)
        job = ask(workspace, tomogram, "finish")
        process.kill()
        wait_until(lambda: ended(workspace, holder))
        assert read_job(workspace, job.id).is_waiting
        wait_until(lambda: not process.is_running())
    stop = threading.Event()
    thread = keep_queue_going(lambda: [workspace], stop)
    try:
        done = wait_until(lambda: ended(workspace, job))
        assert (done.state, done.status.error) == ("done", None), job_log(done)
    finally:
        stop.set()
        thread.join(30)


def test_a_second_worker_of_one_job_does_nothing(workspace, tomogram):
    job = ask(workspace, tomogram, "block")
    working = wait_until(lambda: is_working(workspace, job))
    # As if the process that started it had died before it could say so.
    (job.folder / "process.json").unlink()
    second = runner.start(job.folder, runner.WORKER)
    assert second is None or second.wait(60) == 0
    now = read_job(workspace, job.id)
    assert (now.state, now.status.pid) == ("running", working.status.pid)


def test_an_ended_job_frees_its_place(workspace, tomogram):
    holder = ask(workspace, tomogram, "block")
    process = wait_until(lambda: is_working(workspace, holder)).status.process()
    write_status(holder.folder, Status(state="cancelled"))
    process.kill()
    job = ask(workspace, tomogram, "finish")
    assert wait_until(lambda: ended(workspace, job)).state == "done"
