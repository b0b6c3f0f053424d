"""How long a scripted user takes from the sample's score to ten reviewed organelles with intervals.

    python -m benchmarks.ten_organelles FOLDER

In Chromium, over the app, with a workspace in FOLDER in which the sample has its score (made there
if it has none; not timed). The user begins an empty annotation, has all bodies proposed, begins a
review of the class, looks at ten objects (`--look` seconds each), says of each that it is right and
names it, makes the surface, and measures thoroughly. Told is the time of each step; pictures of the
review and of *Measure* at 1440 and 900 px are left in FOLDER.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from deepsxt_core import jobs
from deepsxt_core.inference import SegmentParams
from deepsxt_core.network import DEFAULT_MODEL
from deepsxt_core.workspace import Workspace
from tests.browser.conftest import running_app
from tests.chromium import chromium

ORGANELLES = 10
_PATIENCE_MS = 300_000


class Clock:
    """Tells how long each step took."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        begun = time.monotonic()
        yield
        print(f"{name:32} {time.monotonic() - begun:6.1f} s", flush=True)


def scored_sample(home: Path) -> tuple[str, str]:
    """Return the ids of the sample and of its score, which is made if there is none."""
    workspace = Workspace(home)
    sample = workspace.add_sample()
    if not sample.readable_results("scores"):
        request = jobs.SegmentRequest(model=DEFAULT_MODEL, params=SegmentParams())
        job = jobs.submit(workspace, request, tomogram=sample.id)
        while jobs.read_job(workspace, job.id).active:
            time.sleep(1)
    return sample.id, next(iter(sample.readable_results("scores"))).id


def shot(page: Page, folder: Path, name: str) -> None:
    """Leave pictures of a page at both widths."""
    for width in (900, 1440):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(1500)
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)


def annotate(page: Page, address: str, clock: Clock) -> None:
    """Begin an annotation, and have all bodies proposed."""
    with clock.step("opening the slices"):
        page.goto(address)
        page.get_by_role("button", name="Start an annotation").click()
        page.get_by_role("radiogroup").get_by_text("Nothing", exact=True).click()
        expect(page.get_by_text("Smallest object")).to_have_count(0)
        page.get_by_role("button", name="Begin", exact=True).click()
        expect(page.get_by_role("button", name="Propose all")).to_be_visible()
    with clock.step("proposals"):
        page.get_by_role("button", name="Propose all").click()
        page.get_by_role("button", name="Propose", exact=True).click()
        # The list draws the rows that are in sight alone.
        expect(page.locator(".objects .row")).not_to_have_count(0)
        page.keyboard.press("Escape")


def review(page: Page, look_s: float, clock: Clock) -> None:
    """Begin a review, and say of ten objects that they are right, with a name each."""
    with clock.step(f"{ORGANELLES} names and verdicts"):
        pane = page.locator('.pane[data-axis="z"]')
        pane.focus()
        pane.press("0")
        page.locator(".review .class").select_option("organelle")
        page.locator('[data-review="plan"]').click()
        page.locator(".queue").select_option("object targeted")
        for number in range(1, ORGANELLES + 1):
            expect(page.locator(".verdicts .next")).to_contain_text("right?")
            page.wait_for_timeout(1000 * look_s)
            name = page.locator('.about [data-field="name"]')
            name.fill(f"Vesicle {number}")
            name.press("Enter")
            expect(
                page.locator(".objects .row", has_text=f"Vesicle {number}").first
            ).to_be_visible()
            before = page.locator(".coverage").inner_text()
            pane.focus()
            pane.press("y")
            expect(page.locator(".coverage")).not_to_have_text(before)


def measure(page: Page, clock: Clock) -> None:
    """Make the surface of what was reviewed, and measure it thoroughly."""
    with clock.step("surface"):
        page.get_by_role("link", name="Surface").first.click()
        page.get_by_role("button", name="Reconstruct").click()
        expect(page.locator(".stage, canvas").first).to_be_visible()
        expect(page.get_by_text("objects").first).to_be_visible()
    with clock.step("measurement"):
        page.get_by_role("link", name="Measure").first.click()
        page.get_by_role("tab", name="Filopodia and error bars").click()
        page.get_by_role("button", name="Measure thoroughly").click()
        expect(page.get_by_role("button", name="Measure again")).to_be_visible()


def main() -> None:
    """Run the user once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--look", type=float, default=3.0, help="seconds that each object is seen")
    given = parser.parse_args()
    home = given.folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DEEPSXT_HOME"] = str(home)
    sample, score = scored_sample(home)
    expect.set_options(timeout=_PATIENCE_MS)
    with running_app(home, given.folder / "server.log") as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(_PATIENCE_MS)
        clock = Clock()
        try:
            annotate(page, f"{address}/slices?t={sample}&score={score}", clock)
            review(page, given.look, clock)
            print(f"{'to ten reviewed organelles':32} {time.monotonic() - clock.begun:6.1f} s")
            shot(page, given.folder, "review")
            measure(page, clock)
            print(f"{'to volumes and intervals':32} {time.monotonic() - clock.begun:6.1f} s")
            shot(page, given.folder, "measure")
        except BaseException:
            page.screenshot(path=given.folder / "stopped.png", full_page=True)
            raise


if __name__ == "__main__":
    main()
