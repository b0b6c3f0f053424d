"""What the people of a soak do in their browsers, and what goes wrong meanwhile."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from playwright.sync_api import Page, expect
from scipy import ndimage

from benchmarks.soak_server import QUOTA_GB, Server
from benchmarks.soak_watch import Kept
from deepsxt_core import jobs
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import annotations
from tests.waiting import wait_until

SHAPE = (16, 160, 160)
MOST_TOMOGRAMS = 4
# The server counts what a workspace takes every ten seconds.
COUNTED_S = 11.0


@dataclass(slots=True)
class Record:
    """What was done, what went wrong on purpose, and what failed."""

    actions: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class People:
    """What people do; a `fault`, if it is one of that step, happens meanwhile."""

    def __init__(self, server: Server, workspace: Workspace, kept: Kept, seed: int) -> None:
        self.record, self.tomograms = Record(), list[str]()
        self._server, self._workspace, self._kept = server, workspace, kept
        self._rng = random.Random(seed)

    def bring(self, page: Page, path: Path) -> str:
        """Drop a file; return the id of its tomogram."""
        page.goto(self._server.address)
        page.set_input_files("input[type=file]", path)
        expect(page.get_by_role("heading", name=path.name)).to_be_visible()
        found = next(each for each in self._workspace.tomograms() if each.name == path.name)
        self.tomograms.append(found.id)
        self._kept.note(found.id)
        self.record.actions["tomogram brought"] += 1
        return found.id

    def segment(self, page: Page, tomogram: str, fault: str) -> None:
        """Segment all slices, whatever happens meanwhile."""
        page.goto(f"{self._server.address}/segment?t={tomogram}")
        if self._rng.random() < 0.3:
            page.get_by_role("button", name="Try", exact=True).click()
            expect(page.get_by_text("counts as membrane")).to_be_visible()
            self.record.actions["slice tried"] += 1
        start = page.get_by_role("button", name=f"Segment {SHAPE[0]} slices")
        expect(start).to_be_enabled()
        if fault == "disk full":
            with _Filler(self._workspace.folder / "filler.bin"):
                start.click()
                refusal = page.get_by_test_id("stAlertContentError")
                expect(refusal).to_contain_text("that this workspace may take")
            self.record.faults[fault] += 1
        start.click()
        if fault in ("server killed while a job works", "tab closed while a job works"):
            self.working(tomogram)
            if fault.startswith("server"):
                self._server.kill()
                self._server.start()
            page.goto("about:blank")
            self.record.faults[fault] += 1
            self.ended(tomogram)
            page.goto(f"{self._server.address}/segment?t={tomogram}")
        elif fault == "worker killed while it scores" and self.kill_worker(tomogram):
            self.record.faults[fault] += 1
            page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Look at the slices").click()
        page.wait_for_url("**/slices?**")
        self._kept.note(tomogram)
        self.record.actions["segmented"] += 1

    def correct(self, page: Page, tomogram: str, fault: str) -> None:
        """Draw objects, undo, review some tiles."""
        page.goto(f"{self._server.address}/slices?t={tomogram}")
        page.get_by_role("button", name="annotation").first.click()
        page.get_by_role("button", name="Begin", exact=True).click()
        planes, pane = page.locator(".planes"), page.locator('.pane[data-axis="z"]')
        page.wait_for_url("**annotation=**")
        kept = annotations(self._workspace.tomogram(tomogram))[0]
        expect(planes).to_have_attribute("data-version", re.compile("[1-9]"))
        expect(planes).to_have_attribute("data-outstanding", "0")

        def version() -> int:
            return int(planes.get_attribute("data-version") or 0)

        def acknowledged(change: Callable[[], None]) -> None:
            before = version()
            change()
            wait_until(lambda: version() > before or page.wait_for_timeout(20))
            self._kept.note_version(tomogram, kept.id, version())
            self.record.actions["change of an annotation"] += 1

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
            self._server.kill()
            page.mouse.up()
            status = page.locator(".editing .status")
            expect(status).to_contain_text("Not connected")
            self._server.start()
            self.record.faults[fault] += 1
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
            self.record.actions["tile reviewed"] += 1

    def surface(self, page: Page, tomogram: str, fault: str) -> None:
        """Make a surface and take it home."""
        score = self._workspace.tomogram(tomogram).results("scores")[0].id
        page.goto(f"{self._server.address}/surface?t={tomogram}&score={score}")
        page.get_by_role("button", name="Reconstruct").click()
        if fault == "worker killed while it makes a surface" and self.kill_worker(tomogram):
            self.record.faults[fault] += 1
            page.get_by_role("button", name="Resume").click()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        self._kept.note(tomogram)
        self.record.actions["surface made"] += 1
        page.get_by_role("tab", name="Export").click()
        for name in ("STL", "PLY"):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).first.click()
            if download.value.path().stat().st_size < 1000:
                self.record.failures.append(f"{name} is empty")
            self.record.actions["file downloaded"] += 1

    def wander(self, page: Page) -> None:
        """Look around: reload, go back, look at the library, jobs and history."""
        page.reload()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        page.goto(f"{self._server.address}/jobs")
        expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
        page.go_back()
        expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
        self.record.actions["page reloaded"] += 1
        page.goto(self._server.address)
        expect(page.locator(".st-key-library")).to_be_visible()
        if self.tomograms:
            look_at = self._rng.choice(self.tomograms)
            page.locator(f".st-key-open_{look_at} button").click()
            expect(page.locator(".st-key-facts")).to_be_visible()
            page.goto(f"{self._server.address}/slices?t={look_at}")
            expect(page.locator(".planes")).to_have_attribute("data-outstanding", "0")
            for _ in range(10):
                page.locator('.pane[data-axis="z"]').press("ArrowRight")
        self.record.actions["walk around"] += 1

    def tidy(self, page: Page) -> None:
        """Delete the oldest tomograms for good."""
        while len(self.tomograms) > MOST_TOMOGRAMS:
            oldest = self.tomograms[0]
            page.goto(self._server.address)
            page.locator(f".st-key-edit_{oldest} button").click()
            page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            page.locator(".st-key-trash summary").click()
            page.get_by_role("button", name="Delete for good").first.click()
            expect(page.get_by_role("button", name="Delete for good")).to_have_count(0)
            self.tomograms.remove(oldest)
            self._kept.forget(oldest)
            self.record.actions["tomogram deleted"] += 1

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
        page.goto(self._server.address)
        page.set_input_files("input[type=file]", path)
        wait_until(lambda: len(cut) == 2 or page.wait_for_timeout(20))
        page.reload()
        expect(page.get_by_text("Drop a tomogram here")).to_be_visible()
        page.unroute_all()
        self.record.faults["upload cut off"] += 1
        return self.bring(page, path)

    def working(self, tomogram: str) -> jobs.Job | None:
        """Wait until a job works on a tomogram, and return it; None if it has ended already."""

        def found() -> list[jobs.Job] | None:
            known = jobs.list_jobs(self._workspace, tomogram)
            begun = known and (known[0].state == "running" or not known[0].active)
            return known if begun else None

        job = wait_until(found)[0]
        return job if job.active else None

    def ended(self, tomogram: str) -> None:
        """Wait until no job of a tomogram waits or works."""
        wait_until(
            lambda: not any(j.active for j in jobs.list_jobs(self._workspace, tomogram)), 300
        )

    def kill_worker(self, tomogram: str) -> bool:
        """Kill the process of the job of a tomogram; return whether there was one."""
        job = self.working(tomogram)
        if job is not None:
            time.sleep(self._rng.uniform(0, 0.5))
        process = None if job is None else jobs.read_job(self._workspace, job.id).status.process()
        if process is None:
            return False
        process.kill()
        wait_until(lambda: not jobs.read_job(self._workspace, job.id).active)
        return jobs.read_job(self._workspace, job.id).state == "interrupted"


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
