"""Cubes of labels that were read lately, of all annotations, within one bound of memory."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

# A plane of 1024² voxels goes through 256 cubes, which 128 MB hold if their ids take two bytes, and
# the planes across it through 80 each: with fewer, each step in the slices reads all of them anew.
KEPT_BYTES = 160 << 20
_IN_ONE_BYTE = 256

Cube = NDArray[np.uint8] | NDArray[np.uint16]


def compact(labels: NDArray[np.uint16]) -> Cube:
    """Return ids in one byte each where all of them fit."""
    return labels.astype(np.uint8) if labels.max() < _IN_ONE_BYTE else labels


class RecentCubes:
    """Cubes by their place and the version of their file; the least recently used go first."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[Hashable, tuple[Hashable, Cube]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, place: Hashable, version: Hashable) -> Cube | None:
        """Return a cube if it is here and of this version."""
        with self._lock:
            known = self._held.get(place)
            if known is None or known[0] != version:
                return None
            self._held.move_to_end(place)
            return known[1]

    def put(self, place: Hashable, version: Hashable, cube: Cube) -> None:
        """Keep a cube in place of what was there."""
        with self._lock:
            self._drop(place)
            self._held[place] = (version, cube)
            self._bytes += cube.nbytes
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._held)))

    def drop(self, place: Hashable) -> None:
        """Forget a cube, if it is here."""
        with self._lock:
            self._drop(place)

    @property
    def held_bytes(self) -> int:
        """How much is held."""
        return self._bytes

    def _drop(self, place: Hashable) -> None:
        known = self._held.pop(place, None)
        if known is not None:
            self._bytes -= known[1].nbytes


RECENT = RecentCubes()
"""Those of this process."""
