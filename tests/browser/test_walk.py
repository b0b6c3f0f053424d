"""A person's way through the app, in a real browser."""

import io
import re

import numpy as np
import pytest
import tifffile
import trimesh
from PIL import Image
from playwright.sync_api import Page, expect
from scipy import ndimage

from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (8, 96, 96)
RADIUS_PX = 30
VOXEL_UM = 0.02
PREVIEW = ".stage"
SLICE = '.pane[data-axis="z"]'


@pytest.fixture
def ring(tmp_path):
    """A TIFF with one upright membrane, dark on a bright noisy background, voxels of 20 nm."""
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    distance = np.abs(np.hypot(y - 47.5, x - 47.5) - RADIUS_PX)
    noise = np.random.default_rng(0).normal(0, 1, SHAPE)
    smooth = ndimage.gaussian_filter(noise, (0.5, 1, 1))
    values = 1000 - 300 * np.exp(-((distance / 2.5) ** 2)) + 150 * smooth
    path = tmp_path / "one membrane.tif"
    tifffile.imwrite(
        path,
        values.astype(np.uint16),
        imagej=True,
        resolution=(1 / VOXEL_UM, 1 / VOXEL_UM),
        metadata={"axes": "ZYX", "unit": "um", "spacing": VOXEL_UM},
    )
    return path


def at_slice(page: Page, number: int, view: str) -> None:
    expect(page.locator(".position")).to_contain_text(f"Slice {number} of {SHAPE[0]}")
    expect(page.locator(view)).to_have_attribute("data-drawn", str(number - 1))


def marked(page: Page) -> int:
    """Return how many pixels of the slice have the colour of the result."""
    picture = Image.open(io.BytesIO(page.locator(SLICE).screenshot())).convert("RGB")
    pixels = np.asarray(picture).astype(int)
    return int((pixels[..., 0] - pixels[..., 2] > 60).sum())


def test_from_a_file_to_a_mesh(page, server, ring):
    page.goto(server)
    page.set_input_files("input[type=file]", ring)
    expect(page.get_by_role("heading", name="one membrane.tif")).to_be_visible()
    expect(page.get_by_text("1.92 × 1.92 × 0.16 µm")).to_be_visible()
    at_slice(page, 5, PREVIEW)

    page.get_by_role("button", name="Segment", exact=True).click()
    page.get_by_role("button", name=f"Segment {SHAPE[0]} slices").click()
    page.get_by_role("button", name="Look at the slices").click(timeout=240_000)

    at_slice(page, 5, SLICE)
    page.get_by_role("checkbox", name="Crosshair").uncheck()
    wait_until(lambda: marked(page) > 1000)
    found = marked(page)
    page.locator('[data-set="threshold"]').fill("0.98")
    wait_until(lambda: marked(page) < found)
    expect(page).to_have_url(re.compile(r"threshold=0\.98"))
    page.locator('[data-set="threshold"]').fill("0")
    wait_until(lambda: marked(page) == found)
    expect(page).to_have_url(re.compile(r"threshold=0\.00"))
    page.locator('[data-set="opacity"]').fill("0")
    wait_until(lambda: marked(page) == 0)
    page.locator('[data-set="opacity"]').fill("80")

    sent = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("slider", name="XY plane").fill("6")
    at_slice(page, 7, SLICE)
    page.locator(SLICE).press("ArrowLeft")
    at_slice(page, 6, SLICE)
    page.get_by_role("button", name="Next plane").click()
    at_slice(page, 7, SLICE)
    wait_until(lambda: marked(page) not in (0, found))
    # The display tells how far the planes are prepared.
    assert not [url for url in sent if "/planes/" not in url and not url.endswith("/display")]

    page.reload()
    at_slice(page, 7, SLICE)
    wait_until(lambda: marked(page) > 1000)

    page.get_by_role("button", name="Surface", exact=True).click()
    page.get_by_role("button", name="Make surface").click()
    scene = page.locator(".stage")
    expect(scene).to_have_attribute("data-drawn", "full", timeout=240_000)
    assert colours(scene.screenshot()) > 50

    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="STL").click()
    with download.value.path().open("rb") as file:
        mesh = trimesh.load(file, file_type="stl", force="mesh")
    assert download.value.suggested_filename == "one membrane_surface.stl"
    assert mesh.is_watertight
    largest = max(mesh.split(), key=lambda part: part.area)
    width, height, depth = largest.extents
    diameter_um = 2 * RADIUS_PX * VOXEL_UM
    assert diameter_um < width < diameter_um + 16 * VOXEL_UM
    assert diameter_um < height < diameter_um + 16 * VOXEL_UM
    assert 0.5 * SHAPE[0] * VOXEL_UM < depth < (SHAPE[0] + 1) * VOXEL_UM


def test_what_is_no_tomogram_is_refused_where_it_was_dropped(page, server, tmp_path):
    path = tmp_path / "notes.tif"
    path.write_text("no tomogram")
    page.goto(server)
    page.set_input_files("input[type=file]", path)
    expect(page.get_by_role("alert").filter(has_text="notes.tif")).to_be_visible()
    expect(page.get_by_text("Drop a tomogram here")).to_be_visible()


def test_a_file_chosen_before_the_script_arrives_is_taken(page, server, tmp_path):
    path = tmp_path / "early.tif"
    path.write_text("no tomogram")
    held = []
    page.route("**/ui/upload/upload.js*", lambda route: held.append(route))
    with page.expect_request("**/ui/upload/upload.js*"):
        page.goto(server)
    page.set_input_files("input[type=file]", path)
    held[0].continue_()
    expect(page.get_by_role("alert").filter(has_text="early.tif")).to_be_visible()


def test_an_upload_goes_on_after_a_broken_connection(page, server, ring, workspace_home):
    """The first request is broken off by the network, the second by a restart of the page."""
    held = []

    def interfere(route):
        if route.request.method != "PATCH":
            route.continue_()
        elif not held:
            held.append(route)
            route.abort("connectionreset")
        elif len(held) == 1:
            # A part arrives, then the user closes the page.
            part = route.request.post_data_buffer[:1000]
            answer = route.fetch(post_data=part)
            assert answer.json()["offset"] == 1000
            held.append(route)
        else:
            assert route.request.headers["upload-offset"] == "1000"
            route.continue_()

    ring = ring.rename(ring.with_name("broken off.tif"))
    page.route("**/api/uploads/*", interfere)
    page.goto(server)
    page.set_input_files("input[type=file]", ring)
    expect(page.get_by_text("The connection was lost.")).to_be_visible()
    wait_until(lambda: len(held) == 2 or page.wait_for_timeout(20))
    page.reload()
    expect(page.get_by_text("Drop a tomogram here")).to_be_visible()
    page.set_input_files("input[type=file]", ring)
    expect(page.get_by_role("heading", name="broken off.tif")).to_be_visible()
    (kept,) = workspace_home.glob("tomograms/*/source/broken off.tif")
    assert kept.read_bytes() == ring.read_bytes()
    assert not list((workspace_home / "uploads").iterdir())


def test_a_cancelled_upload_leaves_nothing(page, server, ring, workspace_home):
    page.route(
        "**/api/uploads/*", lambda route: route.request.method == "PATCH" or route.continue_()
    )
    page.goto(server)
    with page.expect_request(lambda request: request.method == "PATCH"):
        page.set_input_files("input[type=file]", ring)
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Drop a tomogram here")).to_be_visible()
    assert not list((workspace_home / "uploads").iterdir())


def colours(png: bytes) -> int:
    """Return how many different colours a picture has."""
    return len(
        np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0)
    )
