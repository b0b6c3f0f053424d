"""Which part of a file is meant, and how its axes run, in the words of a user.

Both become a part of the dataset's name, which is kept wherever a tomogram is: ``NAME#1`` is one
channel or time, ``NAME@xyz`` says along which axes of space the file's sections, rows and columns
run, a minus before those that count backwards.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from deepsxt_core.errors import InvalidParameterError, PartChoiceError
from deepsxt_core.geometry import Axes
from deepsxt_core.parameters import Limits, checked

AXES_MARK = "@"
_AXES = re.compile(r"(-?[zyx])(-?[zyx])(-?[zyx])")
_SLICES = "#slices"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartParams:
    """Which part of a file is the tomogram, where the file says it otherwise.

    Attributes
    ----------
    axes : str or None
        Along which axes of space the sections, rows and columns of the file run, such as xzy, a
        minus before one that counts backwards. It wins over what the file says; zyx takes time
        points or channels as slices.
    channel : int or None
        Which channel, counted from 0.
    time : int or None
        Which time point, counted from 0.

    Raises
    ------
    InvalidParameterError
        If the axes are no order of z, y and x.
    """

    axes: str | None = None
    channel: Annotated[int | None, Limits(least=0)] = None
    time: Annotated[int | None, Limits(least=0)] = None

    def __post_init__(self) -> None:
        checked(self)
        if self.axes is not None:
            axes_named(self.axes)

    def chosen(self, error: PartChoiceError) -> str:
        """Return the candidate of a choice that is meant.

        Raises
        ------
        PartChoiceError
            If it is not said for each axis that is none of space.
        """
        slices = [name for name in error.candidates if name.endswith(_SLICES)]
        if slices and self.axes is not None:
            return slices[0]
        told = {"c": self.channel, "s": self.channel, "t": self.time}
        places = [told.get(letter) for letter in error.letters]
        part = "#" + ",".join(map(str, places))
        found = [name for name in error.candidates if name.endswith(part)]
        if not places or None in places or len(found) != 1:
            raise error
        return found[0]


def axes_named(text: str) -> Axes:
    """Return axes from their names, such as ``x-zy``.

    Raises
    ------
    InvalidParameterError
        If they are no order of z, y and x.
    """
    found = _AXES.fullmatch(text.strip().lower().replace(",", "").replace("+", ""))
    if found is None or len({axis[-1] for axis in found.groups()}) < 3:
        raise InvalidParameterError(
            f"axes must be z, y and x in an order, such as xzy or z-yx: got {text!r:.80}."
        )
    first, second, third = (axis if axis[0] == "-" else f"+{axis}" for axis in found.groups())
    return first, second, third


def split_axes(dataset: str | None) -> tuple[str | None, Axes | None]:
    """Return the name of a dataset and the axes behind it, None where there are none."""
    name, mark, axes = (dataset or "").rpartition(AXES_MARK)
    if not mark or _AXES.fullmatch(axes) is None:
        return dataset, None
    return name or None, axes_named(axes)


def with_axes(dataset: str | None, axes: str | None) -> str | None:
    """Return the name of a dataset with axes behind it, in place of those that it has."""
    name, _ = split_axes(dataset)
    return name if axes is None else f"{name or ''}{AXES_MARK}{axes}"
