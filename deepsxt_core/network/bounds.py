"""What a network may have at most, and checks of values that anybody may have written."""

import re
import reprlib
from collections.abc import Sequence

from deepsxt_core.errors import InvalidParameterError

# Far beyond any network that is of use here, and small enough to be built within a minute.
MOST_FILTERS = 4096
LARGEST_KERNEL = 31
MOST_STAGES = 8
MOST_REPEATS = 32
MOST_BRANCHES = 16
LARGEST_FACTOR = 8
MOST_CONTEXT = 8
LARGEST_DIVISOR = 1024
LARGEST_PIXEL_NM = 1e6
MOST_CONVOLUTIONS = 600
MOST_PARAMETERS = 250_000_000
# As many as fit into a byte beside the mark of what nobody has judged.
MOST_CLASSES = 7
# Fit for the name of a file.
_CLASS = re.compile(r"\w[\w \-]{0,38}\w|\w")


def check_whole(least: int, most: int, **values: int) -> None:
    """Raise unless all values are whole numbers within the bounds.

    Raises
    ------
    TypeError
        If one is no whole number; `True` and 4.0 are none.
    InvalidParameterError
        If one is out of bounds.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {reprlib.repr(value)}")
        if value < least:
            raise InvalidParameterError(f"{name} must be at least {least}: got {_shown(value)}.")
        if value > most:
            raise InvalidParameterError(f"{name} must be at most {most}: got {_shown(value)}.")


def check_real(least: float, most: float, **values: float) -> None:
    """Raise as `check_whole` unless all values are finite numbers within the bounds."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number, got {reprlib.repr(value)}")
        if not (least <= value <= most):
            raise InvalidParameterError(
                f"{name} must be from {least:g} to {most:g}: got {_shown(value)}."
            )


def check_each(most: int, name: str, values: Sequence[int]) -> None:
    """Raise as `check_whole` unless all values are whole numbers from 1 to `most`."""
    for i, value in enumerate(values):
        check_whole(1, most, **{f"value {i} of {name}": value})


def check_flags(**values: bool) -> None:
    """Raise a `TypeError` unless all values are true or false."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be true or false, got {reprlib.repr(value)}")


def check_classes(names: Sequence[str]) -> None:
    """Raise unless these can be the names of the classes of a model.

    Raises
    ------
    TypeError
        If one is no text.
    InvalidParameterError
        If there is none, there are too many, one is given twice, or cannot be a name.
    """
    check_whole(1, MOST_CLASSES, classes=len(names))
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a class must be a text, got {reprlib.repr(name)}")
        if not _CLASS.fullmatch(name):
            raise InvalidParameterError(
                "The name of a class has letters, digits, spaces and hyphens, 40 at most: got "
                f"{reprlib.repr(name)}."
            )
    if len({name.casefold() for name in names}) < len(names):
        raise InvalidParameterError(f"Each class is named once: got {', '.join(names)}.")


def _shown(value: float) -> str:
    """Return a number as text that stays on one line however large it is."""
    return reprlib.repr(value) if abs(value) < 1e40 or isinstance(value, float) else "1e40 or more"
