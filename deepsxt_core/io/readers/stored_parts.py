"""Arrays that lie in a file as one block of numbers, of which one part is the volume."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError
from deepsxt_core.geometry import Shape
from deepsxt_core.io.readers.datasets import Entry, choose_dataset
from deepsxt_core.io.readers.parts import Layout, guessed_layout, part_choice

Read = Callable[[int, int], NDArray]


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array in C order, and how its axes are called.

    Attributes
    ----------
    path : Path
        The file, for messages.
    name : str
    layout : Layout
    dtype : numpy.dtype
        In the machine's byte order.
    """

    path: Path
    name: str
    layout: Layout
    dtype: np.dtype

    @classmethod
    def guessed(
        cls, path: Path, name: str, sizes: tuple[int, ...], dtype: np.dtype, letters: str = ""
    ) -> "StoredArray":
        """Return an array of `sizes`, its axes called `letters`, or as they usually are.

        Raises
        ------
        NotATomogramError
            If it cannot be a volume.
        """
        layout = Layout(letters, sizes) if letters else guessed_layout(sizes)
        if layout is None or not layout.parts(name):
            raise NotATomogramError(
                f"'{path.name}' holds an array of shape {sizes}, with {len(sizes)} axes; a "
                "tomogram has slices, rows and columns. Save the part that you need as a file of "
                "its own."
            )
        return cls(path, name, layout, dtype)

    @property
    def shape(self) -> Shape:
        """Of the volume, in the order in which its axes are stored."""
        return self.layout.shape

    @property
    def entries(self) -> list[Entry]:
        """The parts that could be the volume."""
        return [(name, self._listed, self.dtype) for name in self.layout.parts(self.name)]

    @property
    def _listed(self) -> tuple[int, ...]:
        shape = self.shape
        return shape[1:] if shape[0] == 1 else shape

    def chosen(self, dataset: str | None) -> tuple[str | None, tuple[int, ...]]:
        """Return the name of the part to open, None where it is the only one, and its place.

        Raises
        ------
        DatasetChoiceError
            If there are several and `dataset` names none of them.
        """
        parts = self.layout.parts(self.name)
        if len(parts) > 1 and dataset in (None, self.name):
            raise part_choice(self.path, self.layout, tuple(parts))
        name = choose_dataset(self.path, self.entries, dataset)
        return name if len(parts) > 1 else None, parts[name]

    @property
    def stored_shape(self) -> Shape:
        """What is read at once (n, rows, numbers in a row): n planes, one after another."""
        first, sizes = self._first_inner, self.layout.sizes
        return math.prod(sizes[:first]), sizes[first], math.prod(sizes[first + 1 :])

    @property
    def _first_inner(self) -> int:
        """The last axis of space but one; what comes before is chosen, not read."""
        return [i for i, letter in enumerate(self.layout.letters) if letter in "zyx"][-2]

    def reader(self, planes: Read, part: tuple[int, ...]) -> Read:
        """Return what reads slices of a part; `planes` reads the array as `stored_shape`."""
        if len(self.layout.parts(self.name)) == 1:
            return partial(_reshaped, planes, self.shape[1:])
        return partial(self._read, planes, part)

    def _read(self, planes: Read, part: tuple[int, ...], z0: int, z1: int) -> NDArray:
        letters, sizes, first = self.layout.letters, self.layout.sizes, self._first_inner
        others = iter(part)
        at = [None if letter in "zyx" else next(others) for letter in letters]
        slices = []
        for z in range(z0, z1):
            outer = tuple(z if place is None else place for place in at[:first])
            n = int(np.ravel_multi_index(outer, sizes[:first])) if first else 0
            plane = planes(n, n + 1).reshape(sizes[first:])
            slices.append(plane[tuple(slice(None) if p is None else p for p in at[first:])])
        return np.stack(slices)


def _reshaped(planes: Read, slice_shape: tuple[int, int], z0: int, z1: int) -> NDArray:
    return planes(z0, z1).reshape(z1 - z0, *slice_shape)
