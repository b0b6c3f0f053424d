"""Tools in Chromium that test_painting leaves out, pen and fingers too; what is saved."""

import csv
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.workspace.key_frames import key_frames
from deepsxt_core.workspace.point_notes import point_notes
from tests.browser.test_painting import BALL, SET, SHAPE, Painter, kept  # noqa: F401
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

MIDDLE = SHAPE[0] // 2


def pen(page: Page, *places: tuple[float, float]) -> None:
    """Draw with a pen."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, place: tuple[float, float], buttons: int) -> None:
        told = {"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1}
        session.send("Input.dispatchMouseEvent", told | {"buttons": buttons, "pointerType": "pen"})

    send("mousePressed", places[0], 1)
    for place in places[1:]:
        send("mouseMoved", place, 1)
    send("mouseReleased", places[-1], 0)
    session.detach()


def fingers(page: Page, *steps: list[tuple[float, float]]) -> None:
    """Put fingers on the screen, move them step by step, and lift them."""
    session = page.context.new_cdp_session(page)
    for n, step in enumerate(steps):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(step)]
        kind = "touchMove" if n else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def test_fill_polygon_snapping_pen_and_fingers(page, kept, server):  # noqa: F811
    painter = Painter(page, kept)
    painter.open(server)
    begun = painter.kept_as(1)

    # The disc of the ball in this slice alone becomes a new object.
    painter.press("k", "n")
    painter.click(40, 30)
    filled = painter.kept_as(2)
    assert ((filled[MIDDLE] == 2) == (begun[MIDDLE] == 1)).all()
    assert (np.delete(filled, MIDDLE, 0) == np.delete(begun, MIDDLE, 0)).all()
    # In 3D it goes no farther than the radius.
    painter.press("j", "n")
    painter.size(3)
    painter.press("ArrowRight")
    painter.shown(MIDDLE + 1)
    painter.click(40, 30)
    boxed = painter.kept_as(3)
    z, y, x = np.nonzero(boxed == 3)
    assert (z.min(), y.min(), y.max(), x.min(), x.max()) == (MIDDLE + 1, 27, 33, 37, 43)
    assert z.max() == MIDDLE + 4
    painter.press("ArrowLeft")
    painter.shown(MIDDLE)

    # A corner is taken back; Enter ends the polygon.
    painter.press("g", "n")
    for corner in ((10, 8), (20, 8), (60, 50), (20, 18), (10, 18)):
        painter.click(*corner)
        if corner == (60, 50):
            painter.press("Backspace")
    painter.press("Enter")
    outline = painter.kept_as(4) == 4
    assert outline[MIDDLE, 9:18, 11:20].all()
    assert 81 <= outline.sum() <= 121

    # The brush goes to where the score is highest near by: towards the middle of the ball.
    painter.press("b", "n")
    painter.size(1)
    page.locator('[data-hold="limit"]').select_option("snap")
    painter.click(40 + BALL + 1, 30)
    snapped = np.argwhere(painter.kept_as(5)[MIDDLE] == 5)
    assert snapped[:, 1].mean() <= 40 + BALL - 1
    page.locator('[data-hold="limit"]').select_option("none")

    # A pen and a finger draw; two fingers move and stretch the plane, and draw nothing.
    painter.press("n")
    painter.size(2)
    pen(page, painter.at(65, 10), painter.at(70, 10), painter.at(75, 10))
    drawn = painter.kept_as(6)
    assert (drawn[MIDDLE, 9:12, 65:76] == 6).all()
    painter.press("n")
    fingers(page, [painter.at(65, 20)], [painter.at(70, 20)], [painter.at(75, 20)])
    drawn = painter.kept_as(7)
    assert (drawn[MIDDLE, 19:22, 65:76] == 7).all()
    before = painter.pane.screenshot()
    (x, y), (right, _) = painter.at(30, 40), painter.at(50, 40)
    fingers(page, [(x, y), (right, y)], [(x - 30, y), (right + 30, y)])
    wait_until(lambda: painter.pane.screenshot() != before)
    painter.press("f")
    painter.press("Control+z")
    assert not (painter.kept_as(8) == 7).any()


def test_a_line_is_measured_and_a_note_a_picture_and_a_view_are_kept(page, kept, server):  # noqa: F811
    page.set_viewport_size({"width": 1200, "height": 720})
    tomogram = kept.tomogram
    painter = Painter(page, kept)
    # Without an annotation, too.
    page.goto(f"{server}/slices?t={tomogram.id}&threshold=0.80&low=-0.50")
    expect(page.locator(".planes")).to_have_attribute("data-outstanding", "0")
    page.get_by_role("checkbox", name="Crosshair").uncheck()
    wait_until(lambda: light_orange(painter.pane.screenshot()) > 100)
    light = light_orange(painter.pane.screenshot())
    page.locator('[data-set="low"]').evaluate(SET, "0.8")
    wait_until(lambda: light_orange(painter.pane.screenshot()) < light / 2)

    painter.pane.focus()
    painter.press("u")
    painter.drag((30, 29), (40, 29), (50, 29))
    profile = page.locator(".profile")
    expect(profile).to_contain_text(f"XY {MIDDLE + 1}, ")
    with page.expect_download() as saved:
        profile.get_by_role("button", name="Save").click()
    rows = list(csv.DictReader(io.StringIO(saved.value.path().read_text())))
    assert float(rows[-1]["distance_um"]) == pytest.approx(0.4, abs=0.01)
    grey = tomogram.volume().read(MIDDLE, MIDDLE + 1)[0]
    for row in rows:
        y, x = float(row["y"]), float(row["x"])
        corners = grey[int(y) : int(y) + 2, int(x) : int(x) + 2]
        assert corners.min() - 1 <= float(row["value"]) <= corners.max() + 1
    assert max(float(row["score"]) for row in rows) > 0.9
    painter.press("Escape")
    expect(profile).to_be_hidden()
    # From crosshair to crosshair by keys alone.
    painter.press("Enter", *["Shift+ArrowRight"] * 5, "Enter")
    expect(profile).to_contain_text("100 nm")
    painter.press("Escape", "v")

    painter.press("a")
    page.keyboard.type("a <b>vesicle?")
    page.keyboard.press("Enter")
    note = page.locator(".notes li")
    expect(note).to_contain_text("a <b>vesicle?")
    assert [(one.at, one.text) for one in point_notes(tomogram)] == [
        ((MIDDLE, 30, 45), "a <b>vesicle?")
    ]
    painter.press("Home")
    painter.shown(0)
    page.reload()
    note.get_by_role("button", name="a <b>vesicle?").first.click()
    painter.shown(MIDDLE)
    note.get_by_role("button", name="Delete").click()
    expect(note).to_have_count(0)
    page.get_by_role("button", name="Deleted. Undo").click()
    expect(note).to_have_count(1)

    figures = page.locator(".figures")
    figures.get_by_label("Size").select_option("3")
    sizes = {}
    for kind in ("PNG", "SVG"):
        with page.expect_download() as saved:
            figures.get_by_role("button", name=kind).click()
        assert saved.value.suggested_filename == f"ball_XY_{MIDDLE + 1}.{kind.lower()}"
        sizes[kind] = saved.value.path().read_bytes()
    assert b"scale-bar" in sizes["SVG"]
    with Image.open(io.BytesIO(sizes["PNG"])) as picture:
        assert picture.width % 3 == 0
        assert "slice 13 of 24" in picture.info["Description"]
    figures.get_by_role("button", name="Add this view as key frame").click()
    expect(page.get_by_role("button", name="Film (1)")).to_be_visible()
    (frame,) = key_frames(tomogram)
    assert (frame.plane.axis, frame.plane.index) == ("z", MIDDLE)
    assert (frame.plane.look.threshold, frame.plane.look.style) == (0.8, "fill")
    page.get_by_role("button", name="Film (1)").click()
    expect(page.get_by_role("dialog")).to_contain_text("48 frames of 960 ×")
    page.keyboard.press("Escape")


def light_orange(png: bytes) -> int:
    """Return how many pixels are as light as what lies between two thresholds, over dark grey."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    red, green, blue = np.moveaxis(picture, -1, 0)
    return int(((red - blue > 25) & (red - blue < 90) & (green - blue > 10)).sum())
