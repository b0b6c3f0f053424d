"""What a picture of a plane shows, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.volume import Threshold, require_order


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureParams:
    """How a plane is drawn.

    Attributes
    ----------
    width_px : int
        Width of the picture at 1×; its height follows from the part of the plane that is shown.
    ratio : int
        Pixels of the picture along a pixel at 1×. Letters and lines grow with it.
    black, white : float
        Values that are drawn black and white.
    invert : bool
        Whether they change places.
    style : {"fill", "outline", "score"}
        How a result is drawn: as an area, as a contour, or its values themselves.
    threshold : float
        Of the result.
    low : float or None
        The second threshold; what lies between the two is drawn lighter.
    opacity : float
        Of the result.
    label_style : {"fill", "outline"}
        How the objects of an annotation are drawn.
    label_opacity : float
        Of the objects.
    compare : {"none", "difference", "swipe", "side"}
        How the result, A, is compared with another one, B: in false colour, A left and B right of
        a line, or beside each other.
    other_threshold : float
        Of B.
    share : float
        Of the width that lies left of the line.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range, or `low` is above `threshold`.
    """

    width_px: Annotated[int, Limits(least=64, most=2400, unit="px")] = 800
    ratio: Annotated[int, Limits(least=1, most=4)] = 1
    black: float = 0.0
    white: float = 1.0
    invert: bool = False
    style: Literal["fill", "outline", "score"] = "fill"
    threshold: Threshold = 0.0
    low: Threshold | None = None
    opacity: Annotated[float, Limits(least=0, most=1)] = 0.6
    label_style: Literal["fill", "outline"] = "fill"
    label_opacity: Annotated[float, Limits(least=0, most=1)] = 0.55
    compare: Literal["none", "difference", "swipe", "side"] = "none"
    other_threshold: Threshold = 0.0
    share: Annotated[float, Limits(least=0, most=1)] = 0.5

    def __post_init__(self) -> None:
        checked(self)
        require_order(self.low, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePlane:
    """What there is in a plane; all arrays (rows, columns) of the same voxels.

    Attributes
    ----------
    grey : ndarray
        Values, NaN where there is none.
    edges_nm : (row, column) or None
        Of a voxel; None where it is not known.
    codes : ndarray, optional
        Of a score, float, NaN where nothing was scored.
    labels : ndarray, optional
        Ids of objects, 0 for none.
    colours : mapping of int to str
        Of the objects that are shown.
    view : (row, column, row, column), optional
        The part that is shown, in voxels from the edge; all of it by default.
    other : ndarray, optional
        Codes of what the score is compared with.
    is_beyond : bool
        Whether what the view shows beside the plane is drawn dark; else it is left out.
    """

    grey: NDArray
    edges_nm: tuple[float, float] | None
    codes: NDArray | None = None
    labels: NDArray | None = None
    colours: Mapping[int, str] = field(default_factory=dict)
    view: tuple[float, float, float, float] | None = None
    other: NDArray | None = None
    is_beyond: bool = False

    @property
    def shown(self) -> tuple[float, float, float, float]:
        """The part that is shown, as the picture has it."""
        return self.view if self.is_beyond and self.view else self.within

    @property
    def within(self) -> tuple[float, float, float, float]:
        """The part that is shown, within the plane.

        Raises
        ------
        InvalidParameterError
            If nothing of the plane is in it.
        """
        rows, columns = self.grey.shape
        r0, c0, r1, c1 = self.view or (0, 0, rows, columns)
        r0, c0, r1, c1 = max(r0, 0.0), max(c0, 0.0), min(r1, rows), min(c1, columns)
        if not (r0 < r1 and c0 < c1):
            raise InvalidParameterError(f"Nothing of the plane is in view {self.view}.")
        return r0, c0, r1, c1
