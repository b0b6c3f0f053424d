"""Runs: neighbouring voxels of a row that change from the same id to the same id."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.errors import AnnotationError
from deepsxt_core.geometry import Shape

_COLUMNS = (("<u8", 8), ("<u4", 4), ("<u2", 2), ("<u2", 2))
_RUN_BYTES = sum(size for _, size in _COLUMNS)
_PACKING_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Runs:
    """Changed voxels; no voxel is in two runs, and no run goes beyond its row.

    Attributes
    ----------
    offset : ndarray
        int64 (n,): index of the first voxel in the volume, counted along x, then y, then z.
    length : ndarray
        int64 (n,), in voxels.
    old, new : ndarray
        uint16 (n,): the ids before and after.
    """

    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    old: NDArray[np.uint16]
    new: NDArray[np.uint16]

    @classmethod
    def between(
        cls, box: Box, old: NDArray[np.uint16], new: NDArray[np.uint16], shape: Shape
    ) -> Self:
        """Return what differs between two states (z, y, x) of a box in a volume of `shape`."""
        width = box.shape[2]
        rows_old, rows_new = old.reshape(-1, width), new.reshape(-1, width)
        touched = np.flatnonzero((rows_old != rows_new).any(axis=1))
        before, after = rows_old[touched], rows_new[touched]
        changed = before != after
        same = (before[:, 1:] == before[:, :-1]) & (after[:, 1:] == after[:, :-1])
        starts = changed.copy()
        starts[:, 1:] &= ~(changed[:, :-1] & same)
        ends = changed.copy()
        ends[:, :-1] &= ~(changed[:, 1:] & same)
        row, first = np.nonzero(starts)
        _, last = np.nonzero(ends)
        z, y = np.divmod(touched[row], box.shape[1])
        offset = ((z + box.z0) * shape[1] + y + box.y0) * shape[2] + first + box.x0
        return cls(
            offset.astype(np.int64),
            (last - first + 1).astype(np.int64),
            before[row, first],
            after[row, first],
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what `packed` returned.

        Raises
        ------
        AnnotationError
            If it is something else.
        """
        try:
            content = zlib.decompress(packed)
        except zlib.error as error:
            raise AnnotationError(f"The journal holds runs that cannot be read: {error}.") from None
        count, rest = divmod(len(content), _RUN_BYTES)
        if rest:
            raise AnnotationError("The journal holds a run that is cut off.")
        start = 0
        columns: list[NDArray] = []
        for dtype, size in _COLUMNS:
            columns.append(np.frombuffer(content, dtype, count, start))
            start += count * size
        steps, length, old, new = columns
        return cls(
            np.cumsum(steps, dtype=np.uint64).astype(np.int64),
            length.astype(np.int64),
            old.astype(np.uint16),
            new.astype(np.uint16),
        )

    def packed(self) -> bytes:
        """Return the runs as bytes for the journal."""
        order = np.argsort(self.offset, kind="stable")
        steps = np.diff(self.offset[order], prepend=0)
        columns: tuple[NDArray, ...] = (steps, self.length[order], self.old[order], self.new[order])
        content = b"".join(
            column.astype(dtype).tobytes()
            for column, (dtype, _) in zip(columns, _COLUMNS, strict=True)
        )
        return zlib.compress(content, _PACKING_LEVEL)

    def backwards(self) -> "Runs":
        """Return the runs that take these back."""
        return Runs(self.offset, self.length, self.new, self.old)

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def voxels(self) -> int:
        """How many voxels change."""
        return int(self.length.sum())

    def places(self, shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray]:
        """Return the indices z, y, x of the first voxel of each run, int64 (n,) each."""
        rest, x = np.divmod(self.offset, shape[2])
        z, y = np.divmod(rest, shape[1])
        return z, y, x

    def box(self, shape: Shape) -> Box | None:
        """Return the smallest box that holds all changed voxels, None if nothing changes."""
        if not len(self):
            return None
        z, y, x = self.places(shape)
        last = x + self.length
        first = (int(z.min()), int(y.min()), int(x.min()))
        return Box(*first, int(z.max()) + 1, int(y.max()) + 1, int(last.max()))


def gathered(parts: Iterable[Runs], enough: int) -> Iterator[Runs]:
    """Yield the same runs in parts that hold at least as many, but for the last."""
    held: list[Runs] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= enough:
            yield _joined(held)
            held = []
    if any(map(len, held)):
        yield _joined(held)


def _joined(parts: list[Runs]) -> Runs:
    return Runs(
        np.concatenate([part.offset for part in parts]),
        np.concatenate([part.length for part in parts]),
        np.concatenate([part.old for part in parts]),
        np.concatenate([part.new for part in parts]),
    )


def spread(first: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``first[i], first[i] + 1, …`` for `length[i]` numbers, one run after the other."""
    ends = np.cumsum(length)
    jumps = np.repeat(first - (ends - length), length)
    return jumps + np.arange(len(jumps))
