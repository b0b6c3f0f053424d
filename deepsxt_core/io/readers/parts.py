"""Arrays of more axes than a volume has: which part of them is one, and how it lies.

A part is named as ``NAME#1``: number 1, counted from 0, along the axis that is no slice, row or
column; ``NAME#0,1`` where there are two of them.
"""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from deepsxt_core.errors import PartChoiceError
from deepsxt_core.geometry import Axes

MARK = "#"
_SPACE = "zyx"
_MOST_PARTS = 256
_MOST_NAMED = 12
_CALLED = {"c": "channels", "t": "time points", "s": "colours", "a": "angles"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of an array by name.

    Attributes
    ----------
    letters : str
        ``z``, ``y``, ``x`` for those of space, in any order, and any other letter for the others,
        each once.
    sizes : tuple of int
        Of the axes, in the same order.
    """

    letters: str
    sizes: tuple[int, ...]

    @property
    def space(self) -> str:
        """The axes of space in the order in which they are stored, those that lack in front."""
        kept = [letter for letter in self.letters if letter in _SPACE]
        return "".join([letter for letter in _SPACE if letter not in kept] + kept)

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many voxels lie along each axis of `space`."""
        told = dict(zip(self.letters, self.sizes, strict=True))
        first, second, third = (told.get(letter, 1) for letter in self.space)
        return first, second, third

    def axes(self, backwards: str = "") -> Axes:
        """Return which way they run, as in `Geometry`; those of `backwards` count down."""
        first, second, third = (("-" if a in backwards else "+") + a for a in self.space)
        return first, second, third

    def parts(self, name: str) -> dict[str, tuple[int, ...]]:
        """Return, by its name, where each part lies along the axes that are not of space."""
        others = [
            n for letter, n in zip(self.letters, self.sizes, strict=True) if letter not in _SPACE
        ]
        if math.prod(others) == 1:
            return {name: (0,) * len(others)}
        if math.prod(others) > _MOST_PARTS:
            return {}
        return {
            name + MARK + ",".join(str(i) for i, n in zip(at, others, strict=True) if n > 1): at
            for at in product(*map(range, others))
        }

    def selection(self, part: tuple[int, ...], first: int, end: int) -> tuple[int | slice, ...]:
        """Return what to read of the array for `first` to `end` along the first axis of `space`."""
        rest = iter(part)
        return tuple(
            next(rest)
            if letter not in _SPACE
            else slice(first, end)
            if letter == self.space[0]
            else slice(None)
            for letter in self.letters
        )

    def described(self) -> str:
        """Return in words what there is more of than a volume has."""
        return " and ".join(
            f"{n} {_CALLED.get(letter, 'parts')}"
            for letter, n in zip(self.letters, self.sizes, strict=True)
            if letter not in _SPACE and n > 1
        )


def part_choice(path: Path, layout: Layout, names: tuple[str, ...]) -> PartChoiceError:
    """Return the error for an array of which one part is to be chosen."""
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return PartChoiceError(
        f"'{path.name}' holds {layout.described()} (axes {layout.letters}, shape {layout.sizes}), "
        f"not one tomogram. Choose one as the dataset: {shown}{more}.",
        names,
        "".join(a for a, n in zip(layout.letters, layout.sizes, strict=True) if _is_part(a, n)),
    )


def _is_part(letter: str, n: int) -> bool:
    return letter not in _SPACE and n > 1


def guessed_layout(shape: tuple[int, ...]) -> Layout | None:
    """Return the axes of an array of numbers that does not name them; None if it is no volume.

    Axes of length 1 in front or behind are no axes of space, nor are those between where there are
    more than three. Of four longer ones the first or the last, whichever is shorter, counts
    channels.
    """
    if not 2 <= len(shape) <= 6:
        return None
    others = iter("ctabdef")
    letters = [""] * len(shape)
    places = list(range(len(shape)))
    while len(places) > 2 and shape[places[0]] == 1:
        letters[places.pop(0)] = next(others)
    while len(places) > 3 and shape[places[-1]] == 1:
        letters[places.pop()] = next(others)
    inner = [place for place in places if shape[place] == 1]
    while len(places) > 3 and inner:
        places.remove(inner[0])
        letters[inner.pop(0)] = next(others)
    if len(places) == 4:
        at = places.pop(0 if shape[places[0]] < shape[places[-1]] else -1)
        letters[at] = "s" if at and shape[at] in (3, 4) else next(others)
    if not 2 <= len(places) <= 3:
        return None
    for place, letter in zip(places, _SPACE[-len(places) :], strict=True):
        letters[place] = letter
    return Layout("".join(letters), tuple(int(n) for n in shape))
