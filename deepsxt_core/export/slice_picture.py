"""The pixels of a plane: grey values, and what lies over them as areas."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.volume import SCORE_LEVELS, Score

RESULT_RGB = (255, 122, 26)
FAINT_RGB = (255, 214, 170)
ONLY_A_RGB = (242, 120, 40)
ONLY_B_RGB = (86, 150, 255)
BOTH_RGB = (46, 178, 130)
"""What two results mark alone and together: told apart by eyes that see no red or no green too."""

_ROWS_AT_ONCE = 256
_UNSCORED_SHADE = 0.6
_NOTHING_RGB = (23, 33, 41)
_BESIDE_RGB = (10, 15, 17)


def of_b(params: FigureParams) -> FigureParams:
    """Return how B of a comparison is drawn where it stands alone."""
    return replace(params, threshold=params.other_threshold, low=None, compare="none")


def draw_pixels(
    plane: FigurePlane, params: FigureParams, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return the part in view with its areas, as RGB (height, width, 3).

    Parameters
    ----------
    size : (width, height)
        In pixels.
    """
    if not plane.is_beyond:
        return _within(plane, params, size, params.share)
    (r0, c0, r1, c1), (t, left, b, right) = plane.shown, plane.within
    x0, x1 = (round((c - c0) / (c1 - c0) * size[0]) for c in (left, right))
    y0, y1 = (round((r - r0) / (r1 - r0) * size[1]) for r in (t, b))
    whole = np.full((size[1], size[0], 3), _BESIDE_RGB, np.uint8)
    if x1 > x0 and y1 > y0:
        share = float(np.clip((params.share * size[0] - x0) / (x1 - x0), 0, 1))
        whole[y0:y1, x0:x1] = _within(plane, params, (x1 - x0, y1 - y0), share)
    return whole


def _within(
    plane: FigurePlane, params: FigureParams, size: tuple[int, int], share: float
) -> NDArray[np.uint8]:
    r0, c0, r1, c1 = plane.within
    box = (c0, r0, c1, r1)
    per_voxel = min(size[0] / (c1 - c0), size[1] / (r1 - r0))
    # Voxels as they are where they are large, as in the viewer; Pillow averages where smaller.
    smooth = Image.Resampling.NEAREST if per_voxel >= 3 else Image.Resampling.BILINEAR
    nearest = Image.Resampling.NEAREST

    def resized(values: NDArray, how: Image.Resampling = nearest) -> NDArray:
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
    if none.any():
        picture[resized(none.astype(np.uint8)) > 0] = _NOTHING_RGB
    if plane.codes is not None:
        codes = resized(plane.codes.astype(np.float32))
        if plane.other is None:
            _paint(picture, codes, params)
        else:
            _compare(picture, codes, resized(plane.other.astype(np.float32)), params, share)
    if plane.labels is not None and params.label_style == "fill":
        ids = resized(plane.labels.astype(np.int32))
        for number, name in plane.colours.items():
            rgb = np.array([int(name[n : n + 2], 16) for n in (1, 3, 5)], np.float32)
            _mix(picture, ids == number, rgb, params.label_opacity)
    return picture


def _compare(
    picture: NDArray[np.uint8], a: NDArray, b: NDArray, params: FigureParams, share: float
) -> None:
    if params.compare == "difference":
        _dark(picture, np.isnan(a) | np.isnan(b))
        if params.style != "outline":
            for where, rgb in zip(agreement(a, b, params), _COLOURS, strict=True):
                _mix(picture, where, np.array(rgb, np.float32), params.opacity)
        return
    line = round(share * picture.shape[1])
    _paint(picture[:, :line], a[:, :line], params)
    _paint(picture[:, line:], b[:, line:], of_b(params))


_COLOURS = (ONLY_A_RGB, ONLY_B_RGB, BOTH_RGB)


def agreement(a: NDArray, b: NDArray, params: FigureParams) -> tuple[NDArray[np.bool_], ...]:
    """Return where A alone, B alone and both mark something; what is not known of both is left out.

    Parameters
    ----------
    a, b : ndarray
        Codes of scores, NaN where nothing is known.
    """
    known = np.isfinite(a) & np.isfinite(b)
    in_a = known & (a >= Score.threshold_code(params.threshold))
    in_b = known & (b >= Score.threshold_code(params.other_threshold))
    return in_a & ~in_b, in_b & ~in_a, in_a & in_b


def _paint(picture: NDArray[np.uint8], codes: NDArray, params: FigureParams) -> None:
    _dark(picture, np.isnan(codes))
    for where, colour in _areas(codes, params):
        _mix(picture, where, colour, params.opacity)


def _dark(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> None:
    _mix(picture, where, np.zeros(3, np.float32), 1 - _UNSCORED_SHADE)


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
