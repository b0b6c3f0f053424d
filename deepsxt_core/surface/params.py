"""What a user can choose about a reconstruction."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import VoxelSize
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.volume import Labels, Mask, Score, Threshold, require_order

_GROUPS = "a list of groups of at least two object ids, as [[2, 7], [3, 4]]"

VOLUME_BOUND: Final = 0.05
"""By what fraction finishing may change the volume of an object, from the cut to the last step.

Counting the voxels of a ball of 64 voxels, the smallest object that is kept by default, is itself
wrong by as much: 4.6 % (standard deviation over 400 random places). What smoothing and thinning
add stays below what the grid leaves open.
"""

SMALL_VOXELS: Final = 64
"""An object of fewer voxels tells how far its volume may be off, see `ObjectRow.volume_error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructParams:
    """How a score or a mask becomes surfaces.

    The defaults for smoothing were chosen by measuring known bodies: weak smoothing of the
    score together with 10 Taubin iterations gave the smallest errors of volume and area.

    Attributes
    ----------
    threshold : float
        Voxels that score above it count as membrane: the surface lies where the smoothed score
        crosses it. Lower finds more and lets more errors in, higher keeps only what is certain.
        Not used for a mask.
    low : float, optional
        A second threshold (hysteresis): the surface lies where the smoothed score crosses this
        one, and an object is what holds a voxel above the first. What is certain then keeps its
        faint ends, and what is faint throughout is left out. Not used for a mask.
    smoothing_voxels : float
        Width (standard deviation) of the smoothing of the score along each axis, so that noise
        leaves no roughness. More than 2 closes fine gaps and swallows thin details. 0 switches it
        off.
    close_gap_voxels : int
        Gaps in a membrane up to about twice as wide are closed, and dents as narrow with them;
        on a 0/1 mask the corners of the voxels' steps too, some per cent of a small body. 0
        switches it off.
    fill_lumens : bool
        Whether what an object encloses counts as its inside: a vesicle is then its membrane and
        its lumen. A lumen open to the border of the volume is not enclosed.
    split_voxels : float
        Bodies that touch are parted where they narrow: at a neck that is this many voxels
        closer to the surface than the middle of either part. Of use for solid bodies and filled
        vesicles; the plane of the cut takes half a voxel of volume. 0 switches it off.
    merge : tuple of tuple of int
        Groups of object ids that are one object, as ((2, 7), (3, 4)). The ids are those that the
        other parameters give without a merge; the group takes the smallest of them, and all
        other ids stay as they are.
    each_label : bool
        Whether each value of a label file is an object, with the value as its id, and neighbours
        share their boundary. `threshold` and `smoothing_voxels` have no effect then, and
        `close_gap_voxels` and `fill_lumens` are refused. Parts of a split label get ids above
        the highest value; thinned neighbours share their boundary within
        `decimate_error_voxels`. An annotation always is taken so. Not for a score.
    outside : int
        Value of a mask or a label file that lies outside of all objects: 1 where labels are
        counted from 1, as ilastik does, 255 where what is marked is dark. It changes places
        with 0. Not for a score.
    min_voxels : int
        Objects of fewer voxels are left out; most of them are noise.
    min_volume_um3 : float
        Objects of a smaller volume are left out; needs a known voxel size.
    taubin_iterations : int
        Rounds of Taubin smoothing, which takes the steps of the voxels out of the mesh; from 3 on
        they have an effect. After them the surface of
        a mask encloses the volume of its voxels, that of a score or of parted bodies what it
        enclosed before; an object that is too thin for that is smoothed less. 0 switches it off.
    decimate_to : float
        Fraction of the faces to keep; fewer make smaller files. 1 keeps them all.
    decimate_error_voxels : float
        Objects whose surface would move farther than this many voxel edges keep more faces.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or two do not go together.
    """

    threshold: Threshold = 0.0
    low: Threshold | None = None
    smoothing_voxels: Annotated[float, Limits(least=0, most=10, unit="voxels")] = 0.7
    close_gap_voxels: Annotated[int, Limits(least=0, most=5, unit="voxels")] = 0
    fill_lumens: bool = False
    split_voxels: Annotated[float, Limits(least=0, most=100, unit="voxels")] = 0.0
    merge: Annotated[tuple[tuple[int, ...], ...], Limits(least=1, form=_GROUPS)] = ()
    each_label: bool = False
    outside: int = 0
    min_voxels: Annotated[int, Limits(least=0, unit="voxels")] = 64
    min_volume_um3: Annotated[float, Limits(least=0, unit="µm³")] = 0.0
    taubin_iterations: Annotated[int, Limits(least=0, most=200, unit="rounds")] = 10
    decimate_to: Annotated[float, Limits(above=0, most=1)] = 1.0
    decimate_error_voxels: Annotated[float, Limits(above=0, unit="voxels")] = 0.5

    def __post_init__(self) -> None:
        checked(self)
        require_order(self.low, self.threshold)
        if self.each_label and (self.close_gap_voxels or self.fill_lumens):
            raise InvalidParameterError(
                "each_label, which an annotation always has, takes labels as they are: "
                "close_gap_voxels and fill_lumens do not go with it. Leave them out; for a label "
                "file, or leave out each_label, to take everything above 0 as one mask."
            )
        if any(len(set(group)) < 2 for group in self.merge):
            raise InvalidParameterError(f"merge must be {_GROUPS}: got {self.merge!r}.")

    @property
    def level(self) -> float:
        """Where the surface lies: the lower of the thresholds."""
        return self.threshold if self.low is None else self.low

    @property
    def above(self) -> str:
        """In words, where the score of objects lies."""
        faint = "" if self.low is None else f", with what is connected to it above {self.low:g}"
        return f"above {self.threshold:g}{faint}"

    def of(self, source: Score | Mask) -> Self:
        """Return the parameters for what surfaces are made of: ids that people know are kept.

        Raises
        ------
        InvalidParameterError
            If they do not go together with that.
        """
        return replace(self, each_label=True) if isinstance(source, Labels) else self

    def least_voxels(self, size: VoxelSize | None) -> float:
        """Return how many voxels of this size an object must have, 1 or more.

        Raises
        ------
        InvalidParameterError
            If `min_volume_um3` is used although the voxel size is not known.
        """
        if size is None:
            if self.min_volume_um3:
                raise InvalidParameterError(
                    f"min_volume_um3={self.min_volume_um3} needs a voxel size, and it is not "
                    "known. Enter the voxel size, or use min_voxels."
                )
            return max(self.min_voxels, 1)
        return max(self.min_voxels, self.min_volume_um3 / (math.prod(size) / 1e9), 1)
