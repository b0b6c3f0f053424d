"""The sheet that pictures stand on, beside each other: vectors over them, a caption below."""

import io
import textwrap
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, PngImagePlugin

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.scale_bar import scale_bar_length

FigureFormat = Literal["png", "svg"]
MOST_PIXELS = 24_000_000
GAP_PX = 4
"""Between pictures that stand beside each other, at 1×."""

_SVG_PER_INCH = 72
_DPI = 100  # of the picture at 1×: a pixel of the screen is one of these
_FONT_PT = 7.0
_LETTER_PX = 5.4
_LINE_PX = 14
_MARGIN_PX = 8
_SQUARE_PX = 8
# The settings of matplotlib belong to the whole process.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour means, as the legend has it."""

    rgb: tuple[int, int, int]
    text: str


Paragraph = str | tuple[Key, ...]
"""Of a caption: words, or colours with their meanings in one row."""

_Line = tuple[tuple[float, tuple[int, int, int] | None, str], ...]
"""Of a caption as it is drawn: place from the left at 1×, colour of a square before it, words."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of a sheet.

    Attributes
    ----------
    picture : Image
        As wide and high as the sheet says, times its ratio.
    paint : callable
        ``paint(axes)`` draws vectors over it, and sets the limits of the axes.
    """

    picture: Image.Image
    paint: Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Pictures of the same size, and a caption.

    Attributes
    ----------
    panels : sequence of Panel
    size : (width, height)
        Of one of them, in pixels at 1×.
    ratio : int
        Pixels along a pixel at 1×.
    caption : sequence of Paragraph
        Broken into lines that fit.
    rows : int or None
        Lines below the pictures, whatever the caption needs.
    """

    panels: Sequence[Panel]
    size: tuple[int, int]
    ratio: int = 1
    caption: Sequence[Paragraph] = ()
    rows: int | None = None

    @property
    def width(self) -> int:
        """Of the whole, at 1×."""
        return _whole_width(len(self.panels), self.size[0])

    def image(self) -> Image.Image:
        """Return all as an RGB image."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with _one_at_a_time:
            canvas = FigureCanvasAgg(self._figure(_DPI * self.ratio))
            canvas.draw()
            over = Image.fromarray(np.asarray(canvas.buffer_rgba()))
        # Matplotlib never has the pictures: it would take 100 bytes for each of their pixels.
        whole = Image.new("RGB", over.size, "white")
        for n, panel in enumerate(self.panels):
            whole.paste(panel.picture, (n * (self.size[0] + GAP_PX) * self.ratio, 0))
        whole.paste(over, (0, 0), over)
        return whole

    def png(self) -> bytes:
        """Return all as a PNG file, with the caption in its description."""
        words = PngImagePlugin.PngInfo()
        words.add_text("Software", "DeepSXT")
        words.add_itxt("Description", told(self.caption))
        file = io.BytesIO()
        self.image().save(file, "png", pnginfo=words)
        return file.getvalue()

    def svg(self) -> bytes:
        """Return all as an SVG file: the pictures as images, all else as vectors."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        written = io.StringIO()
        words = {"Description": told(self.caption), "Creator": "DeepSXT", "Date": None}
        settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "deepsxt"}
        with _one_at_a_time, rc_context(settings):
            FigureCanvasSVG(self._figure(_DPI)).print_svg(written, metadata=words)
        unit = _SVG_PER_INCH / _DPI
        ground = '<rect width="100%" height="100%" fill="white"/>'
        for n, panel in enumerate(self.panels):
            encoded = io.BytesIO()
            panel.picture.save(encoded, "png")
            ground += (
                f'<image x="{n * (self.size[0] + GAP_PX) * unit:.6f}" '
                f'width="{self.size[0] * unit:.6f}" height="{self.size[1] * unit:.6f}" '
                'preserveAspectRatio="none" xlink:href="data:image/png;base64,'
                f'{b64encode(encoded.getvalue()).decode()}"/>\n '
            )
        before, whole, after = written.getvalue().partition('<g id="figure_1">')
        return (before + ground + whole + after).encode()

    def _figure(self, dpi: int) -> Any:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        (width, height), whole = self.size, self.width
        lines = caption_lines(self.caption, whole)
        rows = len(lines) if self.rows is None else self.rows
        below = caption_height(rows)
        full = height + below
        figure = Figure((whole / _DPI, full / _DPI), dpi=dpi, facecolor="none")
        for n, panel in enumerate(self.panels):
            left = n * (width + GAP_PX) / whole
            axes = figure.add_axes((left, below / full, width / whole, height / full))
            axes.set_axis_off()
            panel.paint(axes)
        for n, line in enumerate(lines[:rows]):
            top = below - 8 - n * _LINE_PX
            for at, rgb, text in line:
                if rgb is not None:
                    square: dict[str, Any] = {"facecolor": _unit(rgb), "linewidth": 0}
                    corner = (at / whole, (top - 1 - _SQUARE_PX) / full)
                    sides = (_SQUARE_PX / whole, _SQUARE_PX / full)
                    figure.add_artist(
                        Rectangle(corner, *sides, transform=figure.transFigure, **square)
                    )
                x = (at + (0 if rgb is None else _SQUARE_PX + 4)) / whole
                figure.text(x, top / full, text, fontsize=_FONT_PT, color="#222222", va="top")
        return figure


def require_few_pixels(count: int, size: tuple[int, int], ratio: int) -> None:
    """Do nothing if so many pictures of a sheet have few enough pixels together.

    Raises
    ------
    InvalidParameterError
        If they have more than 24 million.
    """
    width, height = _whole_width(count, size[0]) * ratio, size[1] * ratio
    if width * height > MOST_PIXELS:
        raise InvalidParameterError(
            f"A picture has at most {MOST_PIXELS / 1e6:g} million pixels: this one would have "
            f"{width} × {height}. Choose a smaller size, or make the window smaller."
        )


def caption_height(rows: int) -> int:
    """Return the height of so many lines, in pixels at 1×."""
    return rows * _LINE_PX + 12 if rows else 0


def caption_lines(caption: Sequence[Paragraph], width: int) -> list[_Line]:
    """Break a caption into lines of a width, in pixels at 1×."""
    lines: list[_Line] = []
    for paragraph in caption:
        if isinstance(paragraph, str):
            room = int((width - 2 * _MARGIN_PX) / _LETTER_PX)
            lines += [((_MARGIN_PX, None, line),) for line in textwrap.wrap(paragraph, room)]
            continue
        row: list[tuple[float, tuple[int, int, int] | None, str]] = []
        at = float(_MARGIN_PX)
        for key in paragraph:
            needed = _SQUARE_PX + 4 + len(key.text) * _LETTER_PX
            if row and at + needed > width - _MARGIN_PX:
                lines.append(tuple(row))
                row, at = [], float(_MARGIN_PX)
            row.append((at, key.rgb, key.text))
            at += needed + 14
        lines.append(tuple(row))
    return lines


def told(caption: Sequence[Paragraph]) -> str:
    """Return a caption in plain words."""
    return " ".join(
        each if isinstance(each, str) else "; ".join(key.text for key in each) + "."
        for each in caption
    )


def paint_scale_bar(
    axes: Any,
    shown: tuple[float, float, float, float],
    size: tuple[int, int],
    pixel_nm: float | None,
    more: str = "",
) -> None:
    """Draw a bar whose length is right, whatever is in view, on a dark ground with its label.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    shown : (row, column, row, column)
        What the axes show, in their own unit.
    size : (width, height)
        Of the axes in pixels at 1×.
    pixel_nm : float or None
        Edge of such a pixel; without it, the bar counts columns.
    more : str
        What is said after the length.
    """
    from matplotlib.patches import Rectangle

    r0, c0, r1, c1 = shown
    column_px, row_px = size[0] / (c1 - c0), size[1] / (r1 - r0)
    if pixel_nm is None:
        bar, label = scale_bar_length(max(1, int(c1 - c0)), None)
    else:
        length, label = scale_bar_length(size[0], pixel_nm)
        bar = length / column_px
    label += more
    left, low = c0 + 14 / column_px, r1 - 14 / row_px
    ground = (c0 + 8 / column_px, r1 - 38 / row_px)
    wide = max(bar + 12 / column_px, (len(label) * 7 + 12) / column_px)
    dark: dict[str, Any] = {"facecolor": "black", "alpha": 0.45, "linewidth": 0}
    axes.add_patch(Rectangle(ground, wide, 30 / row_px, **dark))
    white: dict[str, Any] = {"facecolor": "white", "linewidth": 0, "gid": "scale-bar"}
    axes.add_patch(Rectangle((left, low - 4 / row_px), bar, 4 / row_px, **white, antialiased=False))
    axes.text(left, low - 8 / row_px, label, color="white", fontsize=8, va="bottom")


def _unit(rgb: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(n / 255 for n in rgb)


def _whole_width(count: int, width: int) -> int:
    return count * (width + GAP_PX) - GAP_PX
