"""A batch of 30 tomograms, 3 of them broken, killed twice: 27 results and 3 reasons are to come.

``python -m benchmarks.batch_killed`` simulates 27 small cells (one with another voxel size, one
that shows next to nothing), adds a file that is cut off, one of labels and one that is gone, and
starts a batch with the bundled model while the app's server runs. Twice it ends worker and server
by SIGKILL, after a third and after two thirds, starts the server again and goes on with the job as
the button of the page does. ``--pictures DIR`` keeps what a browser shows then, wide and narrow.
"""

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from deepsxt_core import jobs
from deepsxt_core.files import partial_folder
from deepsxt_core.io.writers.registry import write_volume
from deepsxt_core.phantom import sample_tomogram
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow.batch_totals import FINISHED, outliers, totals
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Workspace
from tests.browser.conftest import free_port, running_app
from tests.chromium import chromium
from tests.waiting import wait_until

SHAPE = (16, 96, 96)
CELLS, KILLS = 27, 2
WIDTHS = (1440, 900)


def add_tomograms(workspace: Workspace, folder: Path) -> tuple[str, ...]:
    """Add the cells, with the broken files between them."""
    ids = []

    def add(name: str, values: np.ndarray, size: VoxelSize) -> Path:
        path = folder / name
        write_volume(Volume.from_array(values, size), path)
        ids.append(workspace.add_file(path).id)
        return path

    for number in range(CELLS):
        grey, truth, size = sample_tomogram(number, SHAPE)
        if number == CELLS // 2:
            size = VoxelSize.isotropic(2 * size.x)
        if number == CELLS - 2:
            grey[:, :, SHAPE[2] // 3 :] = np.median(grey)
        add(f"cell {number + 1:02}.mrc", grey, size)
        if number == 3:
            path = add("cut off.mrc", grey, size)
            path.write_bytes(path.read_bytes()[: grey.size // 2])
        if number == 12:
            add("truth.tif", truth.astype(np.uint8), size)
        if number == 20:
            add("gone.mrc", grey, size).unlink()
    return tuple(ids)


def work(workspace: Workspace, job: jobs.Job, finished: int) -> jobs.Job:
    """Wait until a batch has ended, or so many of its tomograms are through."""

    def is_there() -> bool:
        now = jobs.read_job(workspace, job.id)
        through = sum(row["status"] in (*FINISHED, "failed") for row in jobs.batch_rows(now))
        return through >= finished or not now.active

    wait_until(is_there, 1800)
    return jobs.read_job(workspace, job.id)


def end_worker(workspace: Workspace, job: jobs.Job) -> None:
    """End the process of a batch without a word."""
    worker = job.status.process()
    if worker is None:
        raise SystemExit(f"It had ended before it was killed: {job.state}. {jobs.job_log(job)}")
    worker.send_signal(signal.SIGKILL)
    wait_until(lambda: jobs.read_job(workspace, job.id).state == "interrupted", 60)


def take_pictures(address: str, folder: Path, tomograms: int) -> None:
    """Keep what the page shows of the batch."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 2200})
            page.goto(f"{address}/batch", timeout=60_000)
            table = page.get_by_test_id("stDataFrame").first
            table.wait_for(timeout=60_000)
            page.get_by_text(f"of {tomograms} finished").wait_for(timeout=60_000)
            page.wait_for_timeout(4000)  # pictures are drawn when they arrive
            page.screenshot(path=folder / f"batch-{width}.png")


def main() -> None:
    """Run the batch, kill it, and check what is there in the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DEEPSXT_HOME"] = f"{name}/workspace"
        workspace = Workspace()
        ids = add_tomograms(workspace, folder)
        begun, port = time.monotonic(), free_port()
        job = jobs.submit(workspace, jobs.BatchRequest(tomograms=ids, recipe=Recipe()))
        for kill in range(KILLS):
            with running_app(workspace.folder, folder / f"server {kill}.log", port):
                end_worker(workspace, work(workspace, job, (kill + 1) * len(ids) // (KILLS + 1)))
            print(f"killed after {time.monotonic() - begun:.0f} s", flush=True)
            jobs.resume(workspace, job.id)
        with running_app(workspace.folder, folder / "server.log", port) as address:
            job = work(workspace, job, len(ids) + 1)
            if given.pictures is not None:
                take_pictures(address, given.pictures, len(ids))
        report(workspace, job, time.monotonic() - begun)


def report(workspace: Workspace, job: jobs.Job, seconds: float) -> None:
    """Tell what there is, and fail where that is not what was to come."""
    rows = jobs.batch_rows(job)
    sums = totals(rows)
    print(f"{job.state} after {seconds:.0f} s: {sums}")
    for row in rows:
        if row["error"]:
            print(f"  failed: {row['name']}: {row['error']}")
    for place, reasons in outliers(rows).items():
        print(f"  unlike: {rows[place]['name']}: {'; '.join(reasons.values())}")
    surfaces = [each for tomogram in workspace.tomograms() for each in tomogram.results("surfaces")]
    left = [each for each in surfaces if partial_folder(each.folder, job.id).exists()]
    held = (sums["finished"], sums["failed"], len(surfaces), len(left)) == (CELLS, 3, CELLS, 0)
    print("27 results and 3 reasons, each once" if held else f"NOT so: {len(surfaces)} surfaces")
    if not held:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
