"""What a user can choose about a reconstruction."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import VoxelSize

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
        The surface lies where the smoothed score crosses it; in [-1, 1). Not used for a mask.
    smoothing_voxels : float
        Width (standard deviation) of the smoothing of the score, along each axis in voxels.
        0 switches it off.
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
        `decimate_error_voxels`. Not for a score.
    min_voxels : int
        Objects of fewer voxels are left out.
    min_volume_um3 : float
        Objects of a smaller volume in µm³ are left out; needs a known voxel size.
    taubin_iterations : int
        Rounds of smoothing of the mesh; from 3 on they have an effect. After them the surface of
        a mask encloses the volume of its voxels, that of a score or of parted bodies what it
        enclosed before; an object that is too thin for that is smoothed less. 0 switches it off.
    decimate_to : float
        Fraction of the faces to keep, in (0, 1]. 1 keeps them all.
    decimate_error_voxels : float
        Objects whose surface would move farther than this many voxel edges keep more faces.
    """

    threshold: float = 0.0
    smoothing_voxels: float = 0.7
    close_gap_voxels: int = 0
    fill_lumens: bool = False
    split_voxels: float = 0.0
    merge: tuple[tuple[int, ...], ...] = ()
    each_label: bool = False
    min_voxels: int = 64
    min_volume_um3: float = 0.0
    taubin_iterations: int = 10
    decimate_to: float = 1.0
    decimate_error_voxels: float = 0.5

    def __post_init__(self) -> None:
        if not -1 <= self.threshold < 1:
            raise InvalidParameterError(
                f"threshold must be at least -1 and below 1: got {self.threshold}."
            )
        if not 0 <= self.smoothing_voxels <= 10:
            raise InvalidParameterError(
                f"smoothing_voxels must lie between 0 (off) and 10: got {self.smoothing_voxels}."
            )
        if not 0 <= self.close_gap_voxels <= 5:
            raise InvalidParameterError(
                f"close_gap_voxels must lie between 0 (off) and 5: got {self.close_gap_voxels}."
            )
        if self.each_label and (self.close_gap_voxels or self.fill_lumens):
            raise InvalidParameterError(
                "each_label takes labels as they are: close_gap_voxels and fill_lumens do not go "
                "with it. Leave them out, or each_label, to take everything above 0 as one mask."
            )
        if not 0 <= self.split_voxels <= 100:
            raise InvalidParameterError(
                f"split_voxels must lie between 0 (off) and 100: got {self.split_voxels}."
            )
        object.__setattr__(self, "merge", _checked_groups(self.merge))
        if self.min_voxels < 0:
            raise InvalidParameterError(f"min_voxels must be 0 or more: got {self.min_voxels}.")
        if not (self.min_volume_um3 >= 0 and math.isfinite(self.min_volume_um3)):
            raise InvalidParameterError(
                f"min_volume_um3 must be a number of µm³, 0 or more: got {self.min_volume_um3}."
            )
        if not 0 <= self.taubin_iterations <= 200:
            raise InvalidParameterError(
                f"taubin_iterations must lie between 0 (off) and 200: got {self.taubin_iterations}."
            )
        if not 0 < self.decimate_to <= 1:
            raise InvalidParameterError(
                "decimate_to is the fraction of faces to keep, above 0 and at most 1 (all): "
                f"got {self.decimate_to}."
            )
        if not self.decimate_error_voxels > 0:
            raise InvalidParameterError(
                f"decimate_error_voxels must be above 0: got {self.decimate_error_voxels}."
            )

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


def _checked_groups(groups: Iterable[Iterable[int]]) -> tuple[tuple[int, ...], ...]:
    """Return groups of ids as tuples: recipes and job files hold lists."""
    try:
        checked = tuple(tuple(int(each) for each in group) for group in groups)
    except (TypeError, ValueError):
        checked = ((),)
    if any(len(set(group)) < 2 or min(group) < 1 for group in checked):
        raise InvalidParameterError(
            "merge must hold groups of at least two object ids, as [[2, 7], [3, 4]]: got "
            f"{groups!r}."
        )
    return checked
