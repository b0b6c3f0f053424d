"""Where a hand has drawn: runs of voxels, the path of a brush, an outline.

Voxels are indices (z, y, x). Distances respect the edges of a voxel: a brush is round in space.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from deepsxt_core.annotation.checks import (
    FARTHEST_VOXEL,
    check_fields,
    different_ids,
    from_fields,
    given,
    index,
    interval,
    maybe,
    one_of,
    place,
    real,
    refuse,
    several,
)

PLANES = {"xy": 0, "xz": 1, "yz": 2}
"""The axis (of z, y, x) that each plane is cut across."""

plane = one_of(*PLANES)
_RUN_BYTES = 16
_run = several(index, 4, 4)
_corner = several(real(-FARTHEST_VOXEL, FARTHEST_VOXEL), 2, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStroke:
    """Exactly these voxels.

    Attributes
    ----------
    plane : {"xy", "xz", "yz"}
    runs : tuple of (slice, row, first, length)
        Index of the slice across the plane, row and first column in it, and how many voxels.
        Rows and columns are y and x in xy, z and x in xz, z and y in yz.
    """

    kind: ClassVar[str] = "runs"
    plane: str = given(plane)
    runs: tuple[tuple[int, int, int, int], ...] = given(several(_run, 1))

    def __post_init__(self) -> None:
        check_fields(self)
        if not all(length for *_, length in self.runs):
            raise refuse("runs", "runs of at least one voxel", self.runs)

    @classmethod
    def from_bytes(cls, plane: str, content: bytes) -> Self:
        """Read runs as four little-endian uint32 each, the way a browser sends many.

        Raises
        ------
        InvalidParameterError
            If the bytes are no whole runs.
        """
        if len(content) % _RUN_BYTES:
            raise refuse("runs", f"runs of {_RUN_BYTES} bytes", f"{len(content)} bytes")
        numbers = np.frombuffer(content, "<u4").reshape(-1, 4).tolist()
        return cls(plane=plane, runs=tuple(tuple(run) for run in numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Brush:
    """All voxels within a distance of a path.

    Attributes
    ----------
    points : tuple of (z, y, x)
        The path, from point to point in straight lines; a voxel's centre has whole numbers.
    radius : float
        Of the brush; at 0 or a little more, the nearest voxels of the path alone.
    unit : {"voxel", "nm"}
        Of the radius; ``"voxel"`` is the shortest edge of a voxel.
    plane : {"xy", "xz", "yz"}, optional
        Makes the brush a disc in the slice that all points lie in; else it is a ball.
    snap : float
        How far, in `unit`, each point of the path may go to the voxel of highest score, which
        is the middle of a membrane. 0 leaves the path as drawn.
    """

    kind: ClassVar[str] = "brush"
    points: tuple[tuple[float, float, float], ...] = given(several(place, 1, 100_000))
    radius: float = given(real(0, 1e6))
    unit: str = given(one_of("voxel", "nm"), "voxel")
    plane: str | None = given(maybe(plane), None)
    snap: float = given(real(0, 1e6), 0.0)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.plane is None:
            return
        axis = PLANES[self.plane]
        if len({round(point[axis]) for point in self.points}) > 1:
            raise refuse("points", f"in one slice of the plane {self.plane}", self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon:
    """All voxels of a slice whose centre lies inside an outline: a polygon, or a lasso.

    Attributes
    ----------
    plane : {"xy", "xz", "yz"}
    index : int
        Of the slice.
    corners : tuple of (row, column)
        The outline, closed from the last to the first; where it crosses itself, what it goes
        around twice is outside.
    """

    kind: ClassVar[str] = "polygon"
    plane: str = given(plane)
    index: int = given(index)
    corners: tuple[tuple[float, float], ...] = given(several(_corner, 3, 100_000))

    def __post_init__(self) -> None:
        check_fields(self)


Stroke = RunStroke | Brush | Polygon

_STROKES: dict[str, type[Stroke]] = {one.kind: one for one in (RunStroke, Brush, Polygon)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which voxels may change.

    Attributes
    ----------
    score : (float, float), optional
        The lowest and highest score, of -1 to 1; what was not scored does not change.
    grey : (float, float), optional
        The lowest and highest value of the tomogram.
    overwrite : {"all", "empty", "only"}
        Any voxel, those of no object, or those of the objects in `only`. Those of locked
        objects never change.
    only : tuple of int
        Ids, with ``overwrite="only"``.
    """

    score: tuple[float, float] | None = given(maybe(interval(-1, 1)), None)
    grey: tuple[float, float] | None = given(maybe(interval(-1e30, 1e30)), None)
    overwrite: str = given(one_of("all", "empty", "only"), "all")
    only: tuple[int, ...] = given(different_ids(0), ())

    def __post_init__(self) -> None:
        check_fields(self)
        if bool(self.only) != (self.overwrite == "only"):
            raise refuse("only", 'ids if, and only if, overwrite is "only"', self.only)


def stroke(name: str, value: Any) -> Stroke:
    """Check for a stroke, or an object of JSON with the name of one as its ``kind``."""
    if isinstance(value, Stroke):
        return value
    kind = value.get("kind") if isinstance(value, dict) else None
    made = _STROKES.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise refuse(name, f"a stroke of the kind {', '.join(_STROKES)}", value)
    return from_fields(made, name, {key: item for key, item in value.items() if key != "kind"})


def limits(name: str, value: Any) -> Limits:
    """Check for limits, or an object of JSON with their fields."""
    if isinstance(value, Limits):
        return value
    if not isinstance(value, dict):
        raise refuse(name, "an object", value)
    return from_fields(Limits, name, value)
