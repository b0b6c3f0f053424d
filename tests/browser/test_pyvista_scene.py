"""The PyVista scene in a real browser, without a graphics card."""

import io
from contextlib import suppress

import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (24, 48, 64)
COLOURED = 0.002
"""The least share of pixels that the cloud of the score colours; all else is grey."""


# At once: without a graphics card the pointer's own moves come too seldom for the viewer.
DRAGGED = """canvas => {
  const send = (type, x) => canvas.parentElement.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, pointerType: "mouse", isPrimary: true, bubbles: true,
    button: 0, buttons: type === "pointerup" ? 0 : 1, clientX: x, clientY: 300 }));
  send("pointerdown", 300);
  for (let x = 310; x <= 400; x += 10) send("pointermove", x);
  send("pointerup", 400);
}"""


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """A ball in noise, voxels of 20 nm."""
    path = tmp_path / "ball.tif"
    grey = np.random.default_rng(0).normal(150, 20, SHAPE) - 80 * (ball(SHAPE, 11) > 0)
    tifffile.imwrite(path, grey.astype(np.uint8), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 11)))
    return tomogram


@pytest.fixture
def surface_page(page: Page, server, tomogram) -> Page:
    page.goto(f"{server}/surface?t={tomogram.id}")
    expect(page.locator(".stage")).to_have_attribute("data-drawn", "full")
    page.get_by_text("PyVista scene").click()
    return page


def draw(page: Page) -> None:
    page.get_by_role("button", name="Draw the scene").click()


def pixels(locator) -> np.ndarray:
    picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return np.asarray(picture).astype(int)


def share_of_colour(picture: np.ndarray) -> float:
    """Return the share of pixels that are neither white nor grey nor black."""
    return float((np.ptp(picture, axis=-1) > 60).mean())


def share_of_grey(picture: np.ndarray) -> float:
    """Return the share of pixels of the planes: grey, and neither white nor black."""
    middle = (picture.mean(axis=-1) > 60) & (picture.mean(axis=-1) < 235)
    return float((middle & (np.ptp(picture, axis=-1) < 12)).mean())


def test_volume_and_planes_are_drawn_and_turn(surface_page):
    draw(surface_page)
    scene = surface_page.frame_locator("#stpyvistaframe")
    expect(scene.locator("body")).to_have_attribute("data-drawn", "true")
    surface_page.locator("#stpyvistaframe").evaluate("frame => frame.scrollIntoView()")
    canvas = scene.locator("canvas").first
    wait_until(lambda: share_of_colour(pixels(canvas)) > COLOURED)
    before = pixels(canvas)
    assert share_of_grey(before) > 0.05
    scene.locator("canvas").first.evaluate(DRAGGED)
    wait_until(lambda: (np.abs(pixels(canvas) - before).max(axis=-1) > 30).mean() > 0.02)


def kill_the_maker() -> None:
    """Kill the process that makes a scene for this test as soon as there is one."""

    def killed() -> bool:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                if "deepsxt_core.workspace.orders" in line and "scene" in line:
                    process.kill()
                    return True
        return False

    wait_until(killed)


def test_a_killed_renderer_gives_a_picture_and_the_reason(surface_page):
    draw(surface_page)
    kill_the_maker()
    expect(surface_page.get_by_text("ended by a signal")).to_be_visible()
    picture = surface_page.get_by_test_id("stImage").locator("img")
    picture.scroll_into_view_if_needed()
    wait_until(lambda: share_of_grey(pixels(picture)) > 0.03)
    assert share_of_colour(pixels(picture)) > COLOURED
    surface_page.get_by_role("button", name="Try again").click()
    body = surface_page.frame_locator("#stpyvistaframe").locator("body")
    expect(body).to_have_attribute("data-drawn", "true")
