"""A plane of a tomogram as a picture for a paper: PNG, or SVG with what is drawn as vectors."""

import io
import textwrap
import threading
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from scipy.ndimage import find_objects

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.scale_bar import scale_bar_length
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.volume import SCORE_LEVELS, Score

FigureFormat = Literal["png", "svg"]

RESULT_RGB = (255, 122, 26)
FAINT_RGB = (255, 214, 170)
MOST_PIXELS = 24_000_000

_SVG_PER_INCH = 72
_DPI = 100  # of the picture at 1×: a pixel of the screen is one of these
_ROWS_AT_ONCE = 256
_FONT_PT = 7.0
_LETTER_PX = 5.4
_LINE_PX = 14
_UNSCORED_SHADE = 0.6
_NOTHING_RGB = (23, 33, 41)
# The settings of matplotlib belong to the whole process.
_one_at_a_time = threading.Lock()


def draw_figure(
    plane: FigurePlane,
    params: FigureParams,
    caption: Sequence[str] = (),
    format: FigureFormat = "png",
) -> bytes:
    """Return the file of a picture: the plane, a scale bar in it, a caption below it.

    An SVG holds the grey values and areas as an image; contours, bar and text are vectors.

    Parameters
    ----------
    caption : sequence of str
        Paragraphs, broken into lines that fit.

    Raises
    ------
    InvalidParameterError
        If nothing of the plane is in view, or the picture would be more than 4 times as high as it
        is wide, or have more than 24 million pixels.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    r0, c0, r1, c1 = plane.shown
    edge_row, edge_column = plane.edges_nm or (1.0, 1.0)
    width = params.width_px
    height = max(1, round(width * (r1 - r0) * edge_row / ((c1 - c0) * edge_column)))
    if height > 4 * width:
        raise InvalidParameterError("The part in view is too high for a picture. Show less of it.")
    if width * height * params.ratio**2 > MOST_PIXELS:
        raise InvalidParameterError(
            f"A picture has at most {MOST_PIXELS / 1e6:g} million pixels: this one would have "
            f"{width * params.ratio} × {height * params.ratio}. Choose a smaller size, or make the "
            "window smaller."
        )
    room = int((width - 16) / _LETTER_PX)
    lines = [line for each in caption for line in textwrap.wrap(each, room)]
    below = len(lines) * _LINE_PX + 12 if lines else 0
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "deepsxt"}
    with _one_at_a_time, rc_context(settings):
        dpi = _DPI * (params.ratio if format == "png" else 1)
        figure = Figure((width / _DPI, (height + below) / _DPI), dpi=dpi, facecolor="none")
        axes = figure.add_axes((0, below / (height + below), 1, height / (height + below)))
        axes.set_axis_off()
        _draw_outlines(axes, plane, params)
        _draw_scale_bar(axes, plane, width, height)
        axes.set(xlim=(c0, c1), ylim=(r1, r0))
        for n, line in enumerate(lines):
            y = (below - 8 - n * _LINE_PX) / (height + below)
            figure.text(8 / width, y, line, fontsize=_FONT_PT, color="#222222", va="top")
        picture = Image.fromarray(
            _picture(plane, params, (width * params.ratio, height * params.ratio))
        )
        write = _as_png if format == "png" else _as_svg
        return write(figure, picture, " ".join(caption))


# Matplotlib draws what lies over the picture, and never has the picture itself: it would take
# 100 bytes for each of its pixels.


def _as_png(figure: Any, picture: Image.Image, told: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    over = Image.fromarray(np.asarray(canvas.buffer_rgba()))
    whole = Image.new("RGB", over.size, "white")
    whole.paste(picture, (0, 0))
    whole.paste(over, (0, 0), over)
    words = PngImagePlugin.PngInfo()
    words.add_text("Software", "DeepSXT")
    words.add_itxt("Description", told)
    file = io.BytesIO()
    whole.save(file, "png", pnginfo=words)
    return file.getvalue()


def _as_svg(figure: Any, picture: Image.Image, told: str) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    written = io.StringIO()
    words = {"Description": told, "Creator": "DeepSXT", "Date": None}
    FigureCanvasSVG(figure).print_svg(written, metadata=words)
    encoded = io.BytesIO()
    picture.save(encoded, "png")
    width = figure.get_figwidth() * _SVG_PER_INCH
    height = width * picture.height / picture.width
    ground = (
        '<rect width="100%" height="100%" fill="white"/>'
        f'<image width="{width:.6f}" height="{height:.6f}" preserveAspectRatio="none" '
        f'xlink:href="data:image/png;base64,{b64encode(encoded.getvalue()).decode()}"/>\n '
    )
    before, whole, after = written.getvalue().partition('<g id="figure_1">')
    return (before + ground + whole + after).encode()


def _picture(plane: FigurePlane, params: FigureParams, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the part in view at a size (width, height) in pixels, with its areas, as RGB."""
    r0, c0, r1, c1 = plane.shown
    box = (c0, r0, c1, r1)
    per_voxel = min(size[0] / (c1 - c0), size[1] / (r1 - r0))
    # Voxels as they are where they are large, as in the viewer; Pillow averages where smaller.
    smooth = Image.Resampling.NEAREST if per_voxel >= 3 else Image.Resampling.BILINEAR

    def resized(values: NDArray, how: Image.Resampling) -> NDArray:
        return np.array(Image.fromarray(values).resize(size, how, box))

    none = ~np.isfinite(plane.grey)
    level = resized(np.where(none, params.black, plane.grey).astype(np.float32), smooth)
    level -= np.float32(params.black)
    level *= np.float32(255 / max(params.white - params.black, 1e-9))
    np.clip(level, 0, 255, out=level)
    if params.invert:
        np.subtract(255, level, out=level)
    picture = np.repeat(np.rint(level, out=level).astype(np.uint8)[..., np.newaxis], 3, axis=-1)
    del level
    nearest = Image.Resampling.NEAREST
    if none.any():
        picture[resized(none.astype(np.uint8), nearest) > 0] = _NOTHING_RGB
    if plane.codes is not None:
        codes = resized(plane.codes.astype(np.float32), nearest)
        _mix(picture, np.isnan(codes), np.zeros(3, np.float32), 1 - _UNSCORED_SHADE)
        for where, colour in _areas(codes, params):
            _mix(picture, where, colour, params.opacity)
    if plane.labels is not None and params.label_style == "fill":
        ids = resized(plane.labels.astype(np.int32), nearest)
        for number, name in plane.colours.items():
            rgb = np.array([int(name[n : n + 2], 16) for n in (1, 3, 5)], np.float32)
            _mix(picture, ids == number, rgb, params.label_opacity)
    return picture


def _mix(
    picture: NDArray[np.uint8], where: NDArray[np.bool_], colour: NDArray, opacity: float
) -> None:
    """Mix one colour, or one for each of these pixels, into a picture, some rows at a time."""
    done = 0
    for row in range(0, len(picture), _ROWS_AT_ONCE):
        rows, here = picture[row : row + _ROWS_AT_ONCE], where[row : row + _ROWS_AT_ONCE]
        seen = rows[here].astype(np.float32)
        paint = colour if colour.ndim == 1 else colour[done : done + len(seen)]
        rows[here] = np.rint(seen + (paint - seen) * np.float32(opacity))
        done += len(seen)


def _areas(codes: NDArray, params: FigureParams) -> list[tuple[NDArray[np.bool_], NDArray]]:
    """Return what of a result is drawn as areas: where, and in which colours."""
    if params.style == "score":
        known = np.isfinite(codes)
        score = (codes[known] * (2 / SCORE_LEVELS) - 1)[:, np.newaxis]
        ends = np.where(score < 0, (33, 102, 172), (178, 24, 43))
        return [(known, (247 + (ends - 247) * np.abs(score)).astype(np.float32))]
    if params.style == "outline":
        return []
    marked = codes >= Score.threshold_code(params.threshold)
    found = [(marked, np.array(RESULT_RGB, np.float32))]
    if params.low is not None:
        faint = (codes >= Score.threshold_code(params.low)) & ~marked
        found.append((faint, np.array(FAINT_RGB, np.float32)))
    return found


def _draw_outlines(axes: Any, plane: FigurePlane, params: FigureParams) -> None:
    if plane.codes is not None and params.style == "outline":
        codes = np.nan_to_num(plane.codes, nan=0.0)
        for threshold, rgb in ((params.low, FAINT_RGB), (params.threshold, RESULT_RGB)):
            if threshold is not None:
                level = Score.threshold_code(threshold) - 0.5
                _contour(axes, codes, level, (0, 0), tuple(n / 255 for n in rgb))
    if plane.labels is not None and params.label_style == "outline":
        boxes = find_objects(plane.labels)
        for number, colour in plane.colours.items():
            box = boxes[number - 1] if number <= len(boxes) else None
            if box is not None:
                # With a rim, so that the contour closes.
                inside = np.pad(plane.labels[box] == number, 1).astype(float)
                _contour(axes, inside, 0.5, (box[0].start - 1, box[1].start - 1), colour)


def _contour(axes: Any, values: NDArray, level: float, first: tuple[int, int], colour: Any) -> None:
    if min(values.shape) < 2 or not values.min() < level < values.max():
        return
    y, x = (start + 0.5 + np.arange(n) for start, n in zip(first, values.shape, strict=True))
    axes.contour(x, y, values, levels=[level], colors=[colour], linewidths=1.1)


def _draw_scale_bar(axes: Any, plane: FigurePlane, width: int, height: int) -> None:
    """Draw a bar whose length is right, whatever is in view, on a dark ground with its label."""
    from matplotlib.patches import Rectangle

    r0, c0, r1, c1 = plane.shown
    column_px, row_px = width / (c1 - c0), height / (r1 - r0)
    pixel_nm = None if plane.edges_nm is None else plane.edges_nm[1] / column_px
    # Where the size is not known, a bar counts voxels.
    length, label = scale_bar_length(width, pixel_nm) if pixel_nm else _voxel_bar(c1 - c0)
    bar = length / column_px if pixel_nm else length
    left, low = c0 + 14 / column_px, r1 - 14 / row_px
    ground = (c0 + 8 / column_px, r1 - 38 / row_px)
    wide = max(bar + 12 / column_px, (len(label) * 7 + 12) / column_px)
    dark: dict[str, Any] = {"facecolor": "black", "alpha": 0.45, "linewidth": 0}
    axes.add_patch(Rectangle(ground, wide, 30 / row_px, **dark))
    white: dict[str, Any] = {"facecolor": "white", "linewidth": 0, "gid": "scale-bar"}
    axes.add_patch(Rectangle((left, low - 4 / row_px), bar, 4 / row_px, **white, antialiased=False))
    axes.text(left, low - 8 / row_px, label, color="white", fontsize=8, va="bottom")


def _voxel_bar(columns: float) -> tuple[float, str]:
    length, label = scale_bar_length(max(1, int(columns)), None)
    return length, label
