"""Which value of a label file means which classes."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.network.bounds import check_classes

IGNORED = 255
"""Stands for "nobody knows" in labels as they are learnt from; class `n` is bit `n` otherwise."""

NOTHING, NOT_JUDGED = "none", "ignored"
_ENTRY = re.compile(r"\s*(-?[0-9]{1,9})\s*=\s*([^,=]+?)\s*")


@dataclass(frozen=True, slots=True)
class ClassTable:
    """What the values of a label file mean.

    Attributes
    ----------
    names : tuple of str
        The classes, in the order of the channels of a score.
    codes : tuple of (int, int)
        A value, and what it means: bit `n` for class `n`, or `IGNORED`.
    """

    names: tuple[str, ...]
    codes: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a table such as ``"1=membrane, 2=nucleus, 3=nucleus, 4=membrane+droplet"``.

        ``none`` stands for no class, and ``ignored`` for what nobody has judged.

        Raises
        ------
        InvalidParameterError
            If it is no such table, or names no class, or a value twice.
        """
        meanings: dict[int, list[str]] = {}
        for part in text.split(","):
            match = _ENTRY.fullmatch(part)
            if match is None or int(match[1]) in meanings:
                raise InvalidParameterError(
                    "The classes must be values with names, each value once, such as "
                    f"'1=membrane,2=nucleus': got '{part.strip()[:60]}'."
                )
            meanings[int(match[1])] = [name.strip() for name in match[2].split("+")]
        named = (name for names in meanings.values() for name in names)
        names = tuple(dict.fromkeys(name for name in named if name not in (NOTHING, NOT_JUDGED)))
        check_classes(names)
        codes = {NOTHING: 0} | {name: 1 << number for number, name in enumerate(names)}
        found = {
            value: IGNORED if NOT_JUDGED in meant else sum(codes[name] for name in {*meant})
            for value, meant in meanings.items()
        }
        return cls(names, tuple(({0: 0} | found).items()))

    @classmethod
    def numbered(cls, names: tuple[str, ...]) -> Self:
        """Return the table of labels that count these classes from 1."""
        codes = ((number + 1, 1 << number) for number in range(len(names)))
        return cls(names, ((0, 0), *codes))

    @property
    def values(self) -> set[int]:
        """The values that have a meaning."""
        return {value for value, _ in self.codes}

    def decode(self, labels: NDArray) -> NDArray[np.uint8]:
        """Return what labels mean, uint8 of the same shape; 0 for values that are not named."""
        decoded = np.zeros(labels.shape, np.uint8)
        for value, code in self.codes:
            if code:
                decoded[labels == value] = code
        return decoded


def marked(decoded: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where labels mean any class, of the same shape."""
    return (decoded != 0) & (decoded != IGNORED)


def of_class(decoded: NDArray[np.uint8], number: int) -> NDArray[np.bool_]:
    """Return where labels mean a class, of the same shape."""
    return ((decoded >> np.uint8(number)) & 1).astype(bool) & (decoded != IGNORED)
