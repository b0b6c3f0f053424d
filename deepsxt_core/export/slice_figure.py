"""A plane of a tomogram as a picture for a paper: PNG, or SVG with what is drawn as vectors."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import find_objects

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.figure_sheet import (
    GAP_PX,
    FigureFormat,
    Panel,
    Paragraph,
    Sheet,
    paint_scale_bar,
    require_few_pixels,
)
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.export.slice_picture import (
    FAINT_RGB,
    ONLY_A_RGB,
    ONLY_B_RGB,
    RESULT_RGB,
    draw_pixels,
    of_b,
)
from deepsxt_core.volume import Score

_Rgb = tuple[int, int, int]


def draw_figure(
    plane: FigurePlane,
    params: FigureParams,
    caption: Sequence[Paragraph] = (),
    format: FigureFormat = "png",
) -> bytes:
    """Return the file of a picture: the plane, a scale bar in it, a caption below it.

    An SVG holds the grey values and areas as an image; contours, bar and text are vectors.

    Parameters
    ----------
    caption : sequence of Paragraph
        Broken into lines that fit.

    Raises
    ------
    InvalidParameterError
        If nothing of the plane is in view, or the picture would be more than 4 times as high as it
        is wide, or have more than 24 million pixels.
    """
    sheet = slice_sheet(plane, params, caption)
    return sheet.png() if format == "png" else sheet.svg()


def slice_sheet(
    plane: FigurePlane,
    params: FigureParams,
    caption: Sequence[Paragraph] = (),
    rows: int | None = None,
) -> Sheet:
    """Return the sheet that `draw_figure` writes; `rows` is the height of its caption in lines.

    Raises
    ------
    InvalidParameterError
        As `draw_figure` does.
    """
    is_twice = params.compare == "side" and plane.other is not None
    width = (params.width_px - GAP_PX) // 2 if is_twice else params.width_px
    height = _height(plane, width)
    if height > 4 * width:
        raise InvalidParameterError("The part in view is too high for a picture. Show less of it.")
    size = (width, height)
    sides = [(plane, params, "")]
    if is_twice:
        alone = replace(plane, other=None)
        b = replace(alone, codes=plane.other)
        sides = [(alone, replace(params, compare="none"), "A"), (b, of_b(params), "B")]
    # Nothing is drawn before it is known that there is room.
    require_few_pixels(len(sides), size, params.ratio)
    panels = [_panel(*side, size, params.ratio) for side in sides]
    return Sheet(panels=panels, size=size, ratio=params.ratio, caption=caption, rows=rows)


def _height(plane: FigurePlane, width: int) -> int:
    r0, c0, r1, c1 = plane.shown
    edge_row, edge_column = plane.edges_nm or (1.0, 1.0)
    return max(1, round(width * (r1 - r0) * edge_row / ((c1 - c0) * edge_column)))


def _panel(
    plane: FigurePlane, params: FigureParams, letter: str, size: tuple[int, int], ratio: int
) -> Panel:
    pixels = draw_pixels(plane, params, (size[0] * ratio, size[1] * ratio))
    r0, c0, r1, c1 = shown = plane.shown

    def paint(axes: Any) -> None:
        _draw_outlines(axes, plane, params)
        if params.compare == "swipe" and plane.other is not None:
            line = c0 + params.share * (c1 - c0)
            axes.plot([line, line], [r0, r1], color="white", linewidth=1.2)
            _draw_letter(axes, shown, size, "A", line, "right")
            _draw_letter(axes, shown, size, "B", line, "left")
        elif letter:
            _draw_letter(axes, shown, size, letter, c0, "left")
        if letter != "B":
            edges = plane.edges_nm
            pixel_nm = None if edges is None else edges[1] * (c1 - c0) / size[0]
            paint_scale_bar(axes, shown, size, pixel_nm)
        axes.set(xlim=(c0, c1), ylim=(r1, r0))

    return Panel(Image.fromarray(pixels), paint)


def _draw_letter(
    axes: Any,
    shown: tuple[float, float, float, float],
    size: tuple[int, int],
    letter: str,
    at: float,
    side: str,
) -> None:
    r0, c0, r1, c1 = shown
    away = 7 * (c1 - c0) / size[0] * (1 if side == "left" else -1)
    ground = {"facecolor": "black", "alpha": 0.45, "linewidth": 0, "pad": 2.5}
    look: dict[str, Any] = {"color": "white", "fontsize": 9, "weight": "bold", "bbox": ground}
    axes.text(at + away, r0 + 7 * (r1 - r0) / size[1], letter, ha=side, va="top", **look)


def _draw_outlines(axes: Any, plane: FigurePlane, params: FigureParams) -> None:
    if plane.codes is not None and params.style == "outline":
        if plane.other is None:
            _draw_contours(axes, plane.codes, params, RESULT_RGB)
        elif params.compare == "difference":
            unknown = np.isnan(plane.codes) | np.isnan(plane.other)
            sides = ((plane.codes, params, ONLY_A_RGB), (plane.other, of_b(params), ONLY_B_RGB))
            for codes, look, rgb in sides:
                known = np.where(unknown, np.nan, codes)
                _draw_contours(axes, known, replace(look, low=None), rgb)
        else:
            r0, c0, r1, c1 = plane.shown
            line = c0 + params.share * (c1 - c0)
            _draw_contours(axes, plane.codes, params, RESULT_RGB, (c0, r0, line - c0, r1 - r0))
            right = (line, r0, c1 - line, r1 - r0)
            _draw_contours(axes, plane.other, of_b(params), RESULT_RGB, right)
    if plane.labels is not None and params.label_style == "outline":
        boxes = find_objects(plane.labels)
        for number, colour in plane.colours.items():
            box = boxes[number - 1] if number <= len(boxes) else None
            if box is not None:
                # With a rim, so that the contour closes.
                inside = np.pad(plane.labels[box] == number, 1).astype(float)
                _contour(axes, inside, 0.5, (box[0].start - 1, box[1].start - 1), colour)


def _draw_contours(
    axes: Any,
    codes: NDArray,
    params: FigureParams,
    rgb: _Rgb,
    part: tuple[float, float, float, float] | None = None,
) -> None:
    """Draw the contours of a score; `part` (column, row, width, height) is where they are seen."""
    known = np.nan_to_num(codes, nan=0.0)
    for threshold, colour in ((params.low, FAINT_RGB), (params.threshold, rgb)):
        if threshold is not None:
            level = Score.threshold_code(threshold) - 0.5
            _contour(axes, known, level, (0, 0), tuple(n / 255 for n in colour), part)


def _contour(
    axes: Any,
    values: NDArray,
    level: float,
    first: tuple[int, int],
    colour: Any,
    part: tuple[float, float, float, float] | None = None,
) -> None:
    from matplotlib.patches import Rectangle

    if min(values.shape) < 2 or not values.min() < level < values.max():
        return
    y, x = (start + 0.5 + np.arange(n) for start, n in zip(first, values.shape, strict=True))
    drawn = axes.contour(x, y, values, levels=[level], colors=[colour], linewidths=1.1)
    if part is not None:
        drawn.set_clip_path(Rectangle(part[:2], *part[2:], transform=axes.transData))
