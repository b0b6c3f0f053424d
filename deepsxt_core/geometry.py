"""Where voxels lie in space: their size, the place of the first one, the way the axes run.

All triples are ordered (z, y, x): slices, rows, columns.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, cast, get_args

from deepsxt_core.errors import InvalidParameterError

Place = tuple[float, float, float]
Shape = tuple[int, int, int]
Axes = tuple[str, str, str]

Binning = Literal[1, 2, 4]

BINNINGS: tuple[Binning, ...] = get_args(Binning)
"""How many voxels can be averaged into one, along each axis."""

STORED_AXES: Axes = ("+z", "+y", "+x")

# Soft X-ray tomograms have voxels of 10 to 40 nm, the electron tomograms beside them of some nm.
# Programs that do not know the size write 1 Å, 1 nm or 1 µm.
_BELIEVABLE_NM = (1.0, 1000.0)
_LARGEST_ANISOTROPY = 4.0

_RANGE = re.compile(r"\s*([0-9]{0,9})\s*:\s*([0-9]{0,9})\s*")


class _Zyx(NamedTuple):
    z: float
    y: float
    x: float


class VoxelSize(_Zyx):
    """Edge lengths of a voxel in nm, ordered (z, y, x).

    Raises
    ------
    InvalidParameterError
        If a length is not a finite number above 0.
    """

    __slots__ = ()

    def __new__(cls, z: float, y: float, x: float) -> Self:  # noqa: D102
        lengths = (float(z), float(y), float(x))
        if not all(math.isfinite(length) and length > 0 for length in lengths):
            raise InvalidParameterError(
                f"A voxel size must be three finite numbers of nm above 0: got {lengths}. "
                "Leave it unset if it is not known."
            )
        return super().__new__(cls, *lengths)

    @classmethod
    def isotropic(cls, edge_nm: float) -> Self:
        """Return a cubic voxel of `edge_nm` nm."""
        return cls(edge_nm, edge_nm, edge_nm)


def doubts(voxel_size_nm: VoxelSize) -> tuple[str, ...]:
    """Return, in sentences for people, why a voxel size that a file claims may be wrong."""
    found = []
    low, high = _BELIEVABLE_NM
    strange = [edge for edge in voxel_size_nm if not low * 1.0001 < edge < high * 0.9999]
    if strange:
        found.append(
            f"The file claims a voxel of {strange[-1]:g} nm, which is often written where the size "
            "is not known; soft X-ray tomograms have 10 to 40 nm. Enter the true size if this is "
            "wrong."
        )
    if max(voxel_size_nm) > _LARGEST_ANISOTROPY * min(voxel_size_nm):
        z, y, x = voxel_size_nm
        found.append(
            f"The file claims a voxel of {z:g} x {y:g} x {x:g} nm (z, y, x), far from a cube, as "
            "it comes from a mistaken slice distance. Enter the true size if this is wrong."
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """All that is known about where the voxels of an array (z, y, x) lie.

    Attributes
    ----------
    voxel_size_nm : VoxelSize or None
        None where it is not known.
    origin_nm : tuple of float
        Position (z, y, x) of the centre of the first voxel in nm.
    axes : tuple of str
        Which way slices, rows and columns run in the space of the file, such as
        ``("+z", "+y", "+x")``; ``"-y"`` means that rows count y backwards.
    first_voxel : tuple of float
        Index (z, y, x) of the first voxel in the tomogram that the array is cut from, in
        voxels of the array; not whole where voxels were averaged.
    """

    voxel_size_nm: VoxelSize | None = None
    origin_nm: Place = (0.0, 0.0, 0.0)
    axes: Axes = STORED_AXES
    first_voxel: Place = (0.0, 0.0, 0.0)

    @property
    def is_mirrored(self) -> bool:
        """Whether the array, taken as (z, y, x), is a mirror image of what is in space."""
        ranks = ["zyx".index(axis[1]) for axis in self.axes]
        swaps = sum(a > b for i, a in enumerate(ranks) for b in ranks[i + 1 :])
        backwards = sum(axis[0] == "-" for axis in self.axes)
        return (swaps + backwards) % 2 == 1

    def part(self, region: "Region", shape: Shape) -> "Geometry":
        """Return the geometry of a region of an array of that shape."""
        starts = [first for first, _ in region.within(shape)]
        # Of a voxel that is the mean of several, the centre lies between theirs.
        steps = [start + (region.bin - 1) / 2 for start in starts]
        size = self.voxel_size_nm
        z, y, x = (
            (index + step) / region.bin for index, step in zip(self.first_voxel, steps, strict=True)
        )
        if size is None:
            return Geometry(axes=self.axes, first_voxel=(z, y, x))
        oz, oy, ox = (
            place + step * edge
            for place, step, edge in zip(self.origin_nm, steps, size, strict=True)
        )
        return Geometry(
            voxel_size_nm=VoxelSize(*(edge * region.bin for edge in size)),
            origin_nm=(oz, oy, ox),
            axes=self.axes,
            first_voxel=(z, y, x),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A box in a tomogram, and how many voxels in it are averaged into one.

    Attributes
    ----------
    z, y, x : (int, int or None)
        First voxel and end (exclusive) along each axis; None is the end of the tomogram.
    bin : {1, 2, 4}
        Voxels averaged along each axis; what does not fill a whole one at the end is left out.

    Raises
    ------
    InvalidParameterError
        If a range is empty or the binning is none of these.
    """

    z: tuple[int, int | None] = (0, None)
    y: tuple[int, int | None] = (0, None)
    x: tuple[int, int | None] = (0, None)
    bin: Binning = 1

    def __post_init__(self) -> None:
        if self.bin not in BINNINGS:
            raise InvalidParameterError(f"bin must be one of {BINNINGS}: got {self.bin!r}.")
        for axis in "zyx":
            first, end = getattr(self, axis)
            if first < 0 or (end is not None and end <= first):
                raise InvalidParameterError(
                    f"The range along {axis} must satisfy 0 <= first < end: got {first}:{end}."
                )

    @classmethod
    def parse(cls, crop: str | None, bin: int = 1) -> Self:
        """Read ranges as ``z0:z1,y0:y1,x0:x1``; an end that is left out is that of the tomogram.

        Raises
        ------
        InvalidParameterError
            If the text is something else.
        """
        if crop is None:
            return cls(bin=cast(Binning, bin))
        found = [_RANGE.fullmatch(part) for part in crop.split(",")]
        if len(found) != 3 or None in found:
            raise InvalidParameterError(
                "A crop is three ranges FIRST:END for z, y and x, for example "
                f"10:60,0:512,100:; got {crop!r}."
            )
        z, y, x = (
            (int(match[1] or 0), int(match[2]) if match[2] else None) for match in found if match
        )
        return cls(z=z, y=y, x=x, bin=cast(Binning, bin))

    @property
    def crop(self) -> str | None:
        """The ranges as text that `parse` reads; None if nothing is left out."""
        ranges = (self.z, self.y, self.x)
        if all(each == (0, None) for each in ranges):
            return None
        return ",".join(f"{first}:{'' if end is None else end}" for first, end in ranges)

    @property
    def is_whole(self) -> bool:
        """Whether this is the tomogram as it is."""
        return self.bin == 1 and self.crop is None

    def within(self, shape: Shape) -> tuple[tuple[int, int], ...]:
        """Return (first, end) along z, y, x in a tomogram of that shape, whole bins alone.

        Raises
        ------
        InvalidParameterError
            If a range reaches beyond the tomogram, or holds less than one voxel of the result.
        """
        ranges = []
        for axis, (first, end), length in zip("zyx", (self.z, self.y, self.x), shape, strict=True):
            stop = length if end is None else end
            if stop > length or first >= stop:
                raise InvalidParameterError(
                    f"The crop {first}:{'' if end is None else end} along {axis} does not lie in "
                    f"the tomogram, which has {length} voxels there."
                )
            count = (stop - first) // self.bin
            if count == 0:
                raise InvalidParameterError(
                    f"The crop {first}:{stop} along {axis} is too small to average {self.bin} "
                    "voxels into one. Bin less, or leave more in."
                )
            ranges.append((first, first + count * self.bin))
        return tuple(ranges)

    def in_whole(self, index: Place) -> Place:
        """Return where a place in the region, in its voxels (z, y, x), lies in the tomogram."""
        starts = (self.z[0], self.y[0], self.x[0])
        z, y, x = (
            start + (at + 0.5) * self.bin - 0.5 for start, at in zip(starts, index, strict=True)
        )
        return z, y, x

    def shape_of(self, shape: Shape) -> Shape:
        """Return the shape of the region of a tomogram of that shape."""
        z, y, x = ((end - first) // self.bin for first, end in self.within(shape))
        return z, y, x
