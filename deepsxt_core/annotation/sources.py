"""What an annotation can be made from: a score at a threshold, a label file, or nothing."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.checks import text
from deepsxt_core.annotation.numbering import Numbered, numbered_parts, numbered_values
from deepsxt_core.annotation.objects import MEMBRANE
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Shape
from deepsxt_core.io import is_score, open_score, open_volume
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Mask, Score, Threshold, Volume, require_order

Source = Score | Volume | Path | str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParams:
    """How objects are made of a result.

    Attributes
    ----------
    threshold : float
        Of a score; objects are its connected parts above it.
    low : float, optional
        A second threshold of a score (hysteresis): objects are its connected parts above this one
        that hold a voxel above the first. What is certain then keeps its faint ends.
    separate : bool
        Whether the connected parts of a label file are objects, or its values.
    min_voxels : int
        Smaller objects are left out.
    class_name : str
        Of all objects; a new one is added to the classes. What is "not judged" is in no surface.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or `low` is above `threshold`.
    """

    threshold: Threshold = 0.0
    low: Threshold | None = None
    separate: bool = False
    min_voxels: Annotated[int, Limits(least=1, unit="voxels")] = 1
    class_name: str = MEMBRANE

    def __post_init__(self) -> None:
        checked(self)
        require_order(self.low, self.threshold)
        text("class_name", self.class_name)


def opened(source: Source) -> Score | Volume:
    """Open a score or a label file, unless it is open already.

    Raises
    ------
    VolumeError
        If it cannot be read.
    """
    if isinstance(source, Score | Volume):
        return source
    return open_score(source) if is_score(source) else open_volume(source)


def path_of(source: Score | Volume) -> Path | None:
    """Return the file that a source comes from, if it comes from one."""
    return (source.volume if isinstance(source, Score) else source).path


def place_of(source: Score | Volume, shape: Shape, first_voxel: tuple[float, ...]) -> Box:
    """Return where a result lies among the voxels of a tomogram.

    Parameters
    ----------
    source : Score or Volume
    shape : (z, y, x)
        Of the tomogram.
    first_voxel : (z, y, x)
        Of the tomogram, as in `Geometry`.

    Raises
    ------
    InvalidParameterError
        If it does not lie inside, or a label file has another shape.
    """
    if isinstance(source, Volume):
        # A label file often does not say where it lies.
        volume, start = source, [0, 0, 0]
        fits = volume.shape == shape
    else:
        volume = source.volume
        steps = zip(volume.first_voxel, first_voxel, strict=True)
        start = [round(own - first) for own, first in steps]
        start[0] += source.first_slice
        fits = all(0 <= a <= n - m for a, n, m in zip(start, shape, volume.shape, strict=True))
    place = Box(*start, *(a + n for a, n in zip(start, volume.shape, strict=True)))
    if not fits:
        raise InvalidParameterError(
            f"The result has the shape {volume.shape} from voxel {place.first} on, and does not "
            f"fit the tomogram, whose shape is {shape}. Take a result of the same tomogram."
        )
    return place


def numbered(
    source: Score | Volume, params: SourceParams, place: Box, progress: Progress
) -> Numbered:
    """Return the objects of a result.

    Raises
    ------
    InvalidParameterError
        If there are more than 65,535, or the labels are no whole numbers.
    """
    if isinstance(source, Score):
        read_above = partial(_above, source, params.threshold)
        if params.low is None:
            return numbered_parts(read_above, place, params.min_voxels, progress)
        read_low = partial(_above, source, params.low)
        return numbered_parts(read_low, place, params.min_voxels, progress, read_above)
    if params.separate:
        return numbered_parts(Mask(source).read_mask, place, params.min_voxels, progress)
    return numbered_values(source, place, params.min_voxels, progress)


def _above(score: Score, threshold: float, z0: int, z1: int) -> NDArray[np.bool_]:
    return score.read_mask(z0, z1, threshold)
