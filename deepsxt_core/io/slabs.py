"""Planes that lie beside those that were asked for, kept in memory up to a number of bytes.

The cubes that one plane lies in hold its neighbours too, and unpacking them is most of the work:
whoever steps through a tomogram pays for it once in so many steps.
"""

import threading
from collections import OrderedDict

from numpy.typing import NDArray

from deepsxt_core.io.pyramid import AXES, Axis, Pyramid

KEPT_BYTES = 256 << 20

_Key = tuple[Pyramid, Axis, int, int]


class SlabCache:
    """Slabs of pyramids, the least recently used given up first; for any number of threads.

    Parameters
    ----------
    most_bytes : int
        Of all slabs together. A slab of more than half of it is not kept.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[_Key, NDArray] = OrderedDict()
        self._reading: dict[_Key, threading.Lock] = {}

    @property
    def n_bytes(self) -> int:
        """How many bytes are kept."""
        with self._lock:
            return sum(slab.nbytes for slab in self._held.values())

    def plane(self, pyramid: Pyramid, axis: Axis, index: int, level: int) -> NDArray:
        """Return the codes of one plane, as `Pyramid.plane` does.

        Raises
        ------
        InvalidParameterError
            If there is no such plane.
        """
        if pyramid.slab_bytes(axis, level) > self._most_bytes // 2:
            return pyramid.plane(axis, index, level)
        depth = pyramid.slab_depth(axis, level)
        key = (pyramid, axis, level, index // depth)
        with self._lock:
            reading = self._reading.setdefault(key, threading.Lock())
        # Who asks for a neighbour meanwhile waits for this slab.
        with reading:
            slab = self._get(key)
            try:
                if slab is None:
                    slab = pyramid.slab(axis, index, level)
                    self._keep(key, slab)
            finally:
                with self._lock:
                    self._reading.pop(key, None)
        return slab.take(index % depth, AXES.index(axis))

    def _get(self, key: _Key) -> NDArray | None:
        with self._lock:
            slab = self._held.get(key)
            if slab is not None:
                self._held.move_to_end(key)
            return slab

    def _keep(self, key: _Key, slab: NDArray) -> None:
        with self._lock:
            self._held[key] = slab
            total = sum(held.nbytes for held in self._held.values())
            while total > self._most_bytes:
                _, oldest = self._held.popitem(last=False)
                total -= oldest.nbytes
