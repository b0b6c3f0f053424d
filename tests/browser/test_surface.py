"""The 3D view in a real browser, without a graphics card."""

import io
import itertools
import re
from base64 import b64encode
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Page, expect

from deepsxt_core.annotation import Delete, EditObjects
from deepsxt_core.io import write_tiff
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.web.routes import slice_source, view_addresses
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_annotation_surface, add_score, add_surface, ball
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

SHAPE = (24, 48, 96)


def two_balls(home: Path, path: Path, seed: int = 0) -> Tomogram:
    """Return a tomogram with a large ball at the left and a small one at the right."""
    grey = np.random.default_rng(seed).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(home).add_file(path)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    half = (*SHAPE[:2], SHAPE[2] // 2)
    add_surface(tomogram, add_score(tomogram, np.concatenate([ball(half, 10), ball(half, 6)], 2)))
    return tomogram


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    """Two balls, voxels of 20 nm."""
    return two_balls(workspace_home, tmp_path / "two balls.tif")


@pytest.fixture(scope="module")
def shown(shared_app, tmp_path_factory):
    """A surface that several tests look at, and change nothing of."""
    return two_balls(shared_app[0], tmp_path_factory.mktemp("shown") / "two balls.tif")


@pytest.fixture
def stage(page: Page, server, shown):
    page.goto(f"{server}/surface?t={shown.id}")
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
    # All at once: a row that is found may be gone when it is asked. The first is the heading.
    return rows.evaluate_all("rows => rows.map((row) => row.ariaRowIndex - 2)")


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


def test_named_objects_are_listed_in_their_colours_and_a_link_gives_the_view(
    page, server, tomogram, tmp_path
):
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:20, 8:40, 8:40], labels[8:17, 16:33, 60:81] = 1, 2
    write_tiff(Volume.from_array(labels), tmp_path / "drawn.tif")
    kept = add_annotation(tomogram, "drawn", labels=tmp_path / "drawn.tif")
    with kept.open() as opened:
        opened.apply(EditObjects(objects=(1,), name="Mito, the large", colour="#0000c8"))
        opened.apply(EditObjects(objects=(2,), name="Vesicle", colour="#c86400"))
    surface = add_annotation_surface(tomogram, kept)
    page.goto(f"{server}/surface?t={tomogram.id}&annotation={kept.id}&object=2")
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-drawn", "full")
    expect(stage.locator(".card")).to_contain_text("Vesicle")
    expect(stage.locator(".card a")).to_have_attribute(
        "href", re.compile("at=12%2C24%2C70&object=2")
    )
    page.get_by_role("link", name="Vesicle in the slices").click()
    for axis, place in (("z", 12), ("y", 24), ("x", 70)):
        shown = page.locator(f'.pane[data-axis="{axis}"]')
        expect(shown).to_have_attribute("data-drawn", str(place))
    expect(page).not_to_have_url(re.compile("at="))
    page.go_back()
    expect(stage).to_have_attribute("data-drawn", "full")
    stage.press("Escape")
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() > 2000)
    assert orange(pixels(stage.screenshot())).sum() > 500

    page.get_by_role("button", name="Objects", exact=True).click()
    page.get_by_label("Find objects").fill("mito")
    expect(page.locator(".list button")).to_have_text(["Mito, the largemembrane"])
    page.get_by_label("Show Mito, the large").uncheck()
    page.get_by_role("button", name="Objects", exact=True).click()
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() < 500)  # an axis
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.up()
    turned = pixels(stage.screenshot())

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy a link to this view").click()
    expect(stage.locator(".told")).to_contain_text("copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert f"surface={surface.id}" in link and f"annotation={kept.id}" in link
    page.evaluate("localStorage.clear()")
    page.goto(link)
    expect(stage).to_have_attribute("data-drawn", "full")
    wait_until(lambda: (np.abs(pixels(stage.screenshot()) - turned) > 40).mean() < 0.003)

    with kept.open() as opened:
        opened.apply(Delete(objects=(2,)))
    page.goto(link)
    expect(stage.locator(".old")).to_contain_text("Made before 1 edit; make the surface again.")


def test_another_tomogram_shows_all_objects_where_one_hides_some(
    page, server, tomogram, workspace_home, tmp_path
):
    """Made with the same recipe, so that the results of both have the same id."""
    page.goto(f"{server}/surface?t={tomogram.id}")
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-drawn", "full")
    whole = blue(pixels(stage.screenshot())).sum()
    stage.click(position=middle(blue(pixels(stage.screenshot()))))
    expect(stage.locator(".card")).to_contain_text("Object 1")
    stage.press("h")
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() < 500)  # an axis

    other = two_balls(workspace_home, tmp_path / "two more balls.tif", seed=1)
    page.goto(f"{server}/surface?t={other.id}")
    expect(stage).to_have_attribute("data-drawn", "full")
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() == whole, timeout_s=30)
    expect(page.get_by_role("button", name="Show all objects")).to_be_disabled()


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


def test_a_slice_and_the_surface_agree_to_a_pixel(page, server, workspace_home, tmp_path):
    """Of a bright ball away from the middle, in voxels of 30 × 20 × 10 nm, far from the origin."""
    edges, centre, radius = np.array([30, 20, 10]), np.array([10, 14, 60]), 160  # nm, voxel, nm
    axes = [(np.arange(n) - c) * e for n, c, e in zip(SHAPE, centre, edges, strict=True)]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    field = np.clip((radius - distance) / 60, -1, 1).astype(np.float32)
    path = tmp_path / "ball.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(field)
        mrc.voxel_size = tuple(10.0 * edges[::-1])
        mrc.header.origin = (7000, 5000, 3000)  # Å
    tomogram = Workspace(workspace_home).add_file(path)
    surface = add_surface(tomogram, add_score(tomogram, field))
    (row,) = load_table(surface.folder)[1]
    assert row.bounds[0] > 0.5  # µm: the origin counts

    middle_um, half_um = np.array(row.centroid), 0.2
    survey = slice_source(tomogram).survey
    edge = 255 * (0 - survey.low) / (survey.high - survey.low)  # the grey of the value 0

    def seen(mask: str, side: tuple[float, float, float]) -> np.ndarray:
        """Return where the slice or the surface is, alone, seen from a side."""
        camera = {"position": (middle_um + side).tolist(), "target": middle_um.tolist()}
        state = {"camera": camera | {"half": half_um}, "z": int(centre[0]), "background": "black"}
        state |= {"slice": True, "hidden": [1]} if mask == "slice" else {"slice": False}
        state |= {"box": False, "axes": False, "scaleBar": False}
        state["mesh"] = view_addresses(tomogram, surface)[1]
        page.goto(f"{server}/surface?t={tomogram.id}")
        page.evaluate(
            "([key, state]) => localStorage.setItem(key, JSON.stringify(state))",
            [f"deepsxt.surface.{tomogram.id}.{surface.id}", state],
        )
        page.reload()
        stage = page.locator(".stage")
        expect(stage).to_have_attribute("data-drawn", "full")

        def shown() -> np.ndarray:
            brightness = pixels(stage.screenshot())[10:-10, 10:-10, :3].max(axis=-1)
            return brightness > (edge if mask == "slice" else 20)

        wait_until(lambda: shown().mean() > 0.1)
        return shown()

    disc, outline = (seen(mask, (0, 0, -3)) for mask in ("slice", "surface"))
    # The height of the picture is twice `half`; the smallest edge of a voxel is 10 nm.
    voxel_px = (disc.shape[0] + 20) / (2 * half_um) * 0.01
    for along in (0, 1):
        places = [np.nonzero(mask)[along] for mask in (disc, outline)]
        for measure in (np.min, np.mean, np.max):
            assert abs(measure(places[0]) - measure(places[1])) < 0.3 * voxel_px
    between_px = (disc != outline).sum() / (2 * np.sqrt(np.pi * disc.sum()))
    assert between_px < 0.2 * voxel_px
    # From aside, the disc is in the middle of the ball only if its depth is right too.
    aside = [middle(seen(mask, (0, -2, -2))) for mask in ("slice", "surface")]
    assert abs(aside[0]["y"] - aside[1]["y"]) < 0.3 * voxel_px
    assert abs(aside[0]["x"] - aside[1]["x"]) < 0.3 * voxel_px


def turned(page: Page, name: str) -> bytes:
    """Return the file with a turn of two seconds."""
    page.get_by_role("button", name="Picture", exact=True).click()
    page.locator(f'[data-set="film"][data-value="{name}"]').click()
    page.locator('[data-set="seconds"]').fill("2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Turntable film").click()
    assert download.value.suggested_filename == f"two balls.{name}"
    return download.value.path().read_bytes()


def test_a_turn_is_saved_as_gif(page, stage):
    before = blue(pixels(stage.screenshot()))
    film = Image.open(io.BytesIO(turned(page, "gif")))
    assert film.format == "GIF"
    assert (film.n_frames, film.info["duration"]) == (40, 50)  # ms
    frames = []
    for number in (0, 10, 20, 39):
        film.seek(number)
        frames.append(np.asarray(film.convert("RGB")).astype(int))
    assert all(blue(frame).sum() > 500 for frame in frames)
    steps = [np.abs(frame - frames[0]).max(axis=-1) > 30 for frame in frames[1:]]
    assert steps[0].mean() > 0.05 and steps[1].mean() > 0.05
    assert steps[2].mean() < steps[0].mean() / 2  # nearly all round
    stage.press("Escape")
    wait_until(lambda: (blue(pixels(stage.screenshot())) == before).all())  # back where it was


# Plays a film as far as some moments, and returns its size, length and pictures of 64 × 48.
PLAYED = """async ([base64, moments]) => {
  const film = document.createElement("video");
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  const event = (name) => new Promise((resolve, reject) => {
    film.addEventListener(name, resolve, { once: true });
    film.addEventListener("error", () => reject(film.error.message), { once: true });
  });
  film.muted = true;
  film.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  await event("loadeddata");
  const pen = new OffscreenCanvas(64, 48).getContext("2d");
  const pictures = [];
  for (const moment of moments) {
    const there = event("seeked");
    film.currentTime = moment;
    await there;
    pen.drawImage(film, 0, 0, 64, 48);
    pictures.push([...pen.getImageData(0, 0, 64, 48).data]);
  }
  return { size: [film.videoWidth, film.videoHeight], seconds: film.duration, pictures };
}"""


def test_a_turn_is_saved_as_mp4(page, stage):
    film = turned(page, "mp4")
    assert film[4:8] == b"ftyp"
    base64 = b64encode(film).decode()
    played = page.evaluate(PLAYED, [base64, [0.01, 0.5, 1.0]])
    assert played["seconds"] == pytest.approx(2, abs=0.05)
    width, height = stage.locator("canvas").evaluate("it => [it.clientWidth, it.clientHeight]")
    assert played["size"][0] / played["size"][1] == pytest.approx(width / height, rel=0.01)
    frames = [np.reshape(each, (48, 64, 4))[..., :3].astype(int) for each in played["pictures"]]
    for one, other in itertools.combinations(frames, 2):
        assert (np.abs(one - other).max(axis=-1) > 30).mean() > 0.05


def test_a_label_file_becomes_surfaces_without_a_segmentation(
    page, server, workspace_home, tmp_path
):
    values = np.zeros(SHAPE, np.uint8)
    values[ball(SHAPE, 10) > 0] = 3
    values[:, :, SHAPE[2] // 2 :] *= 2  # the other half is 6
    path = tmp_path / "two halves.tif"
    write_tiff(Volume.from_array(values, VoxelSize.isotropic(20)), path)
    tomogram = Workspace(workspace_home).add_file(path)

    page.goto(f"{server}/?t={tomogram.id}")
    expect(page.get_by_text("These look like labels")).to_be_visible()
    page.get_by_role("button", name="Make surfaces").click()
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-drawn", "full")
    expect(page.get_by_role("heading", name="Surface")).to_be_visible()
    expect(page.get_by_text("An object per label")).to_be_visible()
    picture = pixels(stage.screenshot())
    # Objects 3 and 6 are green and vermilion.
    green = picture[..., 1] - picture[..., 0] > 60
    assert green.sum() > 2000 and orange(picture).sum() > 2000
    page.get_by_role("link", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="MSH").click()
    assert download.value.path().read_bytes().startswith(b"$Comments")


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


def test_colours_tell_the_distance_to_a_truth_signed_and_beyond_a_tolerance(page, server, tomogram):
    half = (*SHAPE[:2], SHAPE[2] // 2)
    # The large ball reaches 3 voxels less far than the truth, the small one is nowhere in it.
    truth = np.concatenate([ball(half, 13) > 0, np.zeros(half, bool)], 2)
    path = tomogram.source.with_name("two balls.truth.tif")
    write_tiff(Volume.from_array(truth.astype(np.uint8)), path)
    page.goto(f"{server}/surface?t={tomogram.id}")
    stage = page.locator(".stage")
    expect(stage).to_have_attribute("data-drawn", "full")
    page.get_by_role("button", name="Colour", exact=True).click()
    page.get_by_label("Colour by").select_option("Distance to another one")
    expect(stage.locator("svg").first).to_contain_text("Distance to two balls.truth.tif (nm)")
    page.get_by_role("button", name="Beyond").click()
    expect(stage.locator("svg").first).to_contain_text("more than 40 nm inside of it")
    large, small = (mask(pixels(stage.screenshot())) for mask in (blue, orange))
    assert large.sum() > 2000
    assert small.sum() > 500
    assert middle(large)["x"] < middle(small)["x"]
    page.get_by_label("Tolerance").fill("100")
    wait_until(lambda: blue(pixels(stage.screenshot())).sum() < 500)
