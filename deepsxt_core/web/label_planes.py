"""Planes of an annotation, whole or in part, at any zoom level."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import Annotation, Box
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io.pyramid import AXES, level_shapes
from deepsxt_core.web.asked_planes import number_in
from deepsxt_core.web.responses import HttpError


def plane_of(
    annotation: Annotation, across: int, index: int, level: int, query: Mapping[str, str]
) -> NDArray[np.uint16]:
    """Return the ids of a plane, or of the part that a query names, uint16 (rows, columns).

    Raises
    ------
    InvalidParameterError
        If there is no such level, or the part is empty.
    HttpError
        If there is no such plane.
    """
    shapes = level_shapes(annotation.shape)
    if level >= len(shapes):
        raise InvalidParameterError(f"There are levels 0 to {len(shapes) - 1}: got {level}.")
    shape, step = shapes[level], 1 << level
    if index >= shape[across]:
        raise HttpError(404, f"There are planes 0 to {shape[across] - 1} across {AXES[across]}.")
    first, end = [0, 0, 0], list(shape)
    first[across], end[across] = index, index + 1
    for name, other in zip(("rows", "columns"), (n for n in range(3) if n != across), strict=True):
        if name in query:
            first[other], end[other] = _range(name, query[name], shape[other])
    # Of a coarser level, each pixel shows the first of its voxels.
    box = Box(*(n * step for n in first), *((n - 1) * step + 1 for n in end))
    labels = annotation.read_box(box)[::step, ::step, ::step]
    return labels.squeeze(across)


def _range(name: str, text: str, most: int) -> tuple[int, int]:
    first, _, end = text.partition(":")
    low, high = number_in(name, {name: first}), number_in(name, {name: end})
    if not low < high <= most:
        raise InvalidParameterError(
            f"{name} must be a range first:end within {most}: got {text[:40]!r}."
        )
    return low, high
