"""The 3D view in a real browser, without a graphics card."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (24, 48, 96)


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """A large ball at the left and a small one at the right, voxels of 20 nm."""
    path = tmp_path / "two balls.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    half = (*SHAPE[:2], SHAPE[2] // 2)
    add_surface(tomogram, add_score(tomogram, np.concatenate([ball(half, 10), ball(half, 6)], 2)))
    return tomogram


@pytest.fixture
def stage(page: Page, server, tomogram):
    page.goto(f"{server}/surface?t={tomogram.id}")
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-drawn", "full")
    return stage


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)


def blue(picture: np.ndarray) -> np.ndarray:
    """Return where the first object is, and not the frame of what has the focus."""
    return (picture[..., 2] - picture[..., 0] > 60) & (picture[..., 2] - picture[..., 1] > 25)


def orange(picture: np.ndarray) -> np.ndarray:
    """Return where the second object is."""
    return picture[..., 0] - picture[..., 2] > 60


def middle(mask: np.ndarray) -> dict[str, float]:
    y, x = (float(place.mean()) for place in np.nonzero(mask))
    return {"x": x, "y": y}


def marked_rows(page: Page) -> list[int]:
    """Return which rows of the table are marked; the grid tells screen readers."""
    rows = page.locator('[data-testid="stDataFrame"] [role="row"][aria-selected="true"]')
    # The first row is the heading.
    return [int(row.get_attribute("aria-rowindex")) - 2 for row in rows.all()]


def test_view_and_table_show_the_same_choice(page, stage):
    picture = pixels(stage.screenshot())
    assert blue(picture).sum() > 2 * orange(picture).sum() > 2000

    stage.click(position=middle(orange(picture)))
    expect(stage.locator(".card")).to_contain_text("Object 2")
    wait_until(lambda: marked_rows(page) == [1])
    assert blue(pixels(stage.screenshot())).sum() < blue(picture).sum() / 2  # stands back

    table = page.get_by_test_id("stDataFrame")
    table.click(position={"x": 18, "y": 36 + 18})
    expect(stage.locator(".card")).to_contain_text("2 objects")
    stage.press("h")
    expect(stage.locator(".card")).to_be_hidden()
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() < 500)  # an axis
    wait_until(lambda: marked_rows(page) == [])  # told by the server
    stage.press("a")
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() == blue(picture).sum())


def test_a_cut_opens_the_surface_and_is_remembered(page, stage):
    whole = blue(pixels(stage.screenshot())).sum()
    page.get_by_role("button", name="Cut", exact=True).click()
    page.locator('[data-set="cut"][data-value="x"]').click()
    page.locator('[data-set="at"]').fill("300")
    expect(page.locator('[data-show="at"]')).to_contain_text("x = ")
    stage.press("Escape")
    wait_until(lambda: 0 < blue(pixels(stage.screenshot())).sum() < 0.9 * whole)
    page.reload()
    expect(stage).to_have_attribute("data-drawn", "full")
    assert 0 < blue(pixels(stage.screenshot())).sum() < 0.9 * whole


def test_a_slice_stands_in_its_place(page, stage):
    page.get_by_role("button", name="Slice", exact=True).click()
    with page.expect_response("**/slices/23?v=*"):
        page.get_by_label("Show a slice").check()
        page.locator('.panel [data-set="z"]').fill("23")
    stage.press("Escape")

    def grey():
        red, green, _, _ = np.moveaxis(pixels(stage.screenshot()), -1, 0)
        return ((red == green) & (red > 60) & (red < 200)).sum()

    wait_until(lambda: grey() > 5000)


def test_a_picture_for_print_has_the_objects_and_no_background(page, stage):
    page.get_by_role("button", name="Picture", exact=True).click()
    page.locator('[data-set="ratio"][data-value="4"]').click()
    page.get_by_label("Transparent").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    picture = pixels(download.value.path().read_bytes())
    assert download.value.suggested_filename == "two balls.png"
    width, height = stage.locator("canvas").evaluate("it => [it.clientWidth, it.clientHeight]")
    assert picture.shape[:2] == (4 * height, 4 * width)
    assert (picture[0, 0] == 0).all()
    assert blue(picture).sum() > 16 * 1000
    assert (picture[blue(picture)][:, 3] == 255).mean() > 0.95


def test_without_graphics_there_is_a_picture_and_the_reason(page, server, tomogram):
    page.add_init_script(
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind.startsWith('webgl') ? null : real.call(this, kind, ...rest); };"
    )
    page.goto(f"{server}/surface?t={tomogram.id}")
    expect(page.locator(".failed")).to_contain_text("No 3D view: This browser shows no 3D graphics")
    expect(page.locator(".failed img")).to_be_visible()
