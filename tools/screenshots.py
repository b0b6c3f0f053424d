"""Make the pictures of the app in the documents: the tutorial, walked through in Chromium.

::

    python -m tools.screenshots [--home FOLDER] [--out FOLDER]

Without ``--home`` the workspace is new and the sample is segmented, which takes minutes; with it,
what is there already is found again.
"""

import argparse
import io
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import running_app
from tests.chromium import chromium

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WINDOW = {"width": 1440, "height": 900}
_COLOURS = 256
_LONG_MS = 1_800_000


def shoot(page: Page, out: Path) -> None:
    """Write a picture of what is in the window once the page has run, with few colours."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=_LONG_MS
    )
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


def walk(page: Page, address: str, out: Path) -> None:
    """Follow ``docs/tutorial.md`` and take a picture at each step."""

    def button(name: str | re.Pattern[str]) -> None:
        page.get_by_role("button", name=name, exact=True).click(timeout=_LONG_MS)

    page.goto(address)
    button("Open the sample")
    expect(page.locator(".stage")).to_have_attribute("data-drawn", re.compile(r"\d"))
    expect(page.locator(".js-plotly-plot .bars").first).to_be_attached()
    shoot(page, out / "open.png")

    button("Segment")
    button("Try")
    expect(page.get_by_text("counts as membrane")).to_be_visible(timeout=_LONG_MS)
    shoot(page, out / "segment.png")

    button(re.compile(r"Segment \d+ slices"))
    button("Look at the slices")
    for pane in page.locator(".pane").all():
        expect(pane).to_have_attribute("data-drawn", re.compile(r"\d"), timeout=_LONG_MS)
    expect(page.get_by_text("Preparing").filter(visible=True)).to_have_count(0, timeout=_LONG_MS)
    shoot(page, out / "app.png")

    button("Surface")
    button("Make surface")
    expect(page.locator(".stage")).to_have_attribute("data-drawn", "full", timeout=_LONG_MS)
    shoot(page, out / "surface.png")

    button("Measure")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=_LONG_MS)
    shoot(page, out / "measure.png")


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--home", type=Path, help="a workspace; a new one if not given")
    parser.add_argument("--out", type=Path, default=PICTURES)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        running_app(given.home or Path(folder) / "home", Path(folder) / "log") as address,
    ):
        page = browser.new_page(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
        page.set_default_timeout(_LONG_MS)
        walk(page, address, given.out)


if __name__ == "__main__":
    main()
