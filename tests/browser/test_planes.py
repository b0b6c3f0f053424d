"""Three planes in a real browser, drawn with WebGL 2."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from tests.results import add_score, ball
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (30, 60, 80)
SCORED = (8, 24)
SET = """(input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """A ball in noise that grows darker along z, scored in its middle slices."""
    path = tmp_path / "ball.tif"
    grey = np.random.default_rng(0).normal(15000, 2000, SHAPE) - 9000 * (ball(SHAPE, 11) > 0)
    grey -= 200 * np.arange(SHAPE[0])[:, np.newaxis, np.newaxis]
    tifffile.imwrite(path, grey.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(40, 20, 20))
    add_score(tomogram, ball(SHAPE, 11)[slice(*SCORED)], first_slice=SCORED[0])
    return tomogram


@pytest.fixture
def slices(page: Page, server, tomogram) -> Page:
    page.goto(f"{server}/slices?t={tomogram.id}")
    for axis, length in zip("zyx", SHAPE, strict=True):
        expect(pane(page, axis)).to_have_attribute("data-drawn", str(length // 2))
    wait_until(lambda: orange(pane(page, "x")) > 100)
    return page


def pane(page: Page, axis: str):
    return page.locator(f'.pane[data-axis="{axis}"]')


def pixels(locator) -> np.ndarray:
    picture = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return np.asarray(picture).astype(int)


def orange(locator) -> int:
    picture = pixels(locator)
    return int((picture[..., 0] - picture[..., 2] > 60).sum())


def set_to(page: Page, name: str, value) -> None:
    page.locator(f'[data-set="{name}"]').evaluate(SET, str(value))


def test_three_planes_are_drawn_stepped_and_thresholded(slices):
    page = slices
    page.get_by_role("checkbox", name="Crosshair").uncheck()
    for axis in "zyx":
        assert pixels(pane(page, axis)).std() > 20, axis
        assert orange(pane(page, axis)) > 100, axis

    for axis, length in zip("zyx", SHAPE, strict=True):
        before = pixels(pane(page, axis))
        pane(page, axis).press("PageUp")
        expect(pane(page, axis)).to_have_attribute("data-drawn", str(length // 2 + 10))
        wait_until(
            lambda axis=axis, before=before: (
                (np.abs(pixels(pane(page, axis)) - before).max(axis=-1) > 30).mean() > 0.02
            )
        )
    # The plane that none of the score lies in is hatched, and the readout says why.
    expect(page.locator(".readout")).to_contain_text("not scored")
    pane(page, "z").press("Home")
    expect(page.locator(".position")).to_contain_text("Slice 1 of 30")
    expect(pane(page, "z")).to_have_attribute("data-drawn", "0")
    assert orange(pane(page, "z")) == 0
    pane(page, "z").press("End")
    for _ in range(SHAPE[0] // 2 - 1):
        pane(page, "z").press("ArrowLeft")
    expect(pane(page, "z")).to_have_attribute("data-drawn", str(SHAPE[0] // 2))
    expect(page.locator(".planes")).to_have_attribute("data-outstanding", "0")

    sent = []
    page.on("request", lambda request: sent.append(request.url))
    found = orange(pane(page, "z"))
    for value in np.arange(0.02, 0.98, 0.06).round(2):
        set_to(page, "threshold", value)
    wait_until(lambda: orange(pane(page, "z")) < 0.8 * found)
    set_to(page, "opacity", 0)
    wait_until(lambda: orange(pane(page, "z")) == 0)
    before = pixels(pane(page, "z"))
    pane(page, "z").press("i")
    wait_until(lambda: np.abs(pixels(pane(page, "z")) - before).mean() > 20)
    set_to(page, "white", page.locator('[data-set="black"]').input_value())
    # The threshold has come back to Python, and the page has run again.
    wait_until(lambda: "threshold=0.92" in page.url or page.wait_for_timeout(20))
    assert sent == []


def test_crosshair_values_layout_and_place_are_kept(slices, tomogram):
    page = slices
    box = pane(page, "z").bounding_box()
    page.mouse.dblclick(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 20)
    for axis, length in (("y", SHAPE[1]), ("x", SHAPE[2])):
        expect(pane(page, axis)).not_to_have_attribute("data-drawn", str(length // 2))
    drawn = {axis: int(pane(page, axis).get_attribute("data-drawn")) for axis in "zyx"}
    assert drawn["x"] > SHAPE[2] // 2
    assert drawn["y"] > SHAPE[1] // 2
    page.mouse.move(0, 0)
    value = tomogram.volume().read(drawn["z"], drawn["z"] + 1)[0, drawn["y"], drawn["x"]]
    expect(page.locator(".readout")).to_contain_text(
        f"x {drawn['x']}, y {drawn['y']}, z {drawn['z']}"
    )
    expect(page.locator(".readout")).to_contain_text(f"value {value} ")
    expect(page.locator(".readout")).to_contain_text(f"{drawn['z'] * 0.04:.3f} µm")

    pane(page, "z").press("Shift+ArrowRight")
    expect(pane(page, "x")).to_have_attribute("data-drawn", str(drawn["x"] + 1))
    pane(page, "z").press("+")
    pane(page, "z").press("1")
    expect(pane(page, "y")).to_be_hidden()
    pane(page, "z").press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    pane(page, "z").press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.reload()
    expect(pane(page, "z")).to_have_attribute("data-drawn", str(drawn["z"]))
    expect(pane(page, "y")).to_be_hidden()
    pane(page, "z").press("3")
    expect(pane(page, "x")).to_have_attribute("data-drawn", str(drawn["x"] + 1))
