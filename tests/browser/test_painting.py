"""Objects are drawn in Chromium, the server is killed, and what was acknowledged is there."""

import json

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Page, expect

from deepsxt_core.annotation import SourceParams
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from tests.browser.conftest import free_port, running_app
from tests.results import add_score, ball

pytestmark = pytest.mark.browser

SHAPE = (24, 60, 80)
BALL = 7
SET = """(input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""
# Where the voxel (column, row) of the XY plane, whole and unmoved in its pane, lies on the screen.
PLACE = """(pane, [column, row, columns, rows]) => {
  const box = pane.getBoundingClientRect();
  const [width, height] = [pane.clientWidth, pane.clientHeight];
  const zoom = Math.min(width / columns, height / rows);
  const middle = [box.left + pane.clientLeft + width / 2, box.top + pane.clientTop + height / 2];
  const shift = [column + 0.5 - columns / 2, row + 0.5 - rows / 2];
  return middle.map((at, i) => at + shift[i] * zoom);
}"""


class Painter:
    """The hand of a user in the XY plane, which waits until what it did is kept."""

    def __init__(self, page: Page, kept) -> None:
        self.page, self.kept = page, kept
        self.pane = page.locator('.pane[data-axis="z"]')
        self.status = page.locator(".editing .status")

    def open(self, address: str) -> None:
        self.page.set_viewport_size({"width": 1200, "height": 720})
        self.page.goto(f"{address}/slices?t={self.kept.tomogram.id}&annotation={self.kept.id}")
        expect(self.page.locator(".objects .row")).not_to_have_count(0)
        expect(self.page.locator(".planes")).to_have_attribute("data-outstanding", "0")
        self.pane.focus()

    def at(self, column: float, row: float) -> tuple[float, float]:
        return tuple(self.pane.evaluate(PLACE, [column, row, SHAPE[2], SHAPE[1]]))

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=4)
        self.page.mouse.up()

    def click(self, column: float, row: float) -> None:
        self.page.mouse.click(*self.at(column, row))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.pane.press(key)

    def size(self, radius: int) -> None:
        self.page.locator('[data-hold="radius"]').evaluate(SET, radius)

    def shown(self, slice_z: int) -> None:
        expect(self.pane).to_have_attribute("data-drawn", str(slice_z))

    def kept_as(self, version: int) -> np.ndarray:
        """Wait for a version, and return the labels on the disk then."""
        expect(self.page.locator(".planes")).to_have_attribute("data-version", str(version))
        with self.kept.open() as opened:
            assert opened.entries == version
            return opened.labels.read(0, SHAPE[0])


@pytest.fixture
def kept(workspace_home, tmp_path):
    """An annotation with one object: a ball in the middle."""
    path = tmp_path / "ball.tif"
    score = ball(SHAPE, BALL)
    grey = np.random.default_rng(0).normal(15000, 800, SHAPE) - 9000 * (score > 0)
    tifffile.imwrite(path, grey.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(20, 20, 20))
    result = add_score(tomogram, score)
    return add_annotation(tomogram, "cell", score=result.id, params=SourceParams(threshold=0.0))


def assert_round(painted: np.ndarray, centre: tuple[int, ...], radius: float) -> None:
    """The pointer stands on whole pixels of the screen, and not quite in the middle of a voxel."""
    squares = ((i - c) ** 2 for i, c in zip(np.indices(painted.shape), centre, strict=True))
    distance = np.sqrt(sum(squares))
    assert painted[distance <= radius - 0.4].all()
    assert not painted[distance > radius + 0.4].any()


def test_a_session_of_painting_survives_the_death_of_the_server(
    page, kept, workspace_home, tmp_path
):
    z, port = SHAPE[0] // 2, free_port()
    painter = Painter(page, kept)
    with running_app(workspace_home, tmp_path / "first.log", port=port) as address:
        painter.open(address)
        begun = painter.kept_as(1)
        assert set(np.unique(begun)) == {0, 1}

        # A disc, a ball, and a stroke of the eraser.
        painter.press("b", "n")
        painter.size(4)
        painter.click(14, 14)
        painted = painter.kept_as(2)
        assert_round(painted[z] == 2, (14, 14), 4)
        assert (np.where(painted == 2, 0, painted) == begun).all()
        painter.press("n", "d")
        painter.click(60, 45)
        wanted = painter.kept_as(3)
        assert_round(wanted == 3, (z, 45, 60), 4)
        assert (np.where(wanted == 3, 0, wanted) == painted).all()
        painter.press("e", "d")
        painter.size(1)
        painter.drag((56, 45), (64, 45))
        gone = painter.kept_as(4)
        assert not (gone[z] == 3)[45, 57:64].any()
        assert (gone[z] == 3).sum() < (wanted[z] == 3).sum() - 15
        assert (np.delete(gone, z, 0) == np.delete(wanted, z, 0)).all()

        # A lasso around nothing, and one two slices on; between them it is interpolated.
        painter.press("l", "n")
        square = [(20, 40), (30, 40), (30, 50), (20, 50)]
        painter.drag(*square)
        outline = painter.kept_as(5)[z] == 4
        assert outline[41:50, 21:30].all()
        assert 81 <= outline.sum() <= 121
        painter.press("ArrowRight", "ArrowRight", "ArrowRight")
        painter.shown(z + 3)
        painter.drag(*square)
        painter.kept_as(6)
        painter.press("t")
        expect(painter.status).to_contain_text("would be filled")
        painter.press("Enter")
        between = painter.kept_as(7)
        for n in (1, 2):
            assert (between[z + n] == 4)[42:49, 22:29].all()

        # The first ball is cut in two, and put together again.
        painter.press("Home")
        painter.shown(0)
        for _ in range(z):
            painter.press("ArrowRight")
        painter.shown(z)
        painter.press("x")
        painter.click(35, 29.5)
        painter.click(44, 29.5)
        parts = painter.kept_as(8)
        assert (parts == 5).any()
        assert ((parts == 1) | (parts == 5)).sum() == (between == 1).sum()
        painter.press("m")
        painter.click(36, 29.5)
        painter.click(44, 29.5)
        assert (painter.kept_as(9) == between).all()

        painter.press("Control+z", "Control+z")
        assert (painter.kept_as(11) == between).all()
        painter.press("Control+Shift+z")
        assert (painter.kept_as(12) == parts).all()
        expect(painter.status).to_have_text("Saved")

        # The server is killed while a stroke is in the hand; the page says that it was not kept.
        painter.press("b")
        painter.size(3)
        page.mouse.move(*painter.at(14, 40))
        page.mouse.down()
    page.mouse.up()
    expect(painter.status).to_contain_text("Not connected. The last stroke was not kept.")
    with running_app(workspace_home, tmp_path / "second.log", port=port):
        expect(painter.status).to_contain_text("Connected again. The last stroke was not kept.")
        # Streamlit covers the page with a note of its own until it has the server again, too.
        expect(page.locator("[data-test-connection-state=CONNECTED]")).to_have_count(1)
        expect(page.get_by_role("dialog").filter(visible=True)).to_have_count(0)
        assert (painter.kept_as(12) == parts).all()
        painter.press("n")
        painter.click(14, 40)
        after = painter.kept_as(13)
        assert_round(after[z] == 6, (40, 14), 3)
        assert (np.where(after == 6, 0, after) == parts).all()
        with kept.open() as opened:
            made = [json.dumps(entry.head) for entry in opened.history()]
        assert sum("Chromium on" in head for head in made) == 12


def test_a_second_tab_watches_and_takes_over(page, kept, server):
    painter = Painter(page, kept)
    painter.open(server)
    painter.press("b", "n")
    painter.click(14, 14)
    painter.kept_as(2)
    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")
    other = Painter(opened.value, kept)
    expect(other.page.locator(".watching")).to_contain_text("Chromium on")
    expect(other.page.get_by_role("button", name="Brush")).to_be_disabled()
    other.page.get_by_role("button", name="take over").click()
    expect(other.page.get_by_role("button", name="Brush")).to_be_enabled()
    other.pane.focus()
    other.press("b", "n")
    other.click(60, 14)
    labels = other.kept_as(3)
    expect(page.locator(".watching")).to_be_visible()
    # The first one sees what the other does.
    expect(page.locator(".planes")).to_have_attribute("data-version", "3")
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    expect(page.locator(".objects .row")).to_have_count(3)


def test_an_address_leads_to_an_object_and_a_voxel(page, kept, server):
    address = f"slices?t={kept.tomogram.id}&annotation={kept.id}&object=1&at=12,31,42"
    page.goto(f"{server}/{address}")
    expect(page.locator(".objects .size")).to_contain_text("Object 1 ")
    expect(page.locator(".readout")).to_contain_text("x 42, y 31, z 12")
    expect(page.locator(".readout")).to_contain_text("Object 1 (membrane, 1)")
    # Keys alone draw from there on, and choose what is there.
    painter = Painter(page, kept)
    painter.pane.focus()
    painter.press("b", "n", "q", "Shift+End", "Shift+ArrowDown", "q")
    drawn = painter.kept_as(2)
    assert (drawn[12, 31, 49:53] == 2).all()
    assert set(np.argwhere(drawn == 2)[:, 0]) == {12}
    painter.press("v", "q")
    expect(page.locator(".objects .size")).to_contain_text("Object 2 ")
    painter.press("Control+z")
    assert (painter.kept_as(3) < 2).all()


def test_a_review_goes_on_by_keys_and_tells_what_follows(page, server, kept):
    painter = Painter(page, kept)
    painter.open(server)
    painter.press("0")
    page.locator('[data-review="plan"]').click()
    task, coverage = page.locator(".verdicts .next"), page.locator(".coverage")
    expect(coverage).to_contain_text("0 of 24 tiles")
    for seen in range(1, 7):
        painter.press("y")
        expect(coverage).to_contain_text(f"{seen} of 24 tiles")
    expect(page.locator(".review tr", has_text="F1")).to_contain_text(" to ")
    page.locator(".queue").select_option("object random")
    expect(task).to_contain_text("Is object 1 right?")
    painter.press("n")
    expect(task).to_contain_text("Nothing is left")
    expect(page.locator(".objects .row")).to_have_count(0)
    painter.press("Control+z")
    expect(task).to_contain_text("Is object 1 right?")
    expect(page.locator(".objects .row")).to_have_count(1)
    with kept.open() as opened:
        assert len(opened.objects.review.judged) == 6
