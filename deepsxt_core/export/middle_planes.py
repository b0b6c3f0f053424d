"""The three planes through the middle of what was segmented, for a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.export.slice_figure import draw_figure
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.io.pyramid import AXES, PLANE_NAMES
from deepsxt_core.numerals import number_text
from deepsxt_core.progress import Progress
from deepsxt_core.surface.surfaces import ObjectRow
from deepsxt_core.volume import Labels, Mask, Score, Volume, require_slices

_SLAB = 16
_WINDOW_PERCENT = (0.5, 99.5)
_RESULT = "#ff7a1a"


@dataclass(frozen=True, slots=True)
class PlanePicture:
    """A drawn plane.

    Attributes
    ----------
    png : bytes
    title, caption : str
    """

    png: bytes
    title: str
    caption: str


def middle_planes(
    tomogram: Volume,
    source: Score | Mask,
    thresholds: tuple[float, float | None],
    objects: Sequence[ObjectRow],
    progress: Progress,
) -> list[PlanePicture]:
    """Draw the planes z, y and x through the middle of `source` with the outlines of its objects.

    The volume is read once, in slabs. The thresholds are those of a score, the second None for
    none.

    Raises
    ------
    InvalidParameterError
        If the source does not lie in the tomogram.
    """
    first = source.first_slice if isinstance(source, Score) else 0
    shape = source.volume.shape
    require_slices(tomogram, source.volume, first)
    progress.stage("Cutting planes", shape[0], "slice")
    grey = _cut(tomogram, first, shape, progress)
    known = np.concatenate([plane[np.isfinite(plane)] for plane in grey])
    black, white = np.percentile(known, _WINDOW_PERCENT) if known.size else (0.0, 1.0)
    threshold, low = thresholds
    params = FigureParams(
        black=float(black), white=float(white), style="outline", threshold=threshold, low=low,
        label_style="outline",
    )  # fmt: skip
    marked = _cut(source.volume, 0, shape, None)
    size = tomogram.voxel_size_nm
    drawn = []
    for place, axis in enumerate(AXES):
        inside = [n for n in range(3) if n != place]
        plane = FigurePlane(
            grey=grey[place],
            edges_nm=None if size is None else (size[inside[0]], size[inside[1]]),
            **_overlay(source, marked[place], objects),
        )
        index = shape[place] // 2 + (first if axis == "z" else 0)
        drawn.append(
            PlanePicture(
                draw_figure(plane, params),
                f"{PLANE_NAMES[axis]}, slice {index + 1} of {tomogram.shape[place]}",
                f"Grey values from {number_text(black)} (black) to {number_text(white)} (white); "
                "outlines: what was segmented.",
            )
        )
    return drawn


def _cut(
    volume: Volume, first: int, shape: tuple[int, int, int], progress: Progress | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle planes across z, y, x of a part of a volume, float64."""
    depth, height, width = shape
    across_y, across_x = np.empty((depth, width)), np.empty((depth, height))
    for z0 in range(0, depth, _SLAB):
        z1 = min(z0 + _SLAB, depth)
        slab = volume.read(first + z0, first + z1)
        across_y[z0:z1], across_x[z0:z1] = slab[:, height // 2], slab[:, :, width // 2]
        if z0 <= depth // 2 < z1:
            across_z = slab[depth // 2 - z0].astype(np.float64)
        if progress is not None:
            progress.advance(z1 - z0)
    return across_z, across_y, across_x


def _overlay(
    source: Score | Mask, values: NDArray[np.float64], objects: Sequence[ObjectRow]
) -> dict[str, Any]:
    if isinstance(source, Score):
        return {"codes": values}
    labels = np.maximum(values, 0).astype(np.int32)
    if isinstance(source, Labels):
        return {"labels": labels, "colours": {row.id: row.colour or _RESULT for row in objects}}
    return {"labels": (labels > 0).astype(np.int32), "colours": {1: _RESULT}}
