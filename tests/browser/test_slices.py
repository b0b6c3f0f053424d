"""The slice viewer in a real browser."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.geometry import Region
from deepsxt_core.workspace import Workspace
from tests.results import add_score
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (24, 48, 96)
SQUARE = Region(z=(4, 12), y=(8, 40), x=(10, 42))


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """Dark, with one bright square of 32 pixels a side; scores of all of it and of the square."""
    values = np.full(SHAPE, 40, np.uint8)
    values[:, slice(*SQUARE.y), slice(*SQUARE.x)] = 200
    values[:, 0, 0] = 255
    values[:, -1, -1] = 0
    path = tmp_path / "square.tif"
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    add_score(tomogram, np.full(SHAPE, -1, np.float32))
    add_score(tomogram, np.full((8, 32, 32), -1, np.float32), region=SQUARE)
    return tomogram


def choose(page: Page, result: str) -> None:
    page.get_by_role("combobox", name="Result").click()
    page.get_by_role("option", name=result, exact=True).click()


def bright_extent(png: bytes) -> tuple[int, int]:
    """Return the height and width in pixels of what is bright."""
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
    places = np.nonzero(grey > 120)
    return tuple(int(np.ptp(place)) + 1 for place in places) if len(places[0]) else (0, 0)


def test_a_cropped_result_is_shown_in_its_own_size_and_slices(page, server, tomogram):
    page.goto(f"{server}/slices?t={tomogram.id}")
    choose(page, "test-model")
    stage = page.locator(".stage")
    expect(page.locator(".position")).to_contain_text("of 24")
    page.locator('[data-set="z"]').fill("20")
    expect(page.locator(".position")).to_contain_text("Slice 21 of 24")
    expect(stage).to_have_attribute("data-drawn", "20")

    choose(page, "test-model · cropped")
    expect(page.locator(".position")).to_contain_text("of 8")
    drawn = int(stage.get_attribute("data-drawn") or -1)
    assert page.locator('[data-set="z"]').input_value() == str(drawn)
    assert 0 <= drawn < 8

    def square_fills_the_height() -> bool:
        picture = stage.screenshot()
        height, width = bright_extent(picture)
        whole = np.asarray(Image.open(io.BytesIO(picture))).shape[0]
        return abs(height - width) <= 2 and height > 0.95 * whole

    wait_until(square_fills_the_height)

    choose(page, "test-model")
    expect(page.locator(".position")).to_contain_text("Slice 21 of 24")
    expect(stage).to_have_attribute("data-drawn", "20")
