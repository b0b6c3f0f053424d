"""What a picture or a moment of a film shows: a plane of a tomogram, or surfaces from somewhere."""

import math
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast

import numpy as np

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.io.pyramid import Axis
from deepsxt_core.parameters import Limits, checked

Place3 = tuple[float, float, float]
View = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneShot:
    """A plane of a tomogram with what lies over it.

    Attributes
    ----------
    axis : {"z", "y", "x"}
        The one that the plane lies across.
    index : int
        Of the plane.
    view : (row, column, row, column), optional
        The part that is shown, in voxels from the edge; all of it by default.
    look : FigureParams
    first : str or None
        The result that is shown, or A of a comparison, as the `Stage` names it.
    other : str or None
        B of a comparison.
    annotation : str or None
        Whose objects are shown.
    hidden : tuple of int
        Numbers of objects that are not shown.
    only : int
        The one object that is shown; 0 for all.
    """

    axis: Axis = "z"
    index: Annotated[int, Limits(least=0)] = 0
    view: View | None = None
    look: FigureParams = field(default_factory=FigureParams)
    first: str | None = None
    other: str | None = None
    annotation: str | None = None
    hidden: tuple[int, ...] = ()
    only: int = 0

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceShot:
    """Surfaces, seen by a camera whose picture is upright along -y, as that of a slice is.

    Attributes
    ----------
    surface : str
        As the `Stage` names it.
    position, target : (x, y, z)
        Where the camera is, and what it looks at, in the unit of the surfaces.
    half : float
        Half of the height that is seen at the target.
    is_parallel : bool
        Whether what is far is as large as what is near.
    paper : (red, green, blue)
        The background.
    hidden : tuple of int
        Numbers of objects that are not shown.
    """

    surface: str
    position: Place3
    target: Place3
    half: Annotated[float, Limits(above=0)]
    is_parallel: bool = True
    paper: tuple[
        Annotated[int, Limits(least=0, most=255)],
        Annotated[int, Limits(least=0, most=255)],
        Annotated[int, Limits(least=0, most=255)],
    ] = (255, 255, 255)
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checked(self)
        if self.position == self.target:
            raise InvalidParameterError("A camera must be elsewhere than what it looks at.")


Shot = PlaneShot | SurfaceShot


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFrame:
    """A view that a film comes by.

    Attributes
    ----------
    plane : PlaneShot or None
    surface : SurfaceShot or None
        One of both.
    seconds : float
        From here to the next one; the last one stays for so long.
    """

    plane: PlaneShot | None = None
    surface: SurfaceShot | None = None
    seconds: Annotated[float, Limits(least=0, most=60, unit="s")] = 2.0

    def __post_init__(self) -> None:
        checked(self)
        if (self.plane is None) == (self.surface is None):
            raise InvalidParameterError("A key frame is either of a plane or of surfaces.")

    @property
    def shot(self) -> Shot:
        """What it shows."""
        return cast(Shot, self.plane or self.surface)


@dataclass(frozen=True, slots=True)
class Blend:
    """A picture that turns into another one; `share` is that of the second."""

    one: Shot
    other: Shot
    share: float


Moment = Shot | Blend

_MOVING = ("black", "white", "opacity", "threshold", "other_threshold", "share", "label_opacity")
"""What of a look changes bit by bit; all else is seen or not."""


def between(one: Shot, other: Shot, share: float) -> Shot | None:
    """Return the shot on the way from one to the other; None where there is no way.

    There is one between planes across the same axis that show the same, and between cameras that
    look at the same.
    """
    if isinstance(one, PlaneShot) and isinstance(other, PlaneShot):
        return _between_planes(one, other, share)
    if isinstance(one, SurfaceShot) and isinstance(other, SurfaceShot):
        return _between_cameras(one, other, share)
    return None


def _between_planes(one: PlaneShot, other: PlaneShot, share: float) -> PlaneShot | None:
    moved = {name: getattr(other.look, name) for name in _MOVING}
    low = other.look.low
    still = (one.look.low is None, one.view is None) == (low is None, other.view is None)
    if not still or replace(
        one, index=other.index, view=other.view, look=replace(one.look, **moved, low=low)
    ) != replace(other, look=replace(other.look, width_px=one.look.width_px)):
        return None
    look: dict[str, Any] = {
        name: _mid(getattr(one.look, name), value, share) for name, value in moved.items()
    }
    if one.look.low is not None and low is not None:
        look["low"] = min(_mid(one.look.low, low, share), look["threshold"])
    view = other.view
    if one.view is not None and view is not None:
        part = _zoomed(one.view[3] - one.view[1], view[3] - view[1], share)
        r0, c0, r1, c1 = (_mid(a, b, part) for a, b in zip(one.view, view, strict=True))
        view = (r0, c0, r1, c1)
    index = round(_mid(one.index, other.index, share))
    return replace(one, index=index, view=view, look=replace(one.look, **look))


def _between_cameras(one: SurfaceShot, other: SurfaceShot, share: float) -> SurfaceShot | None:
    if (one.surface, one.hidden, one.is_parallel) != (
        other.surface,
        other.hidden,
        other.is_parallel,
    ):
        return None
    if share == 0 or one == other:
        return one
    part = _zoomed(one.half, other.half, share)
    a, b = (np.subtract(each.position, each.target) for each in (one, other))
    far = _mid(float(np.linalg.norm(a)), float(np.linalg.norm(b)), part)
    target = np.array([_mid(*ends, part) for ends in zip(one.target, other.target, strict=True)])
    x, y, z = target + far * _turned(a / np.linalg.norm(a), b / np.linalg.norm(b), share)
    red, green, blue = (round(_mid(*e, share)) for e in zip(one.paper, other.paper, strict=True))
    return replace(
        one,
        position=(float(x), float(y), float(z)),
        target=(float(target[0]), float(target[1]), float(target[2])),
        half=one.half * (other.half / one.half) ** share,
        paper=(red, green, blue),
    )


def _turned(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Return a direction on the way from one to another, round the upright axis and up or down.

    A camera that is upright goes round what it looks at, as a hand turns it, and never over it.
    """
    (round_a, up_a), (round_b, up_b) = (
        (math.atan2(v[0], v[2]), math.asin(float(np.clip(v[1], -1, 1)))) for v in (a, b)
    )
    way = (round_b - round_a + math.pi) % (2 * math.pi) - math.pi
    around, up = round_a + way * share, _mid(up_a, up_b, share)
    return np.array(
        [math.sin(around) * math.cos(up), math.sin(up), math.cos(around) * math.cos(up)]
    )


def _mid(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


def _zoomed(a: float, b: float, share: float) -> float:
    """Return how far corners have moved when a width has gone from one to another by factors.

    So a zoom is as fast at its end as at its beginning, and its centre stays where it is.
    """
    if a <= 0 or b <= 0 or math.isclose(a, b, rel_tol=1e-6):
        return share
    return (a * (b / a) ** share - a) / (b - a)
