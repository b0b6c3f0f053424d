"""Step through three planes in Chromium; tell how fast each comes onto the screen.

``python -m benchmarks.step_planes`` starts an app on a simulated tomogram of 300 slices of 1024²
pixels and prints one JSON object: the median in milliseconds from a key to the new plane, where it
was read ahead and where the browser had not asked for it yet; and what the server's memory gained
over 500 steps, and over 1,000 more, after 100 to warm up. Without a graphics card most of the time
is the drawing. It takes about two minutes.
"""

import json
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Locator, Page

from deepsxt_core.volume import VoxelSize
from deepsxt_core.web.planes import display_address
from deepsxt_core.workspace import Tomogram, Workspace
from tests.browser.conftest import running_app
from tests.chromium import chromium

SHAPE = (300, 1024, 1024)
STEPS = 11
WARM_UP_STEPS, MEMORY_STEPS = 100, (500, 1000)

# Until the graphics process has drawn it: reading a pixel waits for that.
STEP = """async (pane, to) => {
  const gl = pane.querySelector(".picture").getContext("webgl2");
  const before = pane.dataset.drawn, start = performance.now();
  const drawn = new Promise((done) => {
    new MutationObserver((_, observer) => {
      if (pane.dataset.drawn === before) return;
      observer.disconnect();
      done();
    }).observe(pane, { attributes: true, attributeFilter: ["data-drawn"] });
  });
  if (typeof to === "string") {
    pane.dispatchEvent(new KeyboardEvent("keydown", { key: to, bubbles: true }));
  } else {
    const slider = pane.closest(".planes").querySelector(".stepper input");
    slider.value = to;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await drawn;
  const submitted = performance.now() - start;
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return [submitted, performance.now() - start];
}"""


def make_tomogram(folder: Path) -> Tomogram:
    """Write noise over waves; return the tomogram."""
    path = folder / "waves.npy"
    generator = np.random.default_rng(0)
    volume = np.lib.format.open_memmap(path, "w+", np.uint16, SHAPE)
    waves = 4000 * np.sin(np.arange(SHAPE[2]) / 40)
    for z in range(SHAPE[0]):
        volume[z] = generator.normal(20000, 1500, SHAPE[1:]) + waves * np.cos(z / 30)
    return Workspace().add_file(path).update(voxel_size_nm=VoxelSize.isotropic(20))


def rest(page: Page) -> None:
    """Wait until all that is read ahead is here."""
    page.wait_for_selector('.planes[data-outstanding="0"]')


def steps(page: Page, pane: Locator, wishes: list[Any]) -> dict[str, int]:
    """Return the medians in ms until a plane was told to be drawn, and until it was."""
    times = []
    for wish in wishes:
        times.append(pane.evaluate(STEP, wish))
        rest(page)
    submitted, finished = np.median(times, axis=0)
    return {"submitted_ms": round(submitted), "finished_ms": round(finished)}


def measure(page: Page, axis: str, length: int) -> dict[str, dict[str, int]]:
    """Return how fast planes across an axis come."""
    pane = page.locator(f'.pane[data-axis="{axis}"]')
    pane.focus()
    far = [n * (length * 5 // 13 + 1) % length for n in range(1, STEPS)]
    found = {"across the volume": steps(page, pane, far)}
    pane.press("Home")
    rest(page)
    found["cold"] = steps(page, pane, ["PageUp"] * STEPS)
    pane.press("ArrowLeft")
    rest(page)
    return found | {"read ahead": steps(page, pane, ["ArrowLeft"] * STEPS)}


def server_memory() -> int:
    """Return the bytes that the app holds, which is the child of this process."""
    for process in psutil.Process().children(recursive=True):
        if "deepsxt_core.cli" in process.cmdline():
            return process.memory_info().rss
    raise RuntimeError("There is no app.")


def memory_gained(address: str, tomogram: Tomogram) -> dict[str, int]:
    """Return how many MB the server gains while planes of all directions are asked for."""
    where = f"{address}/{display_address(tomogram)}"
    with urllib.request.urlopen(where) as answer:
        version = json.load(answer)["version"]
    at, found, begun = np.array(SHAPE) // 2, {}, 0
    generator = np.random.default_rng(0)
    ends = np.cumsum([WARM_UP_STEPS, *MEMORY_STEPS]).tolist()
    for step in range(ends[-1] + 1):
        if step == ends[0]:
            begun = server_memory()
        elif step in ends[1:]:
            found[f"memory_gained_mb_{step - ends[0]}"] = round((server_memory() - begun) / 2**20)
        # Some steps along an axis, then elsewhere.
        axis, jumps = generator.integers(3), step % 10 == 0
        length = SHAPE[axis]
        at[axis] = generator.integers(length) if jumps else (at[axis] + 1) % length
        plane = f"{where.removesuffix('display')}planes/{'zyx'[axis]}/{at[axis]}"
        with urllib.request.urlopen(f"{plane}?level=0&v={version}") as answer:
            answer.read()
    return found


def main() -> None:
    """Start the app and the browser, step, and print what came of it."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        os.environ["DEEPSXT_HOME"] = str(folder / "workspace")
        tomogram = make_tomogram(folder)
        with running_app(folder / "workspace", folder / "log") as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(600_000)
            page.goto(f"{address}/slices?t={tomogram.id}")
            for axis, length in zip("zyx", SHAPE, strict=True):
                page.wait_for_selector(f'.pane[data-axis="{axis}"][data-drawn="{length // 2}"]')
            found: dict[str, Any] = {
                axis: measure(page, axis, length) for axis, length in zip("zyx", SHAPE, strict=True)
            }
            page.close()
            found |= memory_gained(address, tomogram)
    found["load"] = round(os.getloadavg()[0], 1)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
