"""Boxes of voxels: which part of a volume is read, changed, or searched."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Shape


class Box(NamedTuple):
    """Voxels from a first to an end (exclusive) along z, y, x."""

    z0: int
    y0: int
    x0: int
    z1: int
    y1: int
    x1: int

    @classmethod
    def whole(cls, shape: Shape) -> Self:
        """Return the box of all voxels of a volume."""
        return cls(0, 0, 0, *shape)

    @classmethod
    def around(cls, points: NDArray, margins: NDArray) -> Self:
        """Return the box of all voxels within `margins` (z, y, x) of points (n, 3)."""
        low = np.floor(points.min(axis=0) - margins).astype(np.int64)
        high = np.ceil(points.max(axis=0) + margins).astype(np.int64) + 1
        return cls(*low.tolist(), *high.tolist())

    @classmethod
    def union(cls, boxes: Iterable["Box"]) -> "Box | None":
        """Return the smallest box that holds all, or None if there is none."""
        found = np.array([box for box in boxes if not box.is_empty])
        if not len(found):
            return None
        return cls(*found[:, :3].min(axis=0).tolist(), *found[:, 3:].max(axis=0).tolist())

    @property
    def first(self) -> tuple[int, int, int]:
        """The first voxel (z, y, x)."""
        return self.z0, self.y0, self.x0

    @property
    def end(self) -> tuple[int, int, int]:
        """One voxel beyond the last (z, y, x)."""
        return self.z1, self.y1, self.x1

    @property
    def shape(self) -> Shape:
        """Voxels along z, y, x."""
        return self.z1 - self.z0, self.y1 - self.y0, self.x1 - self.x0

    @property
    def voxels(self) -> int:
        """How many voxels it holds."""
        return 0 if self.is_empty else int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_empty(self) -> bool:
        """Whether it holds no voxel."""
        return min(self.shape) <= 0

    def meet(self, other: "Box") -> "Box":
        """Return the voxels that are in both; maybe none."""
        first = map(max, self.first, other.first)
        end = map(min, self.end, other.end)
        return Box(*first, *end)

    def grown(self, margins: Iterable[int]) -> "Box":
        """Return the box with as many voxels more on both sides along z, y, x."""
        z, y, x = margins
        return Box(self.z0 - z, self.y0 - y, self.x0 - x, self.z1 + z, self.y1 + y, self.x1 + x)

    def within(self, outer: "Box") -> tuple[slice, slice, slice]:
        """Return where it lies in an array of `outer`."""
        z, y, x = (
            slice(a - origin, b - origin)
            for a, b, origin in zip(self.first, self.end, outer.first, strict=True)
        )
        return z, y, x

    def tiles(self, edges: Shape) -> Iterator["Box"]:
        """Yield the parts of the box in the cells of a grid that starts at voxel 0."""
        if self.is_empty:
            return
        ranges = [
            range(a // edge * edge, b, edge)
            for a, b, edge in zip(self.first, self.end, edges, strict=True)
        ]
        for z in ranges[0]:
            for y in ranges[1]:
                for x in ranges[2]:
                    cell = Box(z, y, x, z + edges[0], y + edges[1], x + edges[2])
                    yield self.meet(cell)

    def holds(self, point: Iterable[int]) -> bool:
        """Return whether the voxel (z, y, x) lies inside."""
        return all(a <= p < b for a, p, b in zip(self.first, point, self.end, strict=True))
