"""The PyVista scene on the page *Surface*, without a browser."""

import sys
import types

import pytest

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.scene_params import SceneParams
from deepsxt_core.volume import VoxelSize
from tests.results import add_score, add_surface, ball
from tests.ui.conftest import SHAPE
from tests.ui.test_pages import button, plain, show

DRAW = "Draw the scene"
PIXEL = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f"
    b"\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)


class Makers:
    """Stand in for the process and for stpyvista; keep what they were asked for."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.asked: list[tuple[str, SceneParams]] = []
        self.shown: list[dict] = []
        self.failing: set[str] = set()

    def scene_file(self, _tomogram, _surface, params, kind="page"):
        self.asked.append((kind, params))
        if kind in self.failing:
            raise DrawingError(f"No {kind} of the scene: it was *killed*.")
        path = self.folder / kind
        path.write_bytes(PIXEL if kind == "picture" else b"<html>the scene</html>")
        return path

    def component(self, key, data):  # noqa: ARG002
        self.shown.append(data)


@pytest.fixture
def makers(tmp_path, monkeypatch, app):  # noqa: ARG001
    from shared import pyvista_scene

    makers = Makers(tmp_path)
    monkeypatch.setattr(pyvista_scene, "scene_file", makers.scene_file)
    stand_in = types.ModuleType("stpyvista")
    stand_in._stpv_component = makers.component
    monkeypatch.setitem(sys.modules, "stpyvista", stand_in)
    pyvista_scene._made.clear()
    return makers


@pytest.fixture
def drawn(app, tomogram, makers):  # noqa: ARG001
    """The page of a surface of a score, where the scene was asked for."""
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))

    def draw():
        button(show(app, "surface.py", tomogram), DRAW).click().run()
        assert not app.exception
        return app

    return draw


def test_nothing_is_made_before_it_is_asked_for(app, tomogram, makers):
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))
    show(app, "surface.py", tomogram)
    assert makers.asked == [] and makers.shown == []


def test_the_scene_is_handed_to_stpyvista(drawn, makers):
    app = drawn()
    assert [kind for kind, _ in makers.asked] == ["page"]
    assert makers.shown[-1]["_html"] == "<html>the scene</html>"
    assert not app.warning


def test_what_is_chosen_is_drawn_and_made_once(drawn, makers):
    app = drawn()
    next(each for each in app.checkbox if each.label == "Surfaces").check()
    next(each for each in app.slider if each.label.startswith("y (row)")).set_value(0)
    button(app, DRAW).click().run()
    button(app, DRAW).click().run()
    first, second = (params for _, params in makers.asked)
    assert not first.surfaces and second.surfaces
    assert second.plane_at[1] == 0.0 and second.volume == "score"


def test_a_picture_with_the_reason_where_there_is_no_page(drawn, makers):
    makers.failing.add("page")
    app = drawn()
    assert [kind for kind, _ in makers.asked] == ["page", "picture"]
    assert makers.shown == []
    assert plain(app.warning[0]) == "No page of the scene: it was *killed*."
    assert len(app.get("image")) == 1
    makers.failing.clear()
    button(app, "Try again").click().run()
    assert len(makers.shown) == 1 and not app.warning


def test_both_reasons_where_there_is_no_picture_either(drawn, makers):
    makers.failing |= {"page", "picture"}
    app = drawn()
    assert "No page" in plain(app.warning[0]) and "No picture" in plain(app.warning[0])
    assert not app.exception


def test_without_stpyvista_there_is_a_picture(drawn, makers, monkeypatch):
    monkeypatch.setitem(sys.modules, "stpyvista", None)
    app = drawn()
    assert [kind for kind, _ in makers.asked] == ["picture"]
    assert "stpyvista cannot be loaded" in plain(app.warning[0])


def test_nothing_to_show_is_told(drawn):
    app = drawn()
    next(each for each in app.checkbox if each.label == "Slice planes").uncheck()
    next(each for each in app.button_group if "Nothing" in each.options).set_value("none")
    button(app, DRAW).click().run()
    assert "must show something" in plain(app.error[0])


def test_the_corrected_voxel_size_is_told(drawn, tomogram):
    app = drawn()
    tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    button(show(app, "surface.py", tomogram), DRAW).click().run()
    assert any("has been corrected" in each.value for each in app.caption)
