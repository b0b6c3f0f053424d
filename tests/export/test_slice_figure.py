"""Pictures of planes: the bar is right, colours lie where the result lies, an SVG has vectors."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.slice_figure import draw_figure
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.export.slice_picture import FAINT_RGB, RESULT_RGB
from deepsxt_core.volume import Score

SHAPE = (60, 120)
EDGES = (30.0, 10.0)
SVG = {"svg": "http://www.w3.org/2000/svg"}


@pytest.fixture
def plane():
    codes = np.full(SHAPE, 0.0)
    codes[20:40, 30:60] = Score.encode(np.array(0.3))
    codes[20:40, 60:90] = Score.encode(np.array(0.8))
    codes[:, :10] = np.nan
    return FigurePlane(grey=np.full(SHAPE, 20.0), edges_nm=EDGES, codes=codes)


def drawn(plane, params, **more) -> np.ndarray:
    with Image.open(io.BytesIO(draw_figure(plane, params, **more))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def params(**more) -> FigureParams:
    return FigureParams(width_px=600, black=0, white=100, threshold=0.5, **more)


def bar_of(picture: np.ndarray) -> tuple[int, float]:
    """Return the length of the bar in pixels, and that of a row of them in the picture."""
    white = (picture > 250).all(axis=-1)
    runs = [run for row in white for run in bytes(row.astype(np.uint8)).split(b"\0")]
    return max(map(len, runs)), picture.shape[1]


@pytest.mark.parametrize("ratio", [1, 2, 4])
@pytest.mark.parametrize("view", [None, (5.3, 11.7, 55.1, 77.2)])
def test_the_bar_is_as_long_as_it_says_at_every_resolution(ratio, view):
    shown = FigurePlane(grey=np.full(SHAPE, 10.0), edges_nm=EDGES, view=view)
    picture = drawn(shown, params(ratio=ratio))
    columns = SHAPE[1] if view is None else view[3] - view[1]
    rows = SHAPE[0] if view is None else view[2] - view[0]
    height = round(600 * rows * 3 / columns)
    assert picture.shape[:2] == (height * ratio, 600 * ratio)
    length, width = bar_of(picture)
    label = 200 if view is None else 100  # nm: a fifth of the width, rounded down to 1, 2 or 5
    assert length * columns * EDGES[1] / width == pytest.approx(label, rel=2 / length)
    svg = draw_figure(shown, params(ratio=ratio), format="svg").decode()
    root = ET.fromstring(svg)
    path = root.find(".//svg:g[@id='scale-bar']/svg:path", SVG).get("d")
    x = [float(number) for number in re.findall(r"[ML] ([\d.]+)", path)]
    whole = float(root.get("viewBox").split()[2])
    assert (max(x) - min(x)) / whole * columns * EDGES[1] == pytest.approx(label, rel=1e-3)
    assert f"{label} nm" in svg


def test_a_result_is_drawn_where_it_lies_and_what_is_between_the_thresholds_lighter(plane):
    picture = drawn(plane, params(opacity=1.0, low=0.1))
    height, width = picture.shape[:2]

    def at(row, column):
        return tuple(picture[int((row + 0.5) * height / 60), int((column + 0.5) * width / 120)])

    assert at(30, 75) == RESULT_RGB
    assert at(21, 61) == RESULT_RGB
    assert at(30, 45) == FAINT_RGB
    assert at(19, 75) == at(30, 91) == (51, 51, 51)
    assert at(5, 5) == (31, 31, 31)  # not scored
    alone = drawn(plane, params(opacity=1.0))
    assert (alone == RESULT_RGB).all(axis=-1).sum() == (picture == RESULT_RGB).all(axis=-1).sum()
    assert not (alone == FAINT_RGB).all(axis=-1).any()
    turned = drawn(plane, params(invert=True, opacity=0.0))
    assert (turned[0, -1] == 204).all()


def test_objects_have_their_colours_and_an_svg_has_contours_and_text(plane):
    labels = np.zeros(SHAPE, np.int32)
    labels[10:30, 40:80] = 300
    labels[40:50, 40:80] = 2
    shown = FigurePlane(grey=plane.grey, edges_nm=None, labels=labels, colours={300: "#336699"})
    picture = drawn(shown, params(label_opacity=1.0))
    where = np.argwhere((picture == (0x33, 0x66, 0x99)).all(axis=-1))
    scale = picture.shape[1] / 120
    np.testing.assert_allclose(where.min(axis=0), [10 * scale, 40 * scale], atol=1)
    np.testing.assert_allclose(where.max(axis=0), [30 * scale - 1, 80 * scale - 1], atol=1)
    caption = ["cell.mrc. XY, slice 3 of 9; “quoted” & <odd>.", "word " * 80]
    svg = draw_figure(shown, params(label_style="outline"), caption=caption, format="svg").decode()
    root = ET.fromstring(svg)
    assert len(root.findall(".//svg:image", SVG)) == 1
    words = " ".join("".join(text.itertext()) for text in root.iter(f"{{{SVG['svg']}}}text"))
    assert "“quoted” & <odd>." in words
    assert words.count("word") == 80
    assert "#336699" in svg
    assert " px" in words  # no length where the voxel size is not known
    assert draw_figure(shown, params(), caption=caption, format="svg") == draw_figure(
        shown, params(), caption=caption, format="svg"
    )


def test_what_is_no_value_or_not_in_view_is_told_apart():
    grey = np.full(SHAPE, 50.0)
    grey[:30] = np.nan
    picture = drawn(FigurePlane(grey=grey, edges_nm=EDGES), params())
    assert tuple(picture[5, 300]) != tuple(picture[-80, 300])
    assert picture.max() <= 255
    with pytest.raises(InvalidParameterError, match="view"):
        draw_figure(FigurePlane(grey=grey, edges_nm=None, view=(70, 0, 80, 9)), params())
    with pytest.raises(InvalidParameterError, match="high"):
        draw_figure(FigurePlane(grey=grey, edges_nm=None, view=(0, 0, 60, 1)), params())
    with pytest.raises(InvalidParameterError, match="million pixels"):
        draw_figure(FigurePlane(grey=grey, edges_nm=EDGES), FigureParams(width_px=2400, ratio=4))
