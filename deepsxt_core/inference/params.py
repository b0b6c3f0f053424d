"""What a user can choose about a segmentation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self, get_args

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Binning, Region
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.preprocessing.validity import VoidRule

Tiling = Literal["full", "compat"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]
Rotations = Literal[1, 4, 8]

TILINGS: tuple[Tiling, ...] = get_args(Tiling)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
ROTATIONS: tuple[Rotations, ...] = get_args(Rotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentParams:
    """How a tomogram is segmented.

    Attributes
    ----------
    z0 : int
        First slice of what `crop` and `bin` leave.
    z1 : int or None
        Slice after the last of what `crop` and `bin` leave; left out, all that follow are taken.
    crop : str or None
        Ranges along z, y, x of what is kept, such as ``"10:60,0:512,100:"``; see `Region`.
    bin : {1, 2, 4}
        Voxels that are averaged into one along each axis, after the crop.
    rescale : bool
        Whether slices are shown to the network at a pixel size that it knows, where theirs is
        far off; the score has the pixels of the tomogram again. Not with "compat".
    tiling : {"full", "compat"}
        "full" cuts a slice only where it must, with a halo; "compat" normalises, cuts and
        averages as the published software does.
    precision : {"auto", "float32", "float16", "bfloat16"}
        Of the network's arithmetic. "auto" takes less than float32 where the device gains by it
        and the scores agree.
    rotations : {1, 4, 8}
        Test-time augmentation: scores are averaged over this many rotations (4) and
        mirrored rotations (8) of a slice, for four and eight times the work. Four raise the
        bundled model's F1 by 0.003 to 0.009 on what it was not trained on (model card).
    invert : bool or None
        Whether membranes are brighter than their surroundings; left out, the grey values decide.
    void : bool
        Whether voxels where nothing was measured are left out: regions of one value that reach
        the border of a slice, such as those around a round or an aligned reconstruction, and
        regions of NaN. Nothing is marked there, and they decide nothing. Switched off, all
        voxels are data. Not with "compat".
    void_value : float or None
        Grey value of the voxels where nothing was measured, wherever they lie; left out, they
        are found.

    Raises
    ------
    InvalidParameterError
        If a value is none of these.
    """

    z0: Annotated[int, Limits(least=0)] = 0
    z1: Annotated[int | None, Limits(least=1)] = None
    crop: str | None = None
    bin: Binning = 1
    rescale: bool = True
    tiling: Tiling = "full"
    precision: Precision = "auto"
    rotations: Rotations = 1
    invert: bool | None = None
    void: bool = True
    void_value: float | None = None

    def __post_init__(self) -> None:
        checked(self)
        if self.z1 is not None and self.z1 <= self.z0:
            raise InvalidParameterError(
                f"The slices must satisfy 0 <= first < end: got {self.z0}:{self.z1}."
            )
        # Spelt in one way, so that the same wish is known again.
        object.__setattr__(self, "crop", self.region.crop)

    @property
    def void_rule(self) -> VoidRule:
        """Which voxels count."""
        return VoidRule(self.void, self.void_value)

    @property
    def region(self) -> Region:
        """The part of the tomogram that is segmented, slices aside."""
        return Region.parse(self.crop, self.bin)

    def settled(self, known: Mapping[str, Any]) -> Self:
        """Return the same with what was settled for one tomogram, where nothing is said here."""
        usual = type(self)()
        missing = {
            name: value
            for name, value in known.items()
            if getattr(self, name) == getattr(usual, name)
        }
        return replace(self, **missing)

    def z_range(self, depth: int) -> tuple[int, int]:
        """Return (first, end) within a volume of `depth` slices.

        Raises
        ------
        InvalidParameterError
            If the range leaves the volume.
        """
        z1 = depth if self.z1 is None else self.z1
        if z1 > depth:
            raise InvalidParameterError(
                f"The tomogram has {depth} slices; {self.z0}:{z1} reaches beyond the last."
            )
        if self.z0 >= z1:
            raise InvalidParameterError(
                f"The tomogram has {depth} slices; it has none from {self.z0} on."
            )
        return self.z0, z1
