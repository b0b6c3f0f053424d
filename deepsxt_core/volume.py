"""The values that travel through DeepSXT: volumes, scores, masks, and their voxel size.

All arrays are ordered (z, y, x).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import STORED_AXES, Axes, Geometry, Place, Region, VoxelSize
from deepsxt_core.parameters import Limits

__all__ = [
    "MARKED_CODE",
    "NOT_JUDGED_CODE",
    "SCORE_LEVELS",
    "Labels",
    "Mask",
    "Score",
    "Tag",
    "Threshold",
    "Volume",
    "VoxelSize",
    "as_shape",
    "require_order",
]

SCORE_LEVELS = 255
MARKED_CODE, NOT_JUDGED_CODE = 255, 1
"""Codes of masks beside those of scores: what is marked, what nobody has judged; 0 is neither."""

Threshold = Annotated[float, Limits(least=-1, below=1)]
"""Where a score is cut."""


def require_order(low: float | None, threshold: float) -> None:
    """Do nothing if a second threshold, if there is one, is not above the first.

    Raises
    ------
    InvalidParameterError
        If it is.
    """
    if low is not None and low > threshold:
        raise InvalidParameterError(
            f"low, the second threshold, must not be above the first, {threshold:g}: got {low:g}."
        )


@dataclass(frozen=True, slots=True)
class Tag:
    """What people call an object, its class, its colour, such as ``#d62728``, and how it came.

    Attributes
    ----------
    state : str or None
        Whether a person has looked at it: one of the states of an annotation.
    is_capped : bool or None
        Whether the program has closed it where its membrane is not seen; None if nobody knows.
    true_voxels : (low, high) or None
        Between what its true number of voxels lies, of a body that was grown.
    """

    name: str
    class_name: str
    colour: str
    state: str | None = None
    is_capped: bool | None = None
    true_voxels: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A tomogram on disk (or in memory) that is read slab by slab.

    Attributes
    ----------
    shape : tuple of int
        (z, y, x) in voxels.
    dtype : numpy.dtype
        As stored.
    voxel_size_nm : VoxelSize or None
        None where the file does not say.
    reader : callable
        ``reader(z0, z1)`` returns a new array (z1 - z0, y, x) of `dtype`; it opens and closes
        what it needs, so that a `Volume` may be kept, copied and used from any thread.
    path : Path or None
        The file it comes from.
    format : str
        Short name for people, such as ``"ImageJ TIFF"``.
    dataset : str or None
        Name inside the file, for formats that hold several.
    warnings : tuple of str
        What the reader had to assume, in sentences for people.
    origin_nm : tuple of float
        Position (z, y, x) of the first voxel in nm, where the format keeps one.
    axes : tuple of str
    first_voxel : tuple of float
        As in `Geometry`.
    tags : mapping of int to Tag
        What a label file calls its labels.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    voxel_size_nm: VoxelSize | None
    reader: Callable[[int, int], NDArray]
    path: Path | None = None
    format: str = "array"
    dataset: str | None = None
    warnings: tuple[str, ...] = ()
    origin_nm: Place = (0.0, 0.0, 0.0)
    axes: Axes = STORED_AXES
    first_voxel: Place = (0.0, 0.0, 0.0)
    tags: Mapping[int, Tag] = field(default_factory=dict, hash=False)

    @classmethod
    def from_array(cls, array: NDArray, voxel_size_nm: VoxelSize | None = None) -> Self:
        """Wrap an array (z, y, x), or (y, x) as one slice, already in memory."""
        stack = array[np.newaxis] if array.ndim == 2 else array
        if stack.ndim != 3 or 0 in stack.shape:
            raise InvalidParameterError(
                f"A volume needs a non-empty (z, y, x) or (y, x) array: got shape {array.shape}."
            )
        return cls(stack.shape, stack.dtype, voxel_size_nm, lambda z0, z1: stack[z0:z1].copy())

    def read(self, z0: int, z1: int) -> NDArray:
        """Return slices `z0` to `z1` (exclusive) as a new array (z1 - z0, y, x) of `dtype`.

        Raises
        ------
        InvalidParameterError
            If the range is empty or leaves the volume.
        """
        if not 0 <= z0 < z1 <= self.shape[0]:
            raise InvalidParameterError(
                f"Slices must satisfy 0 <= first < end <= {self.shape[0]}: got {z0}:{z1}."
            )
        return self.reader(z0, z1)

    def slabs(self, depth: int, z0: int = 0, z1: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield the (first, end) ranges that cut slices `z0` to `z1` into runs of `depth`."""
        end = self.shape[0] if z1 is None else z1
        for first in range(z0, end, depth):
            yield first, min(first + depth, end)

    @property
    def geometry(self) -> Geometry:
        """Where the voxels lie in space."""
        return Geometry(
            voxel_size_nm=self.voxel_size_nm,
            origin_nm=self.origin_nm,
            axes=self.axes,
            first_voxel=self.first_voxel,
        )

    @property
    def whole_origin_nm(self) -> Place:
        """Position (z, y, x) in nm of voxel 0 of the tomogram that the volume is cut from."""
        z, y, x = (
            place - index * edge
            for place, index, edge in zip(
                self.origin_nm, self.first_voxel, self.voxel_size_nm or (0.0,) * 3, strict=True
            )
        )
        return z, y, x

    def with_geometry(self, geometry: Geometry) -> Self:
        """Return the same voxels at another place."""
        return replace(
            self,
            voxel_size_nm=geometry.voxel_size_nm,
            origin_nm=geometry.origin_nm,
            axes=geometry.axes,
            first_voxel=geometry.first_voxel,
        )

    def with_voxel_size(self, voxel_size_nm: VoxelSize | None) -> Self:
        """Return the same volume with another voxel size; voxel 0 of the tomogram stays."""
        if voxel_size_nm is None:
            return replace(self, voxel_size_nm=None, origin_nm=(0.0, 0.0, 0.0))
        z, y, x = (
            place + index * edge
            for place, index, edge in zip(
                self.whole_origin_nm, self.first_voxel, voxel_size_nm, strict=True
            )
        )
        return replace(self, voxel_size_nm=voxel_size_nm, origin_nm=(z, y, x))


@dataclass(frozen=True, slots=True)
class Score:
    """The network's answer per voxel, kept as uint8 codes 0 to 255 for -1 to +1.

    Attributes
    ----------
    volume : Volume
        Codes (z, y, x), uint8. Its geometry is that of the volume that was scored, of which
        `first_slice` slices are left out; `placed` has its own.
    first_slice : int
        Index of the first scored slice in the volume that was scored.
    class_name : str or None
        What it marks, where its model names classes; membranes otherwise.
    """

    volume: Volume
    first_slice: int = 0
    class_name: str | None = None

    @property
    def placed(self) -> Volume:
        """The codes with the geometry of the first scored slice."""
        if not self.first_slice:
            return self.volume
        there = (self.volume.shape[0] + self.first_slice, *self.volume.shape[1:])
        part = self.volume.geometry.part(Region(z=(self.first_slice, None)), there)
        return self.volume.with_geometry(part)

    @staticmethod
    def encode(score: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Code scores in [-1, 1] as uint8, above 127 exactly where the score is above 0."""
        codes = np.rint((np.clip(score, -1.0, 1.0) + 1.0) * (SCORE_LEVELS / 2))
        return np.where(score > 0, np.maximum(codes, 128), np.minimum(codes, 127)).astype(np.uint8)

    @staticmethod
    def decode(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the scores in [-1, 1], float32, that the codes stand for."""
        return codes.astype(np.float32) * np.float32(2 / SCORE_LEVELS) - np.float32(1)

    @staticmethod
    def threshold_code(threshold: float) -> int:
        """Return the lowest code whose score lies above `threshold`.

        Raises
        ------
        InvalidParameterError
            If the threshold is not in [-1, 1).
        """
        if not -1 <= threshold < 1:
            raise InvalidParameterError(
                f"A threshold must be at least -1 and below 1: got {threshold}."
            )
        return math.floor((threshold + 1) * (SCORE_LEVELS / 2)) + 1

    def read_mask(self, z0: int, z1: int, threshold: float) -> NDArray[np.bool_]:
        """Return where slices `z0` to `z1` score above `threshold`, bool (z1 - z0, y, x)."""
        return self.volume.read(z0, z1) >= self.threshold_code(threshold)

    def positive_fraction(self, threshold: float) -> float:
        """Return the fraction of voxels that score above `threshold`, in [0, 1]."""
        masks = (self.read_mask(z0, z1, threshold) for z0, z1 in self.volume.slabs(1))
        return sum(int(np.count_nonzero(mask)) for mask in masks) / math.prod(self.volume.shape)


@dataclass(frozen=True, slots=True)
class Mask:
    """A yes or no per voxel.

    Attributes
    ----------
    volume : Volume
        Any integer or bool type (z, y, x); values above 0 mean yes, those below that a voxel was
        not judged.
    """

    volume: Volume

    def read_mask(self, z0: int, z1: int) -> NDArray[np.bool_]:
        """Return slices `z0` to `z1` as bool (z1 - z0, y, x)."""
        return self.volume.read(z0, z1) > 0


@dataclass(frozen=True, slots=True)
class Labels(Mask):
    """Objects that people know by their ids: an object is what has an id, whatever it touches.

    Attributes
    ----------
    volume : Volume
        Ids (z, y, x), 0 also where it is not judged what there is.
    tags : mapping of int to Tag
        By the ids in `volume`.
    not_judged : callable
        ``not_judged(z0, z1)`` returns where there is something that nobody has judged, bool
        (z1 - z0, y, x). It counts neither as found nor as missed.
    """

    tags: Mapping[int, Tag]
    not_judged: Callable[[int, int], NDArray[np.bool_]]


def require_slices(tomogram: Volume, part: Volume, first_slice: int) -> None:
    """Check that a tomogram holds the slices that a part was made of.

    Raises
    ------
    InvalidParameterError
        If it does not.
    """
    end = first_slice + part.shape[0]
    if tomogram.shape[1:] != part.shape[1:] or tomogram.shape[0] < end:
        raise InvalidParameterError(
            f"The tomogram of shape {tomogram.shape} does not hold the slices {first_slice} to "
            f"{end} of shape {part.shape[1:]}. Give the one that was segmented, cropped and binned "
            "alike."
        )


def as_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return `shape` as (z, y, x), a single slice counting as z = 1."""
    padded = (1,) * (3 - len(shape)) + tuple(int(n) for n in shape)
    return padded[-3], padded[-2], padded[-1]
