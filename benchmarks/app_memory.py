"""What the app holds after many slices, pages and tomograms.

``python -m benchmarks.app_memory`` starts the app on 20 simulated tomograms of 512², and in ten
rounds asks for 200 slices (other addresses each, of all tomograms in turn) and opens 5 pages in
Chromium. It prints the memory of the app's process after each round, which is bounded if the last
ones add nothing to those before.
"""

import argparse
import http.client
import secrets
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import tifffile
from playwright.sync_api import expect

from deepsxt_core.workspace import Workspace
from tests.browser.conftest import running_app
from tests.chromium import chromium
from tests.results import add_score, add_surface, ball

SHAPE = (16, 512, 512)
TOMOGRAMS = 20
ROUNDS = 10
PAGES = ("?", "segment?", "slices?", "surface?", "jobs?")
MB = 2**20


def fill(folder: Path) -> list[str]:
    """Put tomograms of noise into the workspace, with a score and a surface; return their ids."""
    rng, found = np.random.default_rng(0), []
    for number in range(TOMOGRAMS):
        path = folder / f"cell_{number}.tif"
        grey = rng.integers(0, 65_535, SHAPE, np.uint16)
        tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
        tomogram = Workspace(folder / "workspace").add_file(path)
        add_surface(tomogram, add_score(tomogram, ball(SHAPE, 12)))
        found.append(tomogram.id)
    return found


def ask(address: str, ids: list[str], count: int) -> None:
    """Ask for slices of all tomograms in turn, one after the other."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    for n in range(count):
        where = f"/api/tomograms/{ids[n % len(ids)]}/slices/{n % SHAPE[0]}"
        connection.request("GET", f"{where}?n={secrets.token_hex(4)}")
        answer = connection.getresponse()
        if len(answer.read()) != SHAPE[1] * SHAPE[2]:
            raise RuntimeError(f"{where}: {answer.status}")
    connection.close()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    requests = parser.parse_args().requests
    expect.set_options(timeout=120_000)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        ids = fill(folder)
        page = browser.new_page()
        with running_app(folder / "workspace", folder / "log") as address:
            (app,) = (
                each for each in psutil.Process().children() if "deepsxt_core.cli" in each.cmdline()
            )
            print(f"at first: {app.memory_info().rss / MB:.0f} MB", flush=True)
            for number in range(ROUNDS):
                ask(address, ids, requests // ROUNDS)
                for n, part in enumerate(PAGES):
                    tomogram = ids[(number * len(PAGES) + n) % len(ids)]
                    page.goto(f"{address}/{part}t={tomogram}")
                    page.wait_for_selector("h1")
                    page.wait_for_load_state("networkidle")
                asked, opened = requests // ROUNDS * (number + 1), len(PAGES) * (number + 1)
                memory = app.memory_info().rss / MB
                print(f"{asked} slices, {opened} pages: {memory:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
