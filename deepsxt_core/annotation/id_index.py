"""Where each id is: without it, one click on an object would read all cubes."""

import io
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.checks import MOST_IDS

Cell = tuple[int, int, int]


class IdIndex:
    """Which ids each cube holds, and which cubes hold each id."""

    def __init__(self) -> None:
        self.ids: dict[Cell, frozenset[int]] = {}
        self.cells: dict[int, set[Cell]] = {}

    def note(self, cell: Cell, chunk: NDArray[np.unsignedinteger]) -> None:
        """Take in what a cube holds now."""
        present = np.zeros(MOST_IDS + 1, bool)
        present[chunk.ravel()] = True
        present[0] = False
        self._note_ids(cell, frozenset(np.flatnonzero(present).tolist()))

    def packed(self, entries: int) -> bytes:
        """Return the index as bytes, with the number of entries that it is of."""
        rows = [(*cell, number) for cell, ids in self.ids.items() for number in ids]
        content = io.BytesIO()
        np.save(content, np.array([(entries, 0, 0, 0), *rows], np.int32))
        return content.getvalue()

    @classmethod
    def read(cls, path: Path, entries: int) -> Self | None:
        """Read what `packed` returned; None if it is missing, damaged or of other entries."""
        try:
            rows = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if rows.ndim != 2 or rows.shape[1:] != (4,) or not len(rows) or rows[0, 0] != entries:
            return None
        found: dict[Cell, list[int]] = {}
        for z, y, x, number in rows[1:].tolist():
            found.setdefault((z, y, x), []).append(number)
        index = cls()
        for cell, ids in found.items():
            index._note_ids(cell, frozenset(ids))
        return index

    def _note_ids(self, cell: Cell, present: frozenset[int]) -> None:
        before = self.ids.pop(cell, frozenset())
        if present:
            self.ids[cell] = present
        for number in before - present:
            self.cells[number].discard(cell)
        for number in present - before:
            self.cells.setdefault(number, set()).add(cell)
