"""What is finished is kept and nothing else is trusted."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, JobError
from deepsxt_core.files import partial_folder, read_json
from deepsxt_core.inference import CHECKPOINT_NAME, SegmentParams
from deepsxt_core.io import SCORE_NAME, ScoreWriter
from deepsxt_core.jobs import (
    can_resume,
    cancel,
    clean,
    job_log,
    kept_slices,
    list_jobs,
    read_job,
    resume,
    runner,
    submit,
)
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job, write_status
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.volume import Volume
from tests.cancelling import StopAfter
from tests.waiting import wait_until

from . import stand_in_network, stand_in_worker

ROOT = Path(__file__).resolve().parents[2]


class Count(StopAfter):
    """Counts what was scored."""

    def __init__(self):
        self.steps = []

    def stage(self, name, total, unit, done=0):
        super().stage(name, total, unit)
        if self.counting and done:
            self.steps.append(done)

    def advance(self, n=1):
        if self.counting:
            self.steps.append(n)


@pytest.fixture
def volume():
    values = np.random.default_rng(0).normal(size=(9, 20, 24)).astype(np.float32)
    values[3, 2, 2] = np.nan
    return Volume.from_array(values)


@pytest.fixture
def whole(volume, tmp_path):
    stand_in_network.segment(volume, tmp_path / "whole")
    return outcome(tmp_path / "whole")


def outcome(folder):
    files = {
        path.relative_to(folder): path.read_bytes()
        for path in (folder / SCORE_NAME).rglob("*")
        if path.is_file()
    }
    run = read_json(folder / "run.json")
    same = ("voxels_sha256", "positive_fraction", "nonfinite_voxels", "precision", "warnings")
    assert {path.name for path in folder.iterdir()} == {SCORE_NAME, "run.json"}
    return files, {name: run[name] for name in same}


def begin(volume, out, slices=4):
    with pytest.raises(CancelledError):
        stand_in_network.segment(volume, out, None, StopAfter(slices))


def go_on(volume, out, params=None):
    progress = Count()
    stand_in_network.segment(volume, out, params, progress, resume=True)
    return progress.steps


class TestSegment:
    def test_cancelled_and_resumed_is_never_interrupted(self, volume, whole, tmp_path):
        begin(volume, tmp_path / "part")
        assert go_on(volume, tmp_path / "part") == [4, 2, 2, 1]
        assert outcome(tmp_path / "part") == whole
        assert read_json(tmp_path / "part" / "run.json")["resumed_slices"] == 4

    @pytest.mark.parametrize("damage", ["lost", "other", "cut"])
    def test_a_slab_that_is_not_what_was_recorded_is_scored_again(
        self, volume, whole, tmp_path, damage
    ):
        begin(volume, tmp_path / "part")
        chunk = tmp_path / "part" / SCORE_NAME / "0" / "c" / "1" / "0" / "0"
        match damage:
            case "lost":
                chunk.unlink()
            case "other":
                chunk.write_bytes((chunk.parents[2] / "0" / "0" / "0").read_bytes())
            case "cut":
                chunk.write_bytes(chunk.read_bytes()[:-5])
        assert go_on(volume, tmp_path / "part") == [2, 2, 2, 2, 1]
        assert outcome(tmp_path / "part") == whole

    def test_what_was_written_and_not_recorded_is_scored_again(self, volume, whole, tmp_path):
        begin(volume, tmp_path / "part")
        record = tmp_path / "part" / CHECKPOINT_NAME
        record.write_bytes(record.read_bytes()[:-1])
        half = tmp_path / "part" / SCORE_NAME / "0" / "c" / "2" / "0" / "0.abc.partial"
        half.write_bytes(b"half")
        assert go_on(volume, tmp_path / "part") == [2, 2, 2, 2, 1]
        assert outcome(tmp_path / "part") == whole

    def test_another_wish_starts_anew(self, volume, tmp_path):
        begin(volume, tmp_path / "part")
        assert go_on(volume, tmp_path / "part", SegmentParams(invert=True)) == [2, 2, 2, 2, 1]

    def test_without_the_wish_nothing_is_taken_over(self, volume, whole, tmp_path):
        begin(volume, tmp_path / "part")
        progress = Count()
        stand_in_network.segment(volume, tmp_path / "part", None, progress)
        assert progress.steps == [2, 2, 2, 2, 1]
        assert outcome(tmp_path / "part") == whole

    def test_the_precision_is_decided_once(self, volume, tmp_path, monkeypatch):
        monkeypatch.setattr(
            stand_in_network.StandInPredictor, "settle_precision", lambda *_: "float16"
        )
        begin(volume, tmp_path / "part")
        monkeypatch.setattr(
            stand_in_network.StandInPredictor, "settle_precision", lambda *_: pytest.fail("again")
        )
        go_on(volume, tmp_path / "part")
        assert read_json(tmp_path / "part" / "run.json")["precision"] == "float16"


def test_nothing_is_lost_and_no_byte_changes_when_killed():
    """Five of the kills that the benchmark does by the hundred."""
    if sys.platform == "win32":
        pytest.skip("the benchmark forks")
    command = [sys.executable, str(ROOT / "benchmarks" / "kill_test.py"), "--kills", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills" in done.stdout


def new_job(workspace, tomogram, result_id, status=None):
    request = stand_in_network.StandInRequest()
    return create_job(workspace, request, result_id, status or Status(), tomogram.id)


@pytest.fixture
def ask(tomogram):
    def submitted(workspace, **params):
        request = stand_in_network.StandInRequest(params=SegmentParams(**params))
        return submit(workspace, request, tomogram=tomogram.id)

    return submitted


def full_disk_after(monkeypatch, slabs):
    """Let the disk be full once so many slabs are written; return what frees it."""
    write, written = ScoreWriter.write, []

    def write_until_full(self, z0, codes):
        if len(written) == slabs:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(z0)
        write(self, z0, codes)

    monkeypatch.setattr(ScoreWriter, "write", write_until_full)
    return lambda: monkeypatch.setattr(ScoreWriter, "write", write)


@pytest.mark.usefixtures("in_process")
class TestJobs:
    def test_a_full_disk_fails_with_words_and_is_resumed(
        self, workspace, tomogram, ask, monkeypatch
    ):
        free = full_disk_after(monkeypatch, 1)
        job = read_job(workspace, ask(workspace).id)
        assert job.state == "failed"
        assert "is full" in job.status.error and "resume" in job.status.error
        assert not (job.folder / "reserve").exists()
        assert can_resume(workspace, job) and kept_slices(workspace, job) == 2
        free()
        again = resume(workspace, job.id)
        assert (again.id, again.state) == (job.id, "done"), job_log(again)
        (result,) = tomogram.results("scores")
        assert result.run["resumed_slices"] == 2
        assert [entry.name for entry in result.folder.parent.iterdir()] == [result.id]
        assert not can_resume(workspace, again) and resume(workspace, job.id).state == "done"

    def test_a_new_job_takes_over_what_an_old_one_left(self, workspace, tomogram, ask, monkeypatch):
        free = full_disk_after(monkeypatch, 1)
        old = ask(workspace)
        free()
        new = ask(workspace)
        assert new.id != old.id
        (result,) = tomogram.results("scores")
        assert result.run["resumed_slices"] == 2
        # The old one has nothing left, and finds the result.
        assert kept_slices(workspace, read_job(workspace, old.id)) == 0
        assert resume(workspace, old.id).state == "done"

    def test_cleaning_keeps_what_can_be_resumed_unless_told(
        self, workspace, tomogram, ask, monkeypatch
    ):
        free = full_disk_after(monkeypatch, 1)
        kept = ask(workspace)
        free()
        done = ask(workspace, z0=1)
        active = new_job(workspace, tomogram, "b" * 20)
        assert [job.id for job in clean(workspace)] == [done.id]
        assert [job.id for job in clean(workspace, kept_slabs=True)] == [kept.id]
        assert [job.id for job in list_jobs(workspace)] == [active.id]
        (result,) = tomogram.results("scores")
        assert [entry.name for entry in result.folder.parent.iterdir()] == [result.id]
        assert len([*workspace.jobs_folder.glob("*/")]) == 1

    def test_a_result_that_only_had_to_be_shown_is_not_computed_again(
        self, workspace, tomogram, monkeypatch
    ):
        identity = stand_in_network.identity(tomogram, stand_in_network.StandInRequest())
        final = tomogram.result_folder("scores", identity)
        job = new_job(workspace, tomogram, final.name, Status(state="interrupted"))
        stand_in_network.segment(tomogram.volume(), partial_folder(final, job.id))
        task = replace(stand_in_network.TASK, run=lambda *_: pytest.fail("computed again"))
        monkeypatch.setitem(TASKS, "segment", task)
        assert resume(workspace, job.id).state == "done"
        assert tomogram.results("scores")[0].id == final.name


def test_resuming_a_cancelled_job(workspace, ask, monkeypatch):
    monkeypatch.setitem(TASKS, "segment", stand_in_network.TASK)
    monkeypatch.setitem(REQUESTS, "segment", stand_in_network.StandInRequest)
    monkeypatch.setattr(runner, "start", lambda *_: None)
    job = ask(workspace)
    cancel(workspace, job.id)
    write_status(job.folder, Status(state="cancelled"))
    again = resume(workspace, job.id)
    assert (again.id, again.state) == (job.id, "queued")
    assert ask(workspace).id == job.id
    assert resume(workspace, job.id).state == "queued"
    with pytest.raises(JobError):
        resume(workspace, "0" * 18)


def test_the_earlier_job_goes_first(workspace, tomogram, monkeypatch):
    """A resumed job stands at the end of the queue."""
    monkeypatch.setitem(REQUESTS, "segment", stand_in_network.StandInRequest)
    job, later = (new_job(workspace, tomogram, letter) for letter in "ab")
    assert job.ticket < later.ticket
    write_status(job.folder, Status(state="failed"))
    monkeypatch.setattr(runner, "start", lambda *_: None)
    again = resume(workspace, job.id)
    assert later.ticket < again.ticket


@pytest.mark.usefixtures("stand_in")
def test_the_queue_is_served_in_order(workspace, tomogram):
    def ask_for(mode, number):
        request = stand_in_worker.StandInRequest(mode=mode, number=number)
        return submit(workspace, request, tomogram=tomogram.id)

    holder = ask_for("block", 0)
    wait_until(lambda: read_job(workspace, holder.id).status.stage == "Working")
    waiting = [ask_for("finish", number) for number in range(3)]
    assert all(read_job(workspace, job.id).is_waiting for job in waiting)
    cancel(workspace, holder.id)
    wait_until(lambda: all(read_job(workspace, job.id).state == "done" for job in waiting))
    starts = [read_job(workspace, job.id).status.started for job in waiting]
    assert starts == sorted(starts)
