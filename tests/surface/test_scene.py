from io import BytesIO

import numpy as np
import pytest
from bodies import as_mask, ball, sample
from matplotlib.image import imread

from deepsxt_core.surface import Surfaces, reconstruct
from deepsxt_core.surface.scene import write_scene
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def surfaces() -> Surfaces:
    distance, _ = sample(ball(10), (1, 1, 1))
    return reconstruct(as_mask(distance > 0))


def test_scene_is_a_picture_and_an_offline_page(surfaces, tmp_path) -> None:
    folder = tmp_path / "scene"
    folder.mkdir()
    scene = write_scene(surfaces, folder / "a.html", folder / "a.png", max_faces=500)
    assert scene.html == folder / "a.html"
    assert scene.picture == folder / "a.png"
    assert sorted(path.name for path in folder.iterdir()) == ["a.html", "a.png"]

    picture = imread(scene.picture)[..., :3]
    background = picture[0, 0]
    assert (background == 1).all()
    drawn = np.abs(picture - background).max(axis=-1) > 0.1
    assert 0.05 < drawn.mean() < 0.8

    page = scene.html.read_text()
    assert "default-src 'none'" in page
    assert "kitware.github.io/vtk-js/icon" not in page

    # Larger than asked for, so it is thinned, and says so.
    assert scene.faces_shown == pytest.approx(500, rel=0.1)
    assert f"{surfaces.mesh.n_cells:,}" in scene.note
    assert scene.note in page


def test_time_limit_gives_a_reason_and_leaves_nothing(surfaces, tmp_path) -> None:
    scene = write_scene(surfaces, tmp_path / "a.html", tmp_path / "a.png", timeout_s=0.01)
    assert scene.html is None
    assert "longer than 0.01 s" in scene.note
    assert not list(tmp_path.glob("*a*")) and not list(tmp_path.glob(".scene*"))


def test_failing_export_keeps_the_picture(surfaces, tmp_path, monkeypatch) -> None:
    # A host name that cannot be bound makes the exporter fail after the picture is drawn.
    monkeypatch.setenv("TRAME_DEFAULT_HOST", "256.256.256.256")
    scene = write_scene(surfaces, tmp_path / "a.html", tmp_path / "a.png", timeout_s=30)
    assert scene.html is None
    assert scene.picture == tmp_path / "a.png"
    assert "No interactive 3D view" in scene.note


def _blue(page) -> float:
    """Return the share of the page that shows the blue ball."""
    shot = imread(BytesIO(page.screenshot()))[..., :3]
    return float((shot[..., 2] > shot[..., 0] + 0.2).mean())


@pytest.mark.browser
def test_page_draws_in_a_browser_without_any_request(surfaces, tmp_path, browser) -> None:
    scene = write_scene(surfaces, tmp_path / "a.html", tmp_path / "a.png", theme="dark")
    requests = []
    page = browser.new_page(viewport={"width": 500, "height": 400})
    page.on("request", lambda request: requests.append(request.url))
    page.goto(scene.html.as_uri())
    wait_until(lambda: _blue(page) > 0.05)
    page.set_viewport_size({"width": 300, "height": 350})
    page.wait_for_function(
        "() => { const box = document.querySelector('canvas').getBoundingClientRect();"
        " return Math.abs(box.width - 300) <= 2 && Math.abs(box.height - 350) <= 2 }"
    )
    page.close()
    assert requests == [scene.html.as_uri()]
