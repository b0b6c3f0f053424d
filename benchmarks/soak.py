"""People at work in Chromium for an hour, and what goes wrong meanwhile: nothing may be lost.

``python -m benchmarks.soak --minutes 60 --out FOLDER`` starts the app and two browsers. In turn
they bring a tomogram, try and segment it, correct and review objects, make a surface, take it home,
come back by the history of the browser, and delete what is old. In each round one thing goes wrong
(`FAULTS`, from the one of the number ``--first`` on). Every complete result, every file that was
brought and every change that was acknowledged must still be there, byte for byte, after each round.
Told are actions, faults, losses, failed actions (with pictures), the memory of the server over time
(``watch.jsonl``), processes that nobody owns and files that were left behind. Servers are killed in
the first third alone, so that the last one lives long enough for its memory to tell something.
"""

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import tifffile
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scipy import ndimage

from benchmarks.soak_watch import Kept, Watch, left_behind, working_in
from deepsxt_core import jobs
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import annotations
from tests.browser.conftest import ROOT, free_port
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.waiting import wait_until

SHAPE = (16, 160, 160)
QUOTA_GB = 4
MOST_TOMOGRAMS = 4
# The server counts what a workspace takes every ten seconds.
COUNTED_S = 11.0
WAIT_MS = 120_000
FAULTS = (
    "server killed while a job works",
    "disk full",
    "server killed with a stroke in the hand",
    "upload cut off",
    "worker killed while it scores",
    "tab closed while a job works",
    "worker killed while it makes a surface",
    "nothing",
)


class Soak:
    """Two browsers, a server, and what came of it."""

    def __init__(self, folder: Path, out: Path, seed: int) -> None:
        self.folder, self.out, self.home = folder, out, folder / "workspace"
        self.workspace = Workspace(self.home)
        self.port, self.rng = free_port(), random.Random(seed)
        self.address = f"http://localhost:{self.port}"
        self.actions: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.failures: list[str] = []
        self.losses: list[str] = []
        self.script_errors: list[str] = []
        self.kept, self.watch = Kept(self.workspace), Watch(self.workspace, out / "watch.jsonl")
        self.tomograms: list[str] = []
        self.server: psutil.Popen | None = None

    # The server.

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with (self.out / "server.log").open("ab") as log:
            self.server = psutil.Popen(
                [sys.executable, "-m", "deepsxt_core.cli", "app", "--port", str(self.port)],
                cwd=ROOT,
                # By the folder of the workspace its processes are known from others.
                env=os.environ
                | {
                    "DEEPSXT_HOME": str(self.home),
                    "DEEPSXT_QUOTA_GB": str(QUOTA_GB),
                    "TMPDIR": str(self.folder / "tmp"),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: _answers(self.server, self.port), 120)
        self.watch.server = self.server.pid

    def kill(self) -> None:
        """End the server without a word."""
        self.watch.server = None
        self.server.kill()
        self.server.wait(30)

    def stop(self) -> None:
        """Ask the server to end."""
        self.watch.server = None
        self.server.terminate()
        self.server.wait(30)

    # What people do.

    def tab(self, browser: Browser) -> Page:
        """Open a browser of somebody."""
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.script_errors.append(str(error)[:300]))
        return page

    def bring(self, page: Page, path: Path) -> str:
        """Drop a file; return the id of its tomogram."""
        page.goto(self.address)
        page.set_input_files("input[type=file]", path)
        expect(page.get_by_role("heading", name=path.name)).to_be_visible()
        found = next(each for each in self.workspace.tomograms() if each.name == path.name)
        self.tomograms.append(found.id)
        self.kept.note(found.id)
        self.actions["tomogram brought"] += 1
        return found.id

    def segment(self, page: Page, tomogram: str, fault: str) -> None:
        """Segment all slices, whatever happens meanwhile."""
        page.goto(f"{self.address}/segment?t={tomogram}")
        if self.rng.random() < 0.3:
            page.get_by_role("button", name="Try", exact=True).click()
            expect(page.get_by_text("counts as membrane")).to_be_visible()
            self.actions["slice tried"] += 1
        start = page.get_by_role("button", name=f"Segment {SHAPE[0]} slices")
        expect(start).to_be_enabled()
        if fault == "disk full":
            with self.full_disk():
                start.click()
                refusal = page.get_by_test_id("stAlertContentError")
                expect(refusal).to_contain_text("that this workspace may take")
            self.faults[fault] += 1
        start.click()
        if fault in ("server killed while a job works", "tab closed while a job works"):
            self.working(tomogram)
            if fault.startswith("server"):
                self.kill()
                self.start()
            page.goto("about:blank")
            self.faults[fault] += 1
            self.ended(tomogram)
            page.goto(f"{self.address}/segment?t={tomogram}")
        elif fault == "worker killed while it scores" and self.kill_worker(tomogram):
            self.faults[fault] += 1
            page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Look at the slices").click()
        page.wait_for_url("**/slices?**")
        self.kept.note(tomogram)
        self.actions["segmented"] += 1

    def correct(self, page: Page, tomogram: str, fault: str) -> None:
        """Draw objects, undo, review some tiles."""
        page.goto(f"{self.address}/slices?t={tomogram}")
        page.get_by_role("button", name="annotation").first.click()
        page.get_by_role("button", name="Begin", exact=True).click()
        planes, pane = page.locator(".planes"), page.locator('.pane[data-axis="z"]')
        page.wait_for_url("**annotation=**")
        kept = annotations(self.workspace.tomogram(tomogram))[0]
        expect(planes).to_have_attribute("data-version", re.compile("[1-9]"))
        expect(planes).to_have_attribute("data-outstanding", "0")

        def version() -> int:
            return int(planes.get_attribute("data-version") or 0)

        def acknowledged(change: Callable[[], None]) -> None:
            before = version()
            change()
            wait_until(lambda: version() > before or page.wait_for_timeout(20))
            self.kept.note_version(tomogram, kept.id, version())
            self.actions["change of an annotation"] += 1

        pane.focus()
        pane.press("b")
        box = pane.bounding_box()
        # Apart from each other: a stroke within another object changes nothing.
        for x, y in ((0.35, 0.35), (0.65, 0.35), (0.35, 0.65), (0.65, 0.65)):
            pane.press("n")
            place = box["x"] + x * box["width"], box["y"] + y * box["height"]
            acknowledged(lambda place=place: page.mouse.click(*place))
        acknowledged(lambda: pane.press("Control+z"))
        if fault == "server killed with a stroke in the hand":
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            self.kill()
            page.mouse.up()
            status = page.locator(".editing .status")
            expect(status).to_contain_text("Not connected")
            self.start()
            self.faults[fault] += 1
            expect(status).to_contain_text("Connected again")
            expect(page.get_by_role("dialog").filter(visible=True)).to_have_count(0)
            acknowledged(lambda: pane.press("Control+Shift+z"))
        pane.press("0")
        page.locator('[data-review="plan"]').click()
        expect(page.locator(".coverage")).to_contain_text("0 of ")
        for seen in range(1, 4):
            acknowledged(lambda: pane.press("y"))
            # Until the next one is shown, keys mean nothing.
            expect(page.locator(".coverage")).to_contain_text(f"{seen} of ")
            self.actions["tile reviewed"] += 1

    def surface(self, page: Page, tomogram: str, fault: str) -> None:
        """Make a surface and take it home."""
        score = self.workspace.tomogram(tomogram).results("scores")[0].id
        page.goto(f"{self.address}/surface?t={tomogram}&score={score}")
        page.get_by_role("button", name="Reconstruct").click()
        if fault == "worker killed while it makes a surface" and self.kill_worker(tomogram):
            self.faults[fault] += 1
            page.get_by_role("button", name="Resume").click()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        self.kept.note(tomogram)
        self.actions["surface made"] += 1
        page.get_by_role("tab", name="Export").click()
        for name in ("STL", "PLY"):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).first.click()
            if download.value.path().stat().st_size < 1000:
                self.failures.append(f"{name} is empty")
            self.actions["file downloaded"] += 1

    def wander(self, page: Page) -> None:
        """Look around: reload, go back, look at the library, jobs and history."""
        page.reload()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        page.goto(f"{self.address}/jobs")
        expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
        page.go_back()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        self.actions["page reloaded"] += 1
        page.goto(self.address)
        expect(page.locator(".st-key-library")).to_be_visible()
        if self.tomograms:
            look_at = self.rng.choice(self.tomograms)
            page.locator(f".st-key-open_{look_at} button").click()
            expect(page.locator(".st-key-facts")).to_be_visible()
            page.goto(f"{self.address}/slices?t={look_at}")
            expect(page.locator(".planes")).to_have_attribute("data-outstanding", "0")
            for _ in range(10):
                page.locator('.pane[data-axis="z"]').press("ArrowRight")
        self.actions["walk around"] += 1

    def tidy(self, page: Page) -> None:
        """Delete the oldest tomograms for good."""
        while len(self.tomograms) > MOST_TOMOGRAMS:
            oldest = self.tomograms[0]
            page.goto(self.address)
            page.locator(f".st-key-edit_{oldest} button").click()
            page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            page.locator(".st-key-trash summary").click()
            page.get_by_role("button", name="Delete for good").first.click()
            expect(page.get_by_role("button", name="Delete for good")).to_have_count(0)
            self.tomograms.remove(oldest)
            self.kept.forget(oldest)
            self.actions["tomogram deleted"] += 1

    def bring_cut_off(self, page: Page, path: Path) -> str:
        """Have the network break in the middle of an upload, and the tab closed; go on."""
        cut = []

        def interfere(route) -> None:
            if route.request.method == "PATCH" and len(cut) < 1:
                cut.append(route.fetch(post_data=route.request.post_data_buffer[:100_000]))
                route.abort("connectionreset")
            elif route.request.method == "PATCH" and len(cut) < 2:
                cut.append(route.abort("connectionreset"))
            else:
                route.continue_()

        page.route("**/api/uploads/*", interfere)
        page.goto(self.address)
        page.set_input_files("input[type=file]", path)
        wait_until(lambda: len(cut) == 2 or page.wait_for_timeout(20))
        page.reload()
        expect(page.get_by_text("Drop a tomogram here")).to_be_visible()
        page.unroute_all()
        self.faults["upload cut off"] += 1
        return self.bring(page, path)

    # What goes wrong.

    def full_disk(self) -> "_Filler":
        """Take all that the quota leaves, for a while."""
        return _Filler(self.home / "filler.bin")

    def working(self, tomogram: str) -> jobs.Job | None:
        """Wait until a job works on a tomogram, and return it; None if it has ended already."""

        def found() -> list[jobs.Job] | None:
            known = jobs.list_jobs(self.workspace, tomogram)
            begun = known and (known[0].state == "running" or not known[0].active)
            return known if begun else None

        job = wait_until(found)[0]
        return job if job.active else None

    def ended(self, tomogram: str) -> None:
        """Wait until no job of a tomogram waits or works."""
        wait_until(lambda: not any(j.active for j in jobs.list_jobs(self.workspace, tomogram)), 300)

    def kill_worker(self, tomogram: str) -> bool:
        """Kill the process of the job of a tomogram; return whether there was one."""
        job = self.working(tomogram)
        if job is not None:
            time.sleep(self.rng.uniform(0, 0.5))
        process = None if job is None else jobs.read_job(self.workspace, job.id).status.process()
        if process is None:
            return False
        process.kill()
        wait_until(lambda: not jobs.read_job(self.workspace, job.id).active)
        return jobs.read_job(self.workspace, job.id).state == "interrupted"

    # All of it.

    def round(self, page: Page, other: Page, number: int, fault: str) -> None:
        """Go from a file to its surface, with one fault on the way."""
        path = write_tomogram(self.folder / f"cell {number}.tif", number)
        cut = fault == "upload cut off"
        tomogram = self.bring_cut_off(page, path) if cut else self.bring(page, path)
        path.unlink()
        self.segment(page, tomogram, fault)
        self.correct(page, tomogram, fault)
        self.surface(page, tomogram, fault)
        self.wander(page)
        self.tidy(other)

    def run(self, minutes: float, first: int) -> None:
        """Do rounds until the time is over, and look after each at what is kept."""
        begun, number = time.monotonic(), 0
        self.start()
        self.watch.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS
            )
            tabs = [self.tab(browser), self.tab(browser)]
            while (passed := time.monotonic() - begun) < 60 * minutes:
                late = number > 2 and passed > 20 * minutes
                faults = [each for each in FAULTS if not (late and each.startswith("server"))]
                fault = faults[(first + number) % len(faults)]
                one, two = number % 2, 1 - number % 2
                try:
                    self.round(tabs[one], tabs[two], number, fault)
                except Exception as error:  # noqa: BLE001 - told, and the next round begins anew
                    self._failed(tabs[one], number, fault, error)
                    tabs[one].context.close()
                    tabs[one] = self.tab(browser)
                    if self.watch.server is None:
                        self.start()
                self.losses += self.kept.losses()
                number += 1
                passed = time.monotonic() - begun
                print(f"{passed:.0f} s: round {number} ({fault}) {dict(self.faults)}", flush=True)
            browser.close()
        self.actions["rounds"] = number

    def _failed(self, page: Page, number: int, fault: str, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)
        own = next((each.name for each in reversed(where) if each.filename == __file__), "?")
        self.failures.append(f"round {number} ({fault}), {own}: {str(error)[:300]}")
        print(f"FAILED {self.failures[-1]}", flush=True)
        page.screenshot(path=self.out / f"failed_{number}.png")

    def told(self) -> dict:
        """Stop everything; return what came of it."""
        for tomogram in self.tomograms:
            self.ended(tomogram)
        self.watch.stop()
        self.stop()
        wait_until(lambda: not working_in(self.home), 60)
        jobs.clean(self.workspace, kept_slabs=True)
        # The next one sweeps what killed processes had unpacked.
        self.start()
        self.stop()
        lives: dict[int, list[dict]] = {}
        for sample in self.watch.samples:
            if "memory_mb" in sample:
                lives.setdefault(sample["server"], []).append(sample)
        log = (self.out / "server.log").read_text(errors="replace")
        return {
            "actions": dict(self.actions),
            "faults": dict(self.faults),
            "losses": self.losses,
            "files looked after at the end": self.kept.files,
            "failed actions": self.failures,
            "errors of scripts": self.script_errors,
            "tracebacks of the server": log.count("Traceback"),
            "orphan processes": sorted(self.watch.orphans)
            + [f"{each.pid}: at the end" for each in working_in(self.home)],
            "left behind": left_behind(self.home, self.folder / "tmp"),
            "servers": [_life(samples) for samples in lives.values()],
        }


class _Filler:
    """A file that takes the whole quota while this is entered, though no room on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        with self._path.open("wb") as file:
            file.truncate(round(QUOTA_GB * 1e9))
        time.sleep(COUNTED_S)

    def __exit__(self, *_: object) -> None:
        self._path.unlink()
        time.sleep(COUNTED_S)


def _life(samples: list[dict]) -> dict:
    """Return the memory of one server: after warm-up, at its highest, at the end."""
    memory = [sample["memory_mb"] for sample in samples]
    third = len(memory) // 3
    return {
        "minutes": round((samples[-1]["s"] - samples[0]["s"]) / 60, 1),
        "memory_mb": {
            "first": memory[0],
            "highest": max(memory),
            "median of each third": [
                round(float(np.median(part)), 1)
                for part in (memory[:third], memory[third : 2 * third], memory[2 * third :])
                if part
            ],
            "last": memory[-1],
        },
        "open files": [samples[0]["files"], samples[-1]["files"]],
        "threads": [samples[0]["threads"], samples[-1]["threads"]],
    }


def _answers(server: psutil.Popen, port: int) -> bool:
    if server.poll() is not None:
        raise RuntimeError("the server ended")
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def write_tomogram(path: Path, seed: int) -> Path:
    """Write a round membrane in noise, voxels of 20 nm."""
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    distance = np.abs(np.hypot(y - SHAPE[1] / 2, x - SHAPE[2] / 2) - SHAPE[1] / 3)
    noise = np.random.default_rng(seed).normal(0, 1, SHAPE)
    values = 1000 - 300 * np.exp(-((distance / 2.5) ** 2))
    values = values + 150 * ndimage.gaussian_filter(noise, (0.5, 1, 1))
    tifffile.imwrite(
        path,
        values.astype(np.uint16),
        imagej=True,
        resolution=(50, 50),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 0.02},
    )
    return path


def main() -> None:
    """Run, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("soak"))
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=WAIT_MS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        soak = Soak(folder, out, arguments.seed)
        try:
            soak.run(arguments.minutes, arguments.first)
            told = soak.told()
        finally:
            for process in working_in(soak.home):
                process.kill()
    (out / "report.json").write_text(json.dumps(told, indent=2))
    print(json.dumps(told, indent=2))
    if told["losses"] or told["orphan processes"] or told["left behind"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
