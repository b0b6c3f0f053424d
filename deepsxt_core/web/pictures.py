"""Tomograms as people look at them: grey levels, a histogram, a result drawn over a slice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from deepsxt_core.export.scale_bar import label_font, scale_bar_length
from deepsxt_core.export.slice_picture import BOTH_RGB, ONLY_A_RGB, ONLY_B_RGB, RESULT_RGB
from deepsxt_core.preprocessing import Wedge
from deepsxt_core.preprocessing.sampling import sample_slices, shown_values
from deepsxt_core.volume import Volume

OVERLAY_RGB = RESULT_RGB
"""The colour of a result over a slice: warm, so that it stands out from grey."""

AGREEMENT_RGB = {"right": BOTH_RGB, "wrong": ONLY_A_RGB, "missed": ONLY_B_RGB}
"""Marked and true, marked alone, true alone: told apart by eyes that see no red or no green too."""

VOID_RGB = (86, 110, 255)
"""The colour of what was not measured: cold, so that it is no result."""

_UNKNOWN_SHADE = 0.35
_SURVEY_SLICES = 16
_SURVEY_PIXELS = 2**16
_SHOWN_PERCENTILES = (0.1, 99.9)
_HISTOGRAM_BINS = 96
_SPECTRUM_PX = 384


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at some slices tells about the values of a volume.

    Attributes
    ----------
    low, high : float
        Values to draw black and white; they differ, also for a constant volume.
    counts : numpy.ndarray
        Histogram of the values that count, int64, one per bin.
    edges : numpy.ndarray
        Limits of the bins, float64, one more than `counts`.
    finite_fraction : float
        Share of values that are neither NaN nor infinite.
    """

    low: float
    high: float
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    finite_fraction: float


def survey(volume: Volume) -> Survey:
    """Look at up to 16 slices spread through z, thinned within large slices."""
    _, height, width = volume.shape
    stride = max(1, round(np.sqrt(height * width / _SURVEY_PIXELS)))
    slices = sample_slices(volume, _SURVEY_SLICES)
    # Copied, as a view would keep the whole slice.
    planes = [image[::stride, ::stride].copy() for image in slices]
    finite = shown_values(planes).astype(np.float64)
    if finite.size == 0:
        return Survey(0.0, 1.0, np.zeros(1, np.int64), np.array([0.0, 1.0]), 0.0)
    low, high = (float(value) for value in np.percentile(finite, _SHOWN_PERCENTILES))
    if high <= low:
        high = low + 1
    counts, edges = np.histogram(finite, _HISTOGRAM_BINS, range=(low, high))
    known = float(np.mean([np.isfinite(plane).mean() for plane in planes]))
    return Survey(low, high, counts, edges, known)


def grey_codes(image: NDArray, low: float, high: float) -> NDArray[np.uint8]:
    """Map values to uint8, `low` to 0 and `high` to 255, clipped; NaN becomes 0."""
    scaled = (image.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255)).astype(np.uint8)


def overlay(
    grey: NDArray[np.uint8], score: NDArray[np.floating], threshold: float, opacity: float = 0.6
) -> NDArray[np.uint8]:
    """Draw where `score` (y, x) is above `threshold` over a grey slice; return RGB (y, x, 3)."""
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1).astype(np.float32)
    marked = score > threshold
    picture[marked] += (np.array(OVERLAY_RGB, np.float32) - picture[marked]) * opacity
    return np.rint(picture).astype(np.uint8)


def agreement(
    grey: NDArray[np.uint8],
    marked: NDArray[np.bool_],
    true: NDArray[np.bool_],
    unknown: NDArray[np.bool_],
    opacity: float = 0.65,
) -> NDArray[np.uint8]:
    """Draw where a mask and the truth agree, in `AGREEMENT_RGB`, over a grey slice; all (y, x).

    What nobody has judged is drawn darker. Returns RGB (y, x, 3).
    """
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1).astype(np.float32)
    parts = {"right": marked & true, "wrong": marked & ~true, "missed": true & ~marked}
    for name, part in parts.items():
        where = part & ~unknown
        picture[where] += (np.array(AGREEMENT_RGB[name], np.float32) - picture[where]) * opacity
    picture[unknown] *= _UNKNOWN_SHADE
    return np.rint(picture).astype(np.uint8)


def with_box(
    picture: NDArray[np.uint8], rows: tuple[int, int], columns: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return a grey (y, x) or RGB (y, x, 3) picture as RGB, dimmed outside of a framed box.

    `rows` and `columns` are the first and the end (exclusive) of what is inside.
    """
    rgb = picture if picture.ndim == 3 else np.repeat(picture[..., np.newaxis], 3, axis=-1)
    boxed = (rgb * 0.45).astype(np.uint8)
    inside = (slice(*rows), slice(*columns))
    boxed[inside] = rgb[inside]
    image = Image.fromarray(boxed)
    width = max(1, max(image.size) // 300)
    (top, bottom), (left, right) = rows, columns
    ImageDraw.Draw(image).rectangle(
        (left, top, right - 1, bottom - 1), outline=OVERLAY_RGB, width=width
    )
    return np.asarray(image)


def with_void(
    grey: NDArray[np.uint8], valid: NDArray[np.bool_], opacity: float = 0.45
) -> NDArray[np.uint8]:
    """Draw where a grey slice (y, x) is not valid in `VOID_RGB`; return RGB (y, x, 3)."""
    picture = np.repeat(grey[..., np.newaxis], 3, axis=-1).astype(np.float32)
    picture[~valid] += (np.array(VOID_RGB, np.float32) - picture[~valid]) * opacity
    return np.rint(picture).astype(np.uint8)


def wedge_picture(wedge: Wedge) -> NDArray[np.uint8]:
    """Return the power spectrum around the missing wedge as RGB, square, its edges drawn.

    The axis that is missing runs upwards. Without a wedge no edges are drawn.
    """
    low, high = np.percentile(wedge.spectrum, [2, 99.9])
    grey = Image.fromarray(grey_codes(wedge.spectrum, low, high if high > low else low + 1))
    image = grey.resize((_SPECTRUM_PX, _SPECTRUM_PX), Image.Resampling.BILINEAR).convert("RGB")
    if wedge.half_angle_deg:
        pen, middle = ImageDraw.Draw(image), _SPECTRUM_PX / 2
        step = middle * np.tan(np.radians(wedge.half_angle_deg))
        for sign in (-1, 1):
            pen.line(
                (middle - sign * step, 0, middle + sign * step, _SPECTRUM_PX),
                fill=OVERLAY_RGB,
                width=2,
            )
    return np.asarray(image)


def with_scale_bar(picture: NDArray[np.uint8], pixel_nm: float | None) -> NDArray[np.uint8]:
    """Return a grey (y, x) or RGB (y, x, 3) picture as RGB with a labelled bar at the lower left.

    `pixel_nm` is the edge of a pixel in nm. A picture too small for a label stays without.
    """
    image = Image.fromarray(picture).convert("RGB")
    margin, font_px = image.width // 40, max(10, image.width // 30)
    if image.height < 6 * font_px:
        return np.asarray(image)
    length, label = scale_bar_length(image.width, pixel_nm)
    pen = ImageDraw.Draw(image)
    bottom = image.height - margin
    pen.rectangle((margin, bottom - font_px // 4, margin + round(length) - 1, bottom), fill="white")
    pen.text(
        (margin, bottom - font_px // 2),
        label,
        fill="white",
        font=label_font(font_px),
        anchor="ls",
        stroke_width=1,
        stroke_fill="black",
    )
    return np.asarray(image)
