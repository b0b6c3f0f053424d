import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.figures import write_page, write_picture
from deepsxt_core.surface import Surfaces, reconstruct
from tests.surface.bodies import as_mask, ball, sample
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def surfaces() -> Surfaces:
    distance, _ = sample(ball(10), (1, 1, 1))
    return reconstruct(as_mask(distance > 0))


def test_a_picture_shows_the_surface_on_its_background(surfaces, tmp_path) -> None:
    picture = imread(write_picture(surfaces, tmp_path / "a.png"))[..., :3]
    background = picture[0, 0]
    assert (background == 1).all()
    drawn = np.abs(picture - background).max(axis=-1) > 0.1
    assert 0.05 < drawn.mean() < 0.8
    assert [path.name for path in tmp_path.iterdir() if path.name != "workspace"] == ["a.png"]


def test_a_page_asks_for_nothing_and_tells_that_it_is_thinned(surfaces, tmp_path) -> None:
    page = write_page(surfaces, tmp_path / "a.html", max_faces=500).read_text()
    assert "default-src 'none'" in page
    assert "kitware.github.io/vtk-js/icon" not in page
    assert f"of {surfaces.mesh.n_cells:,} faces" in page


def test_a_path_counts_from_the_folder_of_the_caller(surfaces, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    write_page(surfaces, Path("here") / "a.html", max_faces=500)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["a.html"]


def test_time_limit_gives_a_reason_and_leaves_nothing(surfaces, tmp_path) -> None:
    with pytest.raises(DrawingError, match=r"longer than 0.01 s"):
        write_picture(surfaces, tmp_path / "a.png", timeout_s=0.01)
    assert not list(tmp_path.glob("*a*")) and not list(tmp_path.glob(".scene*"))


def test_a_failure_gives_its_reason(surfaces, tmp_path, monkeypatch) -> None:
    # A host name that cannot be bound makes the exporter fail.
    monkeypatch.setenv("TRAME_DEFAULT_HOST", "256.256.256.256")
    with pytest.raises(DrawingError, match="No page of the surface"):
        write_page(surfaces, tmp_path / "a.html", timeout_s=30)


def test_making_a_page_asks_no_other_computer() -> None:
    code = (
        "import asyncio, socket, sys\n"
        "asked, real = [], socket.getaddrinfo\n"
        "def lookup(host, *rest, **named):\n"
        "    asked.append(host)\n"
        "    return real(host, *rest, **named)\n"
        "socket.getaddrinfo = lookup\n"
        "from deepsxt_core.export.figures import empty_plotter, offline_page\n"
        "offline_page(empty_plotter('light'), 'light')\n"
        "print(sorted(set(map(str, asked)) - {'localhost', '127.0.0.1', 'None', '0.0.0.0'}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def _blue(page) -> float:
    """Return the share of the page that shows the blue ball."""
    shot = imread(BytesIO(page.screenshot()))[..., :3]
    return float((shot[..., 2] > shot[..., 0] + 0.2).mean())


@pytest.mark.browser
def test_page_draws_in_a_browser_without_any_request(surfaces, tmp_path, browser) -> None:
    written = write_page(surfaces, tmp_path / "a.html", theme="dark")
    requests = []
    page = browser.new_page(viewport={"width": 500, "height": 400})
    page.on("request", lambda request: requests.append(request.url))
    page.goto(written.as_uri())
    wait_until(lambda: _blue(page) > 0.05)
    page.set_viewport_size({"width": 300, "height": 350})
    page.wait_for_function(
        "() => { const box = document.querySelector('canvas').getBoundingClientRect();"
        " return Math.abs(box.width - 300) <= 2 && Math.abs(box.height - 350) <= 2 }"
    )
    page.close()
    assert requests == [written.as_uri()]
