"""What surfaces are made of, as its parameters take it."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.volume import Labels, Mask, Score, Volume

_SLAB_VOXELS = 1 << 24


def settled(
    source: Score | Mask, params: ReconstructParams
) -> tuple[Score | Mask, ReconstructParams]:
    """Return source and parameters that go together, `outside` taken into account.

    Raises
    ------
    InvalidParameterError
        If they do not go together, or if a mask has no voxel outside of its objects: what
        hangs together is the whole box then, and no object.
    """
    params = params.of(source)
    if isinstance(source, Labels):
        return source, params
    if isinstance(source, Mask):
        params = replace(params, low=None)
        if params.outside:
            _require_value(source.volume, params.outside)
            read = partial(_exchanged, source.volume, params.outside)
            source = replace(source, volume=replace(source.volume, reader=read))
            params = replace(params, outside=0)
        if not params.each_label:
            _require_outside(source)
    elif params.outside:
        raise InvalidParameterError("outside is for masks and label files: a score has none.")
    return source, params


def is_of_membranes(score: Score) -> bool:
    """Return whether a score marks membranes, which are sheets; other classes are bodies."""
    return score.class_name in (None, "membrane")


def called(source: Score | Mask, number: int) -> dict[str, Any]:
    """Return how an object is called in a row where its score names a class; nothing otherwise."""
    name = source.class_name if isinstance(source, Score) else None
    return {} if name is None else {"name": f"{name} {number}", "class_name": name}


def _require_value(volume: Volume, outside: int) -> None:
    if volume.dtype.kind in "iu" and not (
        np.iinfo(volume.dtype).min <= outside <= np.iinfo(volume.dtype).max
    ):
        raise InvalidParameterError(
            f"outside must be a value that the labels can have ({volume.dtype}): got {outside}."
        )


def _exchanged(volume: Volume, outside: int, z0: int, z1: int) -> NDArray:
    """Return slices with the value of what lies outside and 0 in each other's place."""
    values = volume.read(z0, z1)
    at_zero, at_outside = values == 0, values == outside
    values[at_zero] = outside
    values[at_outside] = 0
    return values


def _require_outside(mask: Mask) -> None:
    volume = mask.volume
    least = np.inf
    for z0, z1 in volume.slabs(max(1, _SLAB_VOXELS // (volume.shape[1] * volume.shape[2]))):
        values = volume.read(z0, z1)
        if not (values > 0).all():
            return
        least = min(least, float(values.min()))
    name = f"'{volume.path.name}'" if volume.path else "The mask"
    raise InvalidParameterError(
        f"{name} marks every voxel, none is 0: there is nothing outside of its objects, and the "
        f"surface would be a box. Where labels are counted from {least:g} and that is the "
        f"background, as in ilastik, give it as the value outside (outside, {least:g}); where each "
        "value is an object, say so (each_label)."
    )
