"""What a field of an operation may hold: each check takes anything and returns it as its type.

Operations come from browsers and files, so that nothing about them is taken for granted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from deepsxt_core.errors import InvalidParameterError

Check = Callable[[str, Any], Any]
Found = TypeVar("Found")

MOST_IDS = 65_535
FARTHEST_VOXEL = 1 << 24
_MOST_ITEMS = 1_000_000
_MOST_LETTERS = 200
_MOST_PATH_LETTERS = 4096
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def given(check: Check, default: Any = MISSING) -> Any:
    """Return a field of a dataclass whose value goes through `check` in `check_fields`."""
    return field(default=default, metadata={"check": check})


def check_fields(value: Any) -> None:
    """Replace each field that `given` made by what its check returns.

    Raises
    ------
    InvalidParameterError
        If a field does not hold what it should.
    """
    for one in fields(value):
        check = one.metadata.get("check")
        if check is not None:
            object.__setattr__(value, one.name, check(one.name, getattr(value, one.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An operation: all its fields have been checked."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        check_fields(self)


def from_fields(made: type[Found], name: str, content: Mapping[str, Any]) -> Found:
    """Return a dataclass made of the fields of an object of JSON.

    Raises
    ------
    InvalidParameterError
        If a field is missing or unknown, or does not hold what it should.
    """
    known = fields(made)  # type: ignore[arg-type]
    unknown = sorted(set(content) - {one.name for one in known})
    if unknown:
        raise InvalidParameterError(f"{name} has no field {unknown[0]!r}.")
    needed = {one.name for one in known if one.default is MISSING}
    missing = sorted(needed - set(content))
    if missing:
        raise InvalidParameterError(f"{name} needs the field {missing[0]!r}.")
    return made(**content)


def to_json(value: Any) -> Any:
    """Return a checked value as JSON holds it; fields that have their default are left out."""
    if is_dataclass(value):
        found = {"kind": value.kind} if hasattr(value, "kind") else {}
        for one in fields(value):
            held = getattr(value, one.name)
            if held != one.default:
                found[one.name] = to_json(held)
        return found
    return [to_json(item) for item in value] if isinstance(value, tuple) else value


def refuse(name: str, expected: str, value: object) -> InvalidParameterError:
    """Return the error for a field that holds something else than expected."""
    shown = repr(value)
    if len(shown) > 80:
        shown = f"{shown[:77]}..."
    return InvalidParameterError(f"{name} must be {expected}: got {shown}.")


def whole(low: int, high: int) -> Check:
    """Return the check for a whole number from `low` to `high`."""

    def check(name: str, value: Any) -> int:
        if (
            isinstance(value, bool)
            or not isinstance(value, Integral)
            or not low <= int(value) <= high
        ):
            raise refuse(name, f"a whole number from {low} to {high}", value)
        return int(value)

    return check


def real(low: float, high: float) -> Check:
    """Return the check for a number from `low` to `high`."""

    def check(name: str, value: Any) -> float:
        # Not as float at once: a whole number may be too large for one.
        number: Any = value
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= number <= high:
            raise refuse(name, f"a number from {low:g} to {high:g}", value)
        return float(value)

    return check


def one_of(*choices: str) -> Check:
    """Return the check for one of some words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise refuse(name, f"one of {', '.join(choices)}", value)
        return value

    return check


def flag(name: str, value: Any) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise refuse(name, "true or false", value)
    return value


def text(name: str, value: Any) -> str:
    """Check for a name on one line."""
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > _MOST_LETTERS
        or not value.isprintable()
    ):
        raise refuse(name, f"one line of 1 to {_MOST_LETTERS} letters", value)
    return value


def path(name: str, value: Any) -> str:
    """Check for the path of a file."""
    if isinstance(value, Path):
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_PATH_LETTERS or "\0" in value:
        raise refuse(name, f"a path of 1 to {_MOST_PATH_LETTERS} letters", value)
    return value


def colour(name: str, value: Any) -> str:
    """Check for a colour such as ``#d62728``."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise refuse(name, "a colour such as #d62728", value)
    return value.lower()


def maybe(check: Check) -> Check:
    """Return the check that lets None pass."""
    return lambda name, value: None if value is None else check(name, value)


def several(check: Check, least: int = 0, most: int = _MOST_ITEMS) -> Check:
    """Return the check for a list, each item of which passes `check`."""

    def check_all(name: str, value: Any) -> tuple:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise refuse(name, f"a list of {count}", value)
        return tuple(check(f"{name}[{i}]", item) for i, item in enumerate(value))

    return check_all


def interval(low: float, high: float) -> Check:
    """Return the check for two numbers, the lower first."""
    pair = several(real(low, high), 2, 2)

    def check(name: str, value: Any) -> tuple[float, float]:
        first, last = pair(name, value)
        if first > last:
            raise refuse(name, "two numbers, the lower first", value)
        return first, last

    return check


object_id = whole(1, MOST_IDS)
index = whole(0, FARTHEST_VOXEL)
voxel = several(index, 3, 3)
place = several(real(-FARTHEST_VOXEL, FARTHEST_VOXEL), 3, 3)


def different_ids(least: int) -> Check:
    """Return the check for a list of at least so many ids, none of them twice."""
    listed = several(object_id, least, MOST_IDS)

    def check(name: str, value: Any) -> tuple[int, ...]:
        ids = listed(name, value)
        if len(set(ids)) < len(ids):
            raise refuse(name, "ids of which none is there twice", value)
        return ids

    return check
