"""Open a library of many tomograms in Chromium; tell how long its first page and a search take.

``python -m benchmarks.large_library`` writes 500 tiny tomograms with names, tags and notes into a
workspace (every fifth with a score), starts the app on it and prints what it took. The first
page is measured from the address to the last of its twenty rows, in an app that has just started
and in one that knows the library; a search from the key that ends it to the list that it leaves.
Beside the seconds on the clock, which mean little where other programs work, stand those of the
processor, of app and browser together.
"""

import argparse
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import tifffile
from playwright.sync_api import Page, expect

from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.remarks import write_remarks
from deepsxt_core.workspace.tomogram import new_tomogram, write_tomogram
from tests.browser.conftest import running_app
from tests.chromium import chromium
from tests.results import add_score, ball

SHAPE = (4, 32, 32)
ON_A_PAGE = 20


def fill(home: Path, count: int) -> None:
    """Put so many tomograms into a workspace, each with a file of its own."""
    workspace, rng = Workspace(home), np.random.default_rng(0)
    for number in range(count):
        folder = workspace.folder / "tomograms" / f"{number:018x}"
        source = folder / "source" / f"cell_{number}.tif"
        source.parent.mkdir(parents=True)
        grey = rng.integers(0, 255, SHAPE, np.uint8)
        tifffile.imwrite(source, grey, imagej=True, metadata={"axes": "ZYX"})
        tomogram = new_tomogram(folder.name, folder, source, source.name, None)
        write_tomogram(tomogram)
        write_remarks(folder, ["even" if number % 2 == 0 else "odd"], f"day {number // 20}")
        if number % 5 == 0:
            add_score(tomogram, ball(SHAPE, 8))


def now() -> np.ndarray:
    """Return the time, and how long app and browser have computed, both in s."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:2])
    return np.array([time.perf_counter(), spent])


def first_page(page: Page, address: str) -> np.ndarray:
    """Return how long the first page takes until all its rows are there, as `now` tells it."""
    begun = now()
    page.goto(address)
    page.wait_for_function(
        "n => document.querySelectorAll('[class*=st-key-library_row_]').length === n",
        arg=ON_A_PAGE,
        polling=5,
    )
    return now() - begun


def search(page: Page, text: str, found: str) -> np.ndarray:
    """Return how long it takes to look for something; `found` is what the page says then."""
    page.get_by_label("Search").first.fill(text)
    begun = now()
    page.get_by_label("Search").first.press("Enter")
    page.wait_for_function(
        "words => document.querySelector('.st-key-library').innerText.includes(words)",
        arg=found,
        polling=5,
    )
    return now() - begun


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tomograms", type=int, default=500)
    count = parser.parse_args().tomograms
    expect.set_options(timeout=120_000)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        home = Path(name) / "workspace"
        fill(home, count)
        with running_app(home, Path(name) / "log") as address:
            page = browser.new_page()
            fresh = first_page(page, address)
            again = [first_page(page, address) for _ in range(5)]
            searches = []
            for n in range(10):
                searches.append(search(page, f"cell_{n + 100}", f"1 of {count} tomograms"))
                search(page, "", f"Library · {count} tomograms\n")
                expect(page.locator("[class*=st-key-library_row_]")).to_have_count(ON_A_PAGE)
    rows = {
        "first page of a fresh app": fresh,
        "first page, median of 5": np.median(again, axis=0),
        "search, median of 10": np.median(searches, axis=0),
        "search, slowest": np.max(searches, axis=0),
    }
    print(f"{count} tomograms, load {os.getloadavg()[0]:.1f}")
    for name, (clock_s, processor_s) in rows.items():
        print(f"{name}: {1000 * clock_s:.0f} ms, of the processor {1000 * processor_s:.0f} ms")


if __name__ == "__main__":
    main()
