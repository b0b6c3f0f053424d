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
import json
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

from benchmarks import soak_people
from benchmarks.soak_people import People, write_tomogram
from benchmarks.soak_server import Server
from benchmarks.soak_watch import Kept, Watch, left_behind, working_in
from deepsxt_core import jobs
from deepsxt_core.workspace import Workspace
from tests.chromium import chromium
from tests.waiting import wait_until

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
        self.server = Server(self.home, out)
        self.kept = Kept(self.workspace)
        self.watch = Watch(self.server, self.workspace, out / "watch.jsonl")
        self.people = People(self.server, self.workspace, self.kept, seed)
        self.losses: list[str] = []
        self.script_errors: list[str] = []

    def tab(self, browser: Browser) -> Page:
        """Open a browser of somebody."""
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.script_errors.append(str(error)[:300]))
        return page

    def round(self, page: Page, other: Page, number: int, fault: str) -> None:
        """Go from a file to its surface, with one fault on the way."""
        path, people = write_tomogram(self.folder / f"cell {number}.tif", number), self.people
        bring = people.bring_cut_off if fault == "upload cut off" else people.bring
        tomogram = bring(page, path)
        path.unlink()
        people.segment(page, tomogram, fault)
        people.correct(page, tomogram, fault)
        people.surface(page, tomogram, fault)
        people.wander(page)
        people.tidy(other)

    def run(self, minutes: float, first: int) -> None:
        """Do rounds until the time is over, and look after each at what is kept."""
        begun, number = time.monotonic(), 0
        self.server.start()
        self.watch.start()
        with chromium() as browser:
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
                    if self.server.pid is None:
                        self.server.start()
                self.losses += self.kept.losses()
                number += 1
                passed = time.monotonic() - begun
                print(f"{passed:.0f} s: round {number} ({fault})", flush=True)
        self.people.record.actions["rounds"] = number

    def _failed(self, page: Page, number: int, fault: str, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)
        own = next(
            (each.name for each in reversed(where) if each.filename == soak_people.__file__), "?"
        )
        failure = f"round {number} ({fault}), {own}: {str(error)[:300]}"
        self.people.record.failures.append(failure)
        print(f"FAILED {failure}", flush=True)
        page.screenshot(path=self.out / f"failed_{number}.png")

    def told(self) -> dict:
        """Stop everything; return what came of it."""
        for tomogram in self.people.tomograms:
            self.people.ended(tomogram)
        self.watch.stop()
        self.server.stop()
        wait_until(lambda: not working_in(self.home), 60)
        jobs.clean(self.workspace, kept_slabs=True)
        # The next one sweeps what killed processes had unpacked.
        self.server.start()
        self.server.stop()
        lives: dict[int, list[dict]] = {}
        for sample in self.watch.samples:
            if "memory_mb" in sample:
                lives.setdefault(sample["server"], []).append(sample)
        record, log = self.people.record, (self.out / "server.log").read_text(errors="replace")
        return {
            "actions": dict(record.actions),
            "faults": dict(record.faults),
            "losses": self.losses,
            "files looked after at the end": self.kept.files,
            "failed actions": record.failures,
            "errors of scripts": self.script_errors,
            "tracebacks of the server": log.count("Traceback"),
            "orphan processes": sorted(self.watch.orphans)
            + [f"{each.pid}: at the end" for each in working_in(self.home)],
            "left behind": left_behind(self.home, self.folder / "tmp"),
            "servers": [_life(samples) for samples in lives.values()],
        }


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
