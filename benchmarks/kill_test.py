"""Kill a segmentation at random moments and go on with it: nothing may be lost or change.

Each round submits a job, kills its process (SIGKILL) at a moment drawn evenly from the time that
an uninterrupted run takes, resumes it, and compares the files of the score with those of the
uninterrupted run, byte for byte. By default the network is replaced by a little arithmetic and
the worker is forked, so that a round takes a fraction of a second; ``--network`` runs the real
worker with a model of the library. ``--disk`` fills a size-limited folder, such as a small tmpfs,
in place of the kills.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deepsxt_core import jobs
from deepsxt_core.files import partial_folder
from deepsxt_core.jobs import runner
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.store import announce_process
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.jobs.worker import run_job
from deepsxt_core.workflow import preflight
from deepsxt_core.workspace import Tomogram, Workspace
from tests.jobs import stand_in_network


class Forked:
    """A worker that is a copy of this process: it has all modules loaded."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = 1
            try:
                run_job(folder)
                code = 0
            except Exception:  # noqa: BLE001 - the log keeps it, as that of a real worker does.
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)
        announce_process(folder, self.pid)

    def kill(self) -> None:
        """End it without a word."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait for its end."""
        os.waitpid(self.pid, 0)


def files_of(folder: Path) -> dict[str, str]:
    """Return the hash of each file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_tomogram(path: Path, shape: tuple[int, int, int]) -> None:
    """Write noise."""
    noise = np.random.default_rng(0).normal(1000, 100, shape)
    tifffile.imwrite(path, noise.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})


class KillTest:
    """Rounds on one tomogram in one workspace."""

    def __init__(self, workspace: Workspace, tomogram: Tomogram, model: str | None) -> None:
        self.workspace, self.tomogram = workspace, tomogram
        self.request = (
            jobs.SegmentRequest(model=model) if model else stand_in_network.StandInRequest()
        )
        self.started: list = []
        start: Callable = (lambda folder, _: Forked(folder)) if model is None else runner.start
        runner.start = lambda *args: self.started.append(start(*args))

    def remove_result(self) -> None:
        """Forget all, so that the next round begins at nothing."""
        shutil.rmtree(self.tomogram.folder / "results", ignore_errors=True)
        jobs.clean(self.workspace, kept_slabs=True)

    def submit(self) -> jobs.Job:
        """Ask for the segmentation."""
        return jobs.submit(self.workspace, self.request, tomogram=self.tomogram.id)

    def finished(self, job: jobs.Job) -> jobs.Job:
        """Wait for the process and return the job."""
        self.started[-1].wait()
        return jobs.read_job(self.workspace, job.id)

    def complete(self, job: jobs.Job) -> bool:
        """Return whether all that a job left to do was to show its result."""
        final = self.tomogram.folder / "results" / "scores" / job.result_id
        return (partial_folder(final, job.id) / "run.json").exists()

    def score(self) -> tuple[dict[str, str], dict]:
        """Return the files of the score and the record of the run."""
        (result,) = self.tomogram.results("scores")
        return files_of(result.folder / "score.ome.zarr"), result.run

    def whole(self) -> tuple[dict[str, str], dict, float]:
        """Run without a break; return files, record and time."""
        begun = time.monotonic()
        job = self.finished(self.submit())
        seconds = time.monotonic() - begun
        if job.state != "done":
            raise SystemExit(f"The first run failed:\n{jobs.job_log(job)}")
        return *self.score(), seconds


def main() -> None:
    """Run the rounds and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", metavar="MODEL", help="name or folder of a real model")
    parser.add_argument("--shape", type=int, nargs=3, default=(24, 96, 96))
    parser.add_argument("--disk", type=Path, help="size-limited folder to fill up")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=arguments.disk) as folder:
        path = Path(folder) / "tomogram.tif"
        write_tomogram(path, tuple(arguments.shape))
        workspace = Workspace(Path(folder) / "workspace")
        if not arguments.network:
            TASKS["segment"] = stand_in_network.TASK
            REQUESTS["segment"] = stand_in_network.StandInRequest
        test = KillTest(workspace, workspace.add_file(path), arguments.network)
        expected, record, seconds = test.whole()
        print(f"{record['z'][1]} slices, {len(expected)} files, {seconds:.2f} s without a break")
        if arguments.disk:
            _fill_disk(test, expected, record, arguments.disk)
        else:
            _kill(test, expected, record, seconds, arguments.kills, random.Random(arguments.seed))


def _kill(
    test: KillTest,
    expected: dict[str, str],
    record: dict,
    seconds: float,
    kills: int,
    rng: random.Random,
) -> None:
    begun, kept, partly = time.monotonic(), 0, 0
    killed = lost = different = 0
    while killed < kills:
        test.remove_result()
        job = test.submit()
        time.sleep(rng.uniform(0, seconds))
        test.started[-1].kill()
        job = test.finished(job)
        if job.state == "done":
            continue  # It was faster than its killer.
        killed += 1
        if job.state != "interrupted":
            raise SystemExit(f"A killed job is {job.state}:\n{jobs.job_log(job)}")
        finished = 0 if test.complete(job) else jobs.kept_slices(test.workspace, job)
        job = test.finished(jobs.resume(test.workspace, job.id))
        if job.state != "done":
            raise SystemExit(
                f"A resumed job is {job.state}: {job.status.error}\n{jobs.job_log(job)}"
            )
        files, run = test.score()
        partly += finished > 0
        kept += finished
        lost += finished > run["resumed_slices"]
        same = all(
            run[name] == record[name]
            for name in ("voxels_sha256", "positive_fraction", "nonfinite_voxels", "precision")
        )
        different += files != expected or not same
    print(
        f"{killed} kills in {time.monotonic() - begun:.0f} s; {partly} left finished slices "
        f"({kept} in all)\n{lost} runs computed finished slices again, "
        f"{different} ended with other bytes"
    )
    if lost or different:
        raise SystemExit(1)


class _Plenty:
    free = 10**15


def _fill_disk(test: KillTest, expected: dict[str, str], record: dict, disk: Path) -> None:
    test.remove_result()
    ballast = disk / "ballast"
    score_bytes = float(np.prod(record["input"]["shape"]))
    free = shutil.disk_usage(disk).free
    ballast.write_bytes(bytes(int(free - 0.4 * score_bytes)))
    # As if others filled the disk after the look at its free space before the start.
    look, preflight.shutil.disk_usage = preflight.shutil.disk_usage, lambda _: _Plenty
    try:
        job = test.finished(test.submit())
        finished = jobs.kept_slices(test.workspace, job)
        print(f"full disk: {job.state}, {finished} slices kept: {job.status.error}")
    finally:
        ballast.unlink()
        preflight.shutil.disk_usage = look
    resumed = test.finished(jobs.resume(test.workspace, job.id))
    files, run = test.score()
    print(f"resumed: {resumed.state}, {run['resumed_slices']} slices taken over")
    if job.state != "failed" or files != expected:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
