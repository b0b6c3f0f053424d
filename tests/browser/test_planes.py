"""Three planes in a real browser, drawn with WebGL 2."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.truths import truth_id
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
        wait_until(lambda axis=axis: orange(pane(page, axis)) > 100)
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
        wait_until(lambda axis=axis: orange(pane(page, axis)) > 100)

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


def coloured(locator, red: int, green: int, blue: int) -> int:
    """Return how many pixels lean towards a colour, as mixing it with any grey makes them."""
    hue = np.array([red, green, blue])
    seen = pixels(locator)
    seen, hue = (values - values.mean(axis=-1, keepdims=True) for values in (seen, hue))
    length = np.linalg.norm(seen, axis=-1)
    return int(((seen @ hue > 0.97 * length * np.linalg.norm(hue)) & (length > 40)).sum())


FEW = 20  # pixels of the scale bar and of the noise may have any hue
ONLY_A, ONLY_B, BOTH = (242, 120, 40), (86, 150, 255), (46, 178, 130)


def test_a_result_is_compared_with_a_truth_and_with_itself(page, server, tomogram):
    truth = tomogram.source.with_name("ball.truth.tif")
    marked = np.roll(ball(SHAPE, 11) > 0, 6, axis=(0, 2))
    tifffile.imwrite(truth, marked.astype(np.uint8), photometric="minisblack")
    page.goto(f"{server}/slices?t={tomogram.id}&at=15,30,40&compare={truth_id(truth)}")
    for axis in "zyx":
        expect(pane(page, axis)).not_to_have_attribute("data-drawn", "")
    wait_until(lambda: coloured(pane(page, "x"), *BOTH) > 100)
    page.get_by_role("checkbox", name="Crosshair").uncheck()
    for axis in "zy":
        for colour in (ONLY_A, ONLY_B, BOTH):
            wait_until(lambda axis=axis, colour=colour: coloured(pane(page, axis), *colour) > 100)
    legend = page.locator(".legend")
    expect(legend).to_contain_text("ball.truth.tif")
    expect(legend).to_contain_text("only B: true, not marked")
    expect(page.get_by_role("slider", name="Threshold of B")).to_be_hidden()

    # The line: A left of it, B right of it, drawn aside without a request.
    expect(page.locator(".planes")).to_have_attribute("data-outstanding", "0")
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    pane(page, "z").press("s")
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_B) == 0)
    line = pane(page, "z").get_by_role("slider", name="Line between A and B")
    before, box = orange(pane(page, "z")), pane(page, "z").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.1, middle, steps=3)
    page.mouse.up()
    expect(line).to_have_attribute("aria-valuenow", "10")
    wait_until(lambda: orange(pane(page, "z")) != before)
    assert sent == []
    wait_until(lambda: "compare_as=swipe" in page.url or page.wait_for_timeout(20))

    # The same result above another threshold; the address gives it again.
    page.get_by_label("Compare with").select_option(tomogram.readable_results("scores")[0].id)
    pane(page, "z").press("s")  # side by side: each side has its own threshold
    beside = page.locator(".pane.other")
    page.get_by_role("slider", name="Threshold of B").evaluate(SET, "0.8")
    wait_until(lambda: 0 < orange(beside) < orange(pane(page, "z")) - 100)
    expect(pane(page, "y")).to_be_hidden()
    beside.press("+")
    beside.press("PageUp")
    expect(pane(page, "z")).to_have_attribute("data-drawn", "25")
    beside.press("PageDown")
    page.get_by_role("button", name="XZ", exact=True).click()
    expect(beside).to_have_attribute("data-drawn", "30")
    wait_until(lambda: 0 < orange(beside) < orange(pane(page, "y")) - 100)
    expect(pane(page, "z")).to_be_hidden()
    page.get_by_role("button", name="XY", exact=True).click()
    pane(page, "z").press("s")
    page.get_by_role("slider", name="Threshold of B").evaluate(SET, "0.8")
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_A) > 100)
    assert coloured(pane(page, "z"), *ONLY_B) == 0
    wait_until(lambda: "compare_threshold=0.80" in page.url or page.wait_for_timeout(20))
    page.reload()
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_A) > 100)
    expect(legend).to_contain_text("slices 9 to 24, above 0.80")
    page.get_by_label("Compare with").select_option("")
    wait_until(lambda: "compare" not in page.url or page.wait_for_timeout(20))
    expect(legend).to_be_hidden()


def test_an_annotation_is_either_side_and_what_it_does_not_judge_is_left_out(
    page, server, tomogram
):
    grown = add_annotation(tomogram, "larger", score=tomogram.readable_results("scores")[0].id)
    with grown.open() as opened:
        opened.apply({"kind": "grow", "object": 1, "radius": 3})
    unclear = add_annotation(tomogram, "unclear")
    with unclear.open() as opened:
        stroke = {"kind": "brush", "points": [[15, 30, 40]], "radius": 9.0}
        opened.apply({"kind": "paint", "object": 1, "stroke": stroke})
        opened.apply({"kind": "edit objects", "objects": [1], "class_name": "not judged"})
    page.goto(f"{server}/slices?t={tomogram.id}&at=15,30,40&compare={grown.id}")
    page.get_by_role("checkbox", name="Crosshair").uncheck()
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_B) > 100)
    both = coloured(pane(page, "z"), *BOTH)
    assert coloured(pane(page, "z"), *ONLY_A) < FEW
    expect(page.locator(".legend")).to_contain_text("larger")

    # The other way round: the annotation against the result.
    page.get_by_label("What is compared").select_option(grown.id)
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_A) > 100)
    wait_until(lambda: coloured(pane(page, "z"), *ONLY_B) < FEW)
    wait_until(lambda: f"compare_from={grown.id}" in page.url or page.wait_for_timeout(20))

    # Its middle is not judged by the other one: no difference is told there.
    page.get_by_label("Compare with").select_option(unclear.id)
    wait_until(
        lambda: coloured(pane(page, "z"), *BOTH) < FEW < coloured(pane(page, "z"), *ONLY_A) < both
    )
