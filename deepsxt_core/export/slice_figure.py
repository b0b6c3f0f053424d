"""A plane of a tomogram as a picture for a paper: PNG, or SVG with what is drawn as vectors."""

import io
import textwrap
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import find_objects

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.scale_bar import scale_bar_length
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.volume import SCORE_LEVELS, Score, Threshold, require_order

FigureFormat = Literal["png", "svg"]

RESULT_RGB = (255, 122, 26)
FAINT_RGB = (255, 214, 170)

_DPI = 100  # of the picture at 1×: a pixel of the screen is one of these
_FONT_PT = 7.0
_LETTER_PX = 5.4
_LINE_PX = 14
_UNSCORED_SHADE = 0.6
_NOTHING_RGB = (23, 33, 41)
# The settings of matplotlib belong to the whole process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureParams:
    """How a plane is drawn.

    Attributes
    ----------
    width_px : int
        Width of the picture at 1×; its height follows from the part of the plane that is shown.
    ratio : int
        Pixels of the picture along a pixel at 1×. Letters and lines grow with it.
    black, white : float
        Values that are drawn black and white.
    invert : bool
        Whether they change places.
    style : {"fill", "outline", "score"}
        How a result is drawn: as an area, as a contour, or its values themselves.
    threshold : float
        Of the result.
    low : float or None
        The second threshold; what lies between the two is drawn lighter.
    opacity : float
        Of the result.
    label_style : {"fill", "outline"}
        How the objects of an annotation are drawn.
    label_opacity : float
        Of the objects.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or `low` is above `threshold`.
    """

    width_px: Annotated[int, Limits(least=64, most=2400, unit="px")] = 800
    ratio: Annotated[int, Limits(least=1, most=4)] = 1
    black: float = 0.0
    white: float = 1.0
    invert: bool = False
    style: Literal["fill", "outline", "score"] = "fill"
    threshold: Threshold = 0.0
    low: Threshold | None = None
    opacity: Annotated[float, Limits(least=0, most=1)] = 0.6
    label_style: Literal["fill", "outline"] = "fill"
    label_opacity: Annotated[float, Limits(least=0, most=1)] = 0.55

    def __post_init__(self) -> None:
        checked(self)
        require_order(self.low, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePlane:
    """What there is in a plane; all arrays (rows, columns) of the same voxels.

    Attributes
    ----------
    grey : ndarray
        Values, NaN where there is none.
    edges_nm : (row, column) or None
        Of a voxel; None where it is not known.
    codes : ndarray, optional
        Of a score, float, NaN where nothing was scored.
    labels : ndarray, optional
        Ids of objects, 0 for none.
    colours : mapping of int to str
        Of the objects that are shown.
    view : (row, column, row, column), optional
        The part that is shown, in voxels from the edge; all of it by default.
    """

    grey: NDArray
    edges_nm: tuple[float, float] | None
    codes: NDArray | None = None
    labels: NDArray | None = None
    colours: Mapping[int, str] = field(default_factory=dict)
    view: tuple[float, float, float, float] | None = None

    @property
    def shown(self) -> tuple[float, float, float, float]:
        """The part that is shown, within the plane.

        Raises
        ------
        InvalidParameterError
            If nothing of the plane is in it.
        """
        rows, columns = self.grey.shape
        r0, c0, r1, c1 = self.view or (0, 0, rows, columns)
        r0, c0, r1, c1 = max(r0, 0.0), max(c0, 0.0), min(r1, rows), min(c1, columns)
        if not (r0 < r1 and c0 < c1):
            raise InvalidParameterError(f"Nothing of the plane is in view {self.view}.")
        return r0, c0, r1, c1


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
        is wide.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    r0, c0, r1, c1 = plane.shown
    edge_row, edge_column = plane.edges_nm or (1.0, 1.0)
    width = params.width_px
    height = max(1, round(width * (r1 - r0) * edge_row / ((c1 - c0) * edge_column)))
    if height > 4 * width:
        raise InvalidParameterError("The part in view is too high for a picture. Show less of it.")
    room = int((width - 16) / _LETTER_PX)
    lines = [line for each in caption for line in textwrap.wrap(each, room)]
    below = len(lines) * _LINE_PX + 12 if lines else 0
    with _one_at_a_time, rc_context({"svg.fonttype": "none", "svg.hashsalt": "deepsxt"}):
        figure = Figure((width / _DPI, (height + below) / _DPI), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, below / (height + below), 1, height / (height + below)))
        axes.set_axis_off()
        picture = _picture(plane, params, (width * params.ratio, height * params.ratio))
        axes.imshow(picture, extent=(c0, c1, r1, r0), interpolation="none", aspect="auto")
        _draw_outlines(axes, plane, params)
        _draw_scale_bar(axes, plane, width, height)
        axes.set(xlim=(c0, c1), ylim=(r1, r0))
        for n, line in enumerate(lines):
            y = (below - 8 - n * _LINE_PX) / (height + below)
            figure.text(8 / width, y, line, fontsize=_FONT_PT, color="#222222", va="top")
        file = io.BytesIO()
        told: dict[str, Any] = {"Description": " ".join(caption)}
        told |= {"Creator": "DeepSXT", "Date": None} if format == "svg" else {"Software": "DeepSXT"}
        dpi = _DPI * (params.ratio if format == "png" else 1)
        figure.savefig(file, format=format, dpi=dpi, metadata=told)
    return file.getvalue()


def _picture(plane: FigurePlane, params: FigureParams, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the part in view at a size (width, height) in pixels, with its areas, as RGB."""
    r0, c0, r1, c1 = plane.shown
    box = (c0, r0, c1, r1)
    per_voxel = min(size[0] / (c1 - c0), size[1] / (r1 - r0))
    # Voxels as they are where they are large, as in the viewer; Pillow averages where smaller.
    smooth = Image.Resampling.NEAREST if per_voxel >= 3 else Image.Resampling.BILINEAR

    def resized(values: NDArray, how: Image.Resampling) -> NDArray:
        return np.asarray(Image.fromarray(values).resize(size, how, box))

    none = ~np.isfinite(plane.grey)
    grey = resized(np.where(none, params.black, plane.grey).astype(np.float32), smooth)
    span = params.white - params.black
    level = np.clip((grey - params.black) / (span if span > 0 else 1e-9), 0, 1)
    shade = (1 - level if params.invert else level) * 255
    picture = np.repeat(shade[..., np.newaxis], 3, axis=-1).astype(np.float32)
    nearest = Image.Resampling.NEAREST
    if none.any():
        picture[resized(none.astype(np.uint8), nearest) > 0] = _NOTHING_RGB
    if plane.codes is not None:
        codes = resized(plane.codes.astype(np.float32), nearest)
        picture[np.isnan(codes)] *= _UNSCORED_SHADE
        for where, colour in _areas(codes, params):
            picture[where] += (colour - picture[where]) * np.float32(params.opacity)
    if plane.labels is not None and params.label_style == "fill":
        ids = resized(plane.labels.astype(np.int32), nearest)
        for number, name in plane.colours.items():
            where = ids == number
            rgb = np.array([int(name[n : n + 2], 16) for n in (1, 3, 5)], np.float32)
            picture[where] += (rgb - picture[where]) * np.float32(params.label_opacity)
    return np.rint(picture).astype(np.uint8)


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
