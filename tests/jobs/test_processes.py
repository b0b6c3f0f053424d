"""Whether a job runs does not depend on the clock."""

import os
import subprocess
import sys

import psutil
import pytest

from deepsxt_core.jobs import SegmentRequest, clean, list_jobs, read_job
from deepsxt_core.jobs.processes import find_process, process_mark
from deepsxt_core.jobs.reporting import JobProgress
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job


@pytest.fixture
def stepped_clock(monkeypatch):
    """Set the clock 5 s forward: psutil then believes that all processes began 5 s later."""

    def step():
        create_time = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 5)

    return step


def test_a_step_of_the_clock_neither_interrupts_nor_deletes_a_running_job(
    workspace, tomogram, stepped_clock
):
    job = create_job(workspace, SegmentRequest(model="m"), "a" * 20, Status(), tomogram.id)
    progress = JobProgress(job.folder)
    progress.begin()
    assert read_job(workspace, job.id).state == "running"
    stepped_clock()
    assert read_job(workspace, job.id).state == "running"
    assert clean(workspace, kept_slabs=True) == []
    assert [found.id for found in list_jobs(workspace)] == [job.id]


def test_a_process_is_told_from_another_of_its_number():
    mark = process_mark(os.getpid())
    assert find_process(os.getpid(), mark).pid == os.getpid()
    assert find_process(os.getpid(), f"{mark}0") is None
    assert find_process(None, mark) is None
    # A record of an earlier version.
    created = psutil.Process().create_time()
    assert find_process(os.getpid(), None, created) is not None
    assert find_process(os.getpid(), None, created - 60) is None


def test_a_process_that_has_ended_has_no_mark():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        mark = process_mark(process.pid)
        assert find_process(process.pid, mark) is not None
        process.kill()
        # Not waited for yet: a zombie.
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert process_mark(process.pid) is None
        assert find_process(process.pid, mark) is None
    assert process_mark(process.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="marks of Linux alone")
def test_the_mark_holds_boot_and_ticks():
    boot, ticks = process_mark(os.getpid()).split("/")
    assert len(boot) == 36 and int(ticks) > 0
