"""The plan of a review, as the table of an annotation keeps it, and what was judged since."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.checks import (
    MOST_IDS,
    check_fields,
    given,
    maybe,
    real,
    several,
    text,
    voxel,
    whole,
)
from deepsxt_core.geometry import Geometry
from deepsxt_core.review import Judged, Population

MOST_UNITS = 20_000
QUEUES = ("random", "targeted")
VERDICTS = ("right", "wrong", "doubtful")
UNITS, OBJECTS = "unit", "object"
"""The two kinds of what is judged: tiles of slices, and objects that the machine has found."""

_MOST_VOXELS = 1 << 62

_counts = several(whole(0, _MOST_VOXELS), 0, MOST_UNITS)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is reviewed: tiles of slices and objects, as the machine had made them.

    Attributes
    ----------
    class_name : str or None
        Of the objects that are reviewed; None for those of all classes.
    first, end : (z, y, x)
        Which voxels belong to a tile: those that were scored.
    tile_px : int
        Edge of a tile in its slice, about.
    threshold : float or None
        Of the score; None without one.
    seed : int
        Of the random order.
    voxels, closeness : tuple of int
        Of each tile: voxels of these objects, and how many there lie close to the threshold,
        whatever they belong to; without a score, the former again.
    area : tuple of float
        Of each tile, by its outlines, in areas of the face between two voxels of a slice.
    objects : tuple of (id, voxels, close voxels)
        As the machine had made them.
    """

    class_name: str | None = given(maybe(text))
    first: tuple[int, int, int] = given(voxel)
    end: tuple[int, int, int] = given(voxel)
    tile_px: int = given(whole(8, 1 << 16))
    threshold: float | None = given(maybe(real(-1, 1)))
    seed: int = given(whole(0, 1 << 32))
    voxels: tuple[int, ...] = given(_counts)
    closeness: tuple[int, ...] = given(_counts)
    area: tuple[float, ...] = given(several(real(0, 1e18), 0, MOST_UNITS))
    objects: tuple[tuple[int, int, int], ...] = given(
        several(several(whole(0, _MOST_VOXELS), 3, 3), 0, MOST_IDS)
    )

    def __post_init__(self) -> None:
        check_fields(self)

    @cached_property
    def tiles(self) -> "Tiles":
        """Where the units lie."""
        return Tiles(Box(*self.first, *self.end), self.tile_px)

    @cached_property
    def units(self) -> Population:
        """The tiles as units of a sample."""
        # The floor has tiles looked at in which nothing is close to the threshold.
        size = np.sqrt(np.array(self.closeness, np.float64) + self.tile_px)
        return Population(size, self.seed)

    @cached_property
    def found(self) -> Population:
        """The machine's objects as units of a sample, in the order of `objects`."""
        close = np.array([close for *_, close in self.objects], np.float64)
        return Population(close, self.seed, strata=1)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Slices of a box cut into tiles of about one size, counted along x, then y, then z."""

    box: Box
    tile_px: int

    @property
    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where tiles begin along y and x, and where the last one ends."""
        return tuple(  # type: ignore[return-value]
            np.linspace(first, end, max(1, round((end - first) / self.tile_px)) + 1).astype(int)
            for first, end in zip(self.box.first[1:], self.box.end[1:], strict=True)
        )

    @property
    def per_slice(self) -> tuple[int, int]:
        """How many there are along y and x."""
        rows, columns = self.edges
        return len(rows) - 1, len(columns) - 1

    def __len__(self) -> int:
        rows, columns = self.per_slice
        return self.box.shape[0] * rows * columns

    def __getitem__(self, unit: int) -> Box:
        rows, columns = self.edges
        z, row, column = np.unravel_index(unit, (self.box.shape[0], *self.per_slice))
        y0, y1 = rows[row : row + 2].tolist()
        x0, x1 = columns[column : column + 2].tolist()
        z0 = self.box.z0 + int(z)
        return Box(z0, y0, x0, z0 + 1, y1, x1)

    def of_slice(self, z: int) -> Iterator[Box]:
        """Yield the tiles of a slice."""
        rows, columns = self.per_slice
        first = (z - self.box.z0) * rows * columns
        yield from (self[first + n] for n in range(rows * columns))

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the units that voxels (n, 3) lie in, those beyond left out; none twice."""
        inside = ((places >= self.box.first) & (places < self.box.end)).all(axis=1)
        z, y, x = places[inside].T
        rows, columns = (
            np.searchsorted(edges, at, side="right") - 1
            for edges, at in zip(self.edges, (y, x), strict=True)
        )
        return np.unique(
            np.ravel_multi_index(
                (z - self.box.z0, rows, columns), (self.box.shape[0], *self.per_slice)
            )
        )


def face_edges(geometry: Geometry) -> tuple[float, float]:
    """Return the edges (y, x) of a voxel in units that make the face between two of a slice 1."""
    _, y, x = geometry.voxel_size_nm or (1.0, 1.0, 1.0)
    return float(np.sqrt(y / x)), float(np.sqrt(x / y))


def outline_area(mask: NDArray[np.bool_], edges: tuple[float, float]) -> float:
    """Return the area of a surface by its outline in a tile of a slice (y, x).

    A surface that lies at random towards the axes has, in each direction, faces between voxels of
    half its area (Cauchy's formula); those along y and x are added. What lies between the tile
    and its neighbours is made up for by what lies within.

    Parameters
    ----------
    edges : (y, x)
        Of a voxel, as `face_edges` returns them.
    """
    across = [
        float(np.count_nonzero(np.diff(mask, axis=axis))) * n / max(n - 1, 1)
        for axis, n in enumerate(mask.shape)
    ]
    return round(across[0] * edges[1] + across[1] * edges[0], 3)


@dataclass(slots=True)
class Review:
    """The review of an annotation; what was not judged is not in `judged`.

    Attributes
    ----------
    plan : Plan
    judged : dict
        (kind, unit or id) → (verdict, queue).
    """

    plan: Plan
    judged: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        found = cls(Plan(**content["plan"]))
        for kind, number, *judged in content["judged"]:
            found.put((kind, number), judged)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the review as an object of JSON."""
        judged = [[*key, *value] for key, value in self.judged.items()]
        return {"plan": asdict(self.plan), "judged": judged}

    def put(self, key: tuple, judged: Sequence[str] | None) -> None:
        """Note what was judged, or forget it."""
        kind, number = key
        if judged is None:
            self.judged.pop((kind, number), None)
        else:
            verdict, queue = judged
            self.judged[kind, number] = (verdict, queue)

    def of(self, kind: str) -> Judged:
        """Return what was judged: tiles by their number, objects by their place in the plan."""
        places = {number: place for place, (number, *_) in enumerate(self.plan.objects)}
        sets: dict[str, set[int]] = {name: set() for name in (*QUEUES, "doubtful")}
        for (one, number), (verdict, queue) in self.judged.items():
            if one == kind:
                place = number if kind == UNITS else places[number]
                sets["doubtful" if verdict == "doubtful" else queue].add(place)
        return Judged(*(frozenset(sets[name]) for name in (*QUEUES, "doubtful")))
