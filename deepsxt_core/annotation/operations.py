"""What can be done to an annotation, one frozen dataclass each, and how it is written as JSON.

An operation says what a user wants and holds no result: `resolving` turns it into changed voxels.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from deepsxt_core.annotation.body_operations import Click, Propose
from deepsxt_core.annotation.checks import (
    Checked,
    colour,
    different_ids,
    flag,
    from_fields,
    given,
    index,
    maybe,
    object_id,
    one_of,
    path,
    real,
    refuse,
    several,
    text,
    to_json,
    voxel,
    whole,
)
from deepsxt_core.annotation.objects import STATES
from deepsxt_core.annotation.review_operations import Judge, PlanReview
from deepsxt_core.annotation.strokes import Limits, Stroke, limits, plane, stroke
from deepsxt_core.errors import InvalidParameterError

_MOST_JSON_LETTERS = 1 << 26
_ANYWHERE = Limits()
_INTO_NOTHING = Limits(overwrite="empty")
_unit = one_of("voxel", "nm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint(Checked):
    """Give what a stroke covers to an object, which comes into being if there is none."""

    kind: ClassVar[str] = "paint"
    object: int = given(object_id)
    stroke: Stroke = given(stroke)
    limits: Limits = given(limits, _ANYWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(Checked):
    """Take what a stroke covers from its objects."""

    kind: ClassVar[str] = "erase"
    stroke: Stroke = given(stroke)
    limits: Limits = given(limits, _ANYWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSlice(Checked):
    """Give to an object the patch around a voxel: what joins it by edges in a slice.

    A patch is of one label, and within the limits.
    """

    kind: ClassVar[str] = "fill slice"
    object: int = given(object_id)
    seed: tuple[int, int, int] = given(voxel)
    plane: str = given(plane)
    limits: Limits = given(limits, _ANYWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillBox(Checked):
    """Give to an object what joins a voxel by faces, is of its label, and lies in a box.

    Attributes
    ----------
    first, end : (z, y, x)
        The box: its first voxel, and one beyond its last.
    """

    kind: ClassVar[str] = "fill box"
    object: int = given(object_id)
    seed: tuple[int, int, int] = given(voxel)
    first: tuple[int, int, int] = given(voxel)
    end: tuple[int, int, int] = given(voxel)
    limits: Limits = given(limits, _ANYWHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySlice(Checked):
    """Give to an object in one slice what it has in another."""

    kind: ClassVar[str] = "copy slice"
    object: int = given(object_id)
    plane: str = given(plane)
    source: int = given(index)
    target: int = given(index)
    limits: Limits = given(limits, _INTO_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolate(Checked):
    """Fill the slices between those that an object is drawn in.

    Between two drawn slices the signed distance to the outline changes evenly from one to the
    other (Herman, Zheng and Bucholtz 1992, https://doi.org/10.1109/38.135915).

    Attributes
    ----------
    first, last : int
        The slices among which the drawn ones are looked for.
    """

    kind: ClassVar[str] = "interpolate"
    object: int = given(object_id)
    plane: str = given(plane)
    first: int = given(index)
    last: int = given(index)
    limits: Limits = given(limits, _INTO_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Checked):
    """Remove objects and all their voxels."""

    kind: ClassVar[str] = "delete"
    objects: tuple[int, ...] = given(different_ids(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(Checked):
    """Make several objects one, with the id and the row of the first."""

    kind: ClassVar[str] = "merge"
    objects: tuple[int, ...] = given(different_ids(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(Checked):
    """Part an object at the neck between two voxels; the part of the first keeps the id.

    Necks are those of the watershed of the distance to the object's surface from both voxels.
    """

    kind: ClassVar[str] = "split"
    object: int = given(object_id)
    seeds: tuple[tuple[int, int, int], ...] = given(several(voxel, 2, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grow(Checked):
    """Give to an object all voxels within a distance of it."""

    kind: ClassVar[str] = "grow"
    object: int = given(object_id)
    radius: float = given(real(0, 1e6))
    unit: str = given(_unit, "voxel")
    limits: Limits = given(limits, _INTO_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink(Checked):
    """Take from an object all voxels within a distance of what is not of it."""

    kind: ClassVar[str] = "shrink"
    object: int = given(object_id)
    radius: float = given(real(0, 1e6))
    unit: str = given(_unit, "voxel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Smooth(Checked):
    """Give to an object each voxel around which it has more than half, and take the others.

    Around a voxel is a Gaussian whose standard deviation is the radius. Voxels that it gains
    were of no object, unless the limits say otherwise.
    """

    kind: ClassVar[str] = "smooth"
    object: int = given(object_id)
    radius: float = given(real(0, 1e6))
    unit: str = given(_unit, "voxel")
    limits: Limits = given(limits, _INTO_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult(Checked):
    """Add the objects of another result.

    Attributes
    ----------
    source : str
        Path of a score or a label file of the same tomogram.
    threshold : float
        Of a score.
    low : float, optional
        Its second threshold, as in `SourceParams`.
    separate : bool
        Whether each connected part of a label file is an object, or each of its values.
    min_voxels : int
        Smaller objects are left out.
    class_name : str, optional
        Of the new objects; None is *not judged*.
    """

    kind: ClassVar[str] = "merge result"
    source: str = given(path)
    threshold: float = given(real(-1, 1), 0.0)
    low: float | None = given(maybe(real(-1, 1)), None)
    separate: bool = given(flag, False)
    min_voxels: int = given(whole(1, 1 << 62), 1)
    class_name: str | None = given(maybe(text), None)
    limits: Limits = given(limits, _INTO_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditObjects(Checked):
    """Change rows of the table; what is left out stays."""

    kind: ClassVar[str] = "edit objects"
    objects: tuple[int, ...] = given(different_ids(1))
    name: str | None = given(maybe(text), None)
    colour: str | None = given(maybe(colour), None)
    class_name: str | None = given(maybe(text), None)
    state: str | None = given(maybe(one_of(*STATES)), None)
    locked: bool | None = given(maybe(flag), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditClass(Checked):
    """Add a class, or give it another colour or name; its objects go with it."""

    kind: ClassVar[str] = "edit class"
    name: str = given(text)
    colour: str | None = given(maybe(colour), None)
    rename: str | None = given(maybe(text), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveClass(Checked):
    """Remove a class; its objects are *not judged* after it."""

    kind: ClassVar[str] = "remove class"
    name: str = given(text)


Operation = (
    Paint
    | Erase
    | FillSlice
    | FillBox
    | Click
    | Propose
    | CopySlice
    | Interpolate
    | Delete
    | Merge
    | Split
    | Grow
    | Shrink
    | Smooth
    | MergeResult
    | EditObjects
    | EditClass
    | RemoveClass
    | PlanReview
    | Judge
)

OPERATIONS: dict[str, type[Operation]] = {made.kind: made for made in Operation.__args__}
"""The operations by the ``kind`` that they have in JSON."""


def operation_from_json(line: str | dict[str, Any]) -> Operation:
    """Read an operation from a line of JSON, or from the object in it.

    Raises
    ------
    InvalidParameterError
        If it is no operation, or a field is missing, unknown, or out of its range.
    """
    content: Any = line
    if isinstance(line, str):
        if len(line) > _MOST_JSON_LETTERS:
            raise InvalidParameterError(
                f"An operation has at most {_MOST_JSON_LETTERS} letters: got {len(line)}."
            )
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidParameterError(
                f"An operation must be an object of JSON: {error}."
            ) from None
    kind = content.get("kind") if isinstance(content, dict) else None
    made = OPERATIONS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise refuse("kind", f"one of {', '.join(OPERATIONS)}", kind)
    return from_fields(made, made.kind, {key: content[key] for key in content if key != "kind"})


def operation_to_json(operation: Operation) -> dict[str, Any]:
    """Return what `operation_from_json` reads."""
    return to_json(operation)
