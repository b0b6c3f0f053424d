"""Paint on three planes in Chromium; tell how fast strokes come onto the screen and to the disk.

``python -m benchmarks.paint_planes`` starts an app on a simulated tomogram of 300 slices of 1024²
pixels with an annotation of 60 objects, and prints a JSON object for each part: what the server
needs for a ball of radius 20 and to interpolate 10 slices; the median in milliseconds from a move
of the pointer to its pixels, and from the end of a stroke to the planes that show what is kept;
steps as ``benchmarks.step_planes`` tells them, with the objects over the planes; and what the
server's memory gained over 500 strokes, after 100 to warm up.
"""

import json
import os
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from benchmarks.step_planes import SHAPE, make_tomogram, measure, server_memory
from deepsxt_core.annotation import Brush, Paint
from deepsxt_core.web.annotations import annotation_address
from deepsxt_core.web.own_pages import token
from deepsxt_core.workspace import Tomogram
from deepsxt_core.workspace.annotations import KeptAnnotation, add_annotation
from tests.browser.conftest import running_app
from tests.chromium import chromium

OBJECTS, STROKES, WARM_UP_STROKES, MEMORY_STROKES = 60, 40, 100, 500
MOVES = 8

# From the arrival of an event, and from when the hand made it, to its pixels in the canvas.
WATCH = """() => {
  window.moves = [];
  let begun = 0;
  window.addEventListener("pointermove", () => { begun = performance.now(); }, true);
  window.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const canvas = event.composedPath()[0].closest(".pane").querySelector(".draft");
    canvas.getContext("2d").getImageData(0, 0, 1, 1);
    window.moves.push([performance.now() - begun, performance.now() - event.timeStamp]);
  });
}"""
KEPT = """(pane) => new Promise((done) => {
  const root = pane.closest(".planes"), gl = pane.querySelector(".picture").getContext("webgl2");
  let released = 0;
  const release = () => { released = performance.now(); };
  pane.addEventListener("pointerup", release, { once: true, capture: true });
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      done(performance.now() - released);
    }));
  }).observe(root, { attributes: true, attributeFilter: ["data-version"] });
})"""


def make_annotation(tomogram: Tomogram) -> KeptAnnotation:
    """Draw objects all over the tomogram."""
    kept = add_annotation(tomogram, "objects")
    places = np.random.default_rng(0).integers(0, SHAPE, (OBJECTS, 2, 3))
    with kept.open() as opened:
        for number, points in enumerate(places.tolist(), 1):
            opened.apply(Paint(object=number, stroke=Brush(points=points, radius=12)))
    return kept


def strokes(page: Page, box: dict[str, float], count: int) -> list[float]:
    """Draw strokes, and return how long each took until it was kept and shown, in ms."""
    pane = page.locator('.pane[data-axis="z"]')
    places = np.random.default_rng(1).uniform(0.3, 0.7, (count, 2, 2))
    took = []
    for ends in places:
        points = ends * [box["width"], box["height"]] + [box["x"], box["y"]]
        page.mouse.move(*points[0])
        page.mouse.down()
        page.mouse.move(*points[1], steps=MOVES)
        waiting = pane.evaluate_handle(f"(pane) => ({{ kept: ({KEPT})(pane) }})")
        page.mouse.up()
        took.append(waiting.evaluate("(told) => told.kept"))
    return took


def send(address: str, kept: KeptAnnotation, what: str, **content: Any) -> dict[str, Any]:
    """Post something as an editor of its own; return the answer."""
    where = f"{address}/{annotation_address(kept.tomogram, kept.id)}/{what}"
    content = {"session": "bench", "owner": "the benchmark", **content}
    headers = {"X-DeepSXT-Token": token()}
    request = urllib.request.Request(where, json.dumps(content).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def post(address: str, kept: KeptAnnotation, operation: dict[str, Any]) -> float:
    """Have the server do something; return how many ms it took."""
    start = time.perf_counter()
    if not send(address, kept, "operations", operation=operation)["voxels"]:
        raise RuntimeError(f"Nothing was changed by {operation}.")
    return (time.perf_counter() - start) * 1000


def server_times(address: str, kept: KeptAnnotation) -> dict[str, int]:
    """Return the medians of what the server needs."""
    balls, gaps = [], []
    for n in range(15):
        at = [20 + 15 * n, 100 + 50 * n, 900 - 50 * n]
        ball = {"kind": "brush", "points": [at], "radius": 20}
        balls.append(post(address, kept, {"kind": "paint", "object": 1000 + n, "stroke": ball}))
        for z in (10, 21):
            stroke = {"kind": "brush", "points": [[z, *at[1:]]], "radius": 25, "plane": "xy"}
            post(address, kept, {"kind": "paint", "object": 2000 + n, "stroke": stroke})
        gap = {"kind": "interpolate", "object": 2000 + n, "plane": "xy", "first": 0, "last": 299}
        gaps.append(post(address, kept, gap))
    return {"ball_of_radius_20_ms": _median(balls), "interpolate_10_slices_ms": _median(gaps)}


def memory_gained(address: str, kept: KeptAnnotation) -> int:
    """Return how many MB the server gains while it is sent strokes, once it is warm."""
    send(address, kept, "take")
    before = 0
    places = np.random.default_rng(2).integers(0, SHAPE, (WARM_UP_STROKES + MEMORY_STROKES, 1, 3))
    for number, points in enumerate(places.tolist()):
        if number == WARM_UP_STROKES:
            before = server_memory()
        stroke = {"kind": "brush", "points": points, "radius": 8}
        post(address, kept, {"kind": "paint", "object": 3000, "stroke": stroke})
    return round((server_memory() - before) / 2**20)


def _median(values: Any) -> int:
    return round(float(np.median(values)))


def main() -> None:
    """Start the app and the browser, paint, and print what came of it."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        os.environ["DEEPSXT_HOME"] = str(folder / "workspace")
        kept = make_annotation(make_tomogram(folder))
        with running_app(folder / "workspace", folder / "log") as address:
            tell(server_times(address, kept))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(f"{address}/slices?t={kept.tomogram.id}&annotation={kept.id}")
            page.wait_for_selector('.planes[data-outstanding="0"]')
            page.wait_for_selector(".objects .row")
            pane = page.locator('.pane[data-axis="z"]')
            pane.press("b")
            page.evaluate(WATCH)
            box = pane.bounding_box()
            if box is None:
                raise RuntimeError("There is no plane.")
            until_kept = strokes(page, box, STROKES)
            moves = np.median(page.evaluate("() => window.moves"), axis=0).round(1)
            tell({"move_to_pixels_ms": moves[0], "since_the_hand_moved_ms": moves[1]})
            tell({"stroke_to_kept_pixels_ms": _median(until_kept)})
            pane.press("v")
            for axis, length in zip("zyx", SHAPE, strict=True):
                tell({axis: measure(page, axis, length)})
            page.close()
            tell({"memory_gained_mb": memory_gained(address, kept)})


def tell(found: dict[str, Any]) -> None:
    """Print what was found, and how busy the computer was."""
    print(json.dumps(found | {"load": round(os.getloadavg()[0], 1)}), flush=True)


if __name__ == "__main__":
    main()
