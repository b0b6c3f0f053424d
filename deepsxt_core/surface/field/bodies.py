"""Bodies that hang together through slabs: labelled slab by slab, joined where slabs meet."""

from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from deepsxt_core.surface.field.instances import CONNECTIVITY
from deepsxt_core.volume import Volume

_PROVISIONAL = np.dtype("<u4")


@dataclass(frozen=True, slots=True)
class Bodies:
    """What the provisional labels of slabs come to.

    Attributes
    ----------
    body_of_label : ndarray
        Body per provisional label; label 0 is the background, and body 0.
    voxels : ndarray
        Voxels per body; 0 for the background, and for a body without a core.
    """

    body_of_label: NDArray[np.int32]
    voxels: NDArray[np.int64]


class BodyJoiner:
    """Labels slabs in order; neighbours share one slice, and what meets in it is one body.

    Parameters
    ----------
    scratch : Path, optional
        A file that gets the provisional label of each voxel, 4 bytes each.
    core_height : float
        Voxels with a higher field are the core of their body.
    """

    def __init__(self, scratch: Path | None = None, core_height: float = 0.0) -> None:
        self.labels = 0
        """Provisional labels given so far."""
        self._scratch, self._core_height = scratch, core_height
        self._voxels: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._cores: list[NDArray[np.bool_]] = [np.zeros(1, bool)]
        self._equal: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        self._last_slice: NDArray[np.int64] | None = None
        if scratch is not None:
            scratch.write_bytes(b"")

    def add(self, field: NDArray[np.float32 | np.bool_]) -> tuple[NDArray[np.integer], slice]:
        """Take in a slab (n, y, x), whose bodies lie where it is above 0.

        Returns
        -------
        labels : ndarray
            From 1 within the slab; with the `labels` given before, they are the provisional ones.
        fresh : slice
            The slices of the slab that no slab before has held.
        """
        labels, n = cc3d.connected_components(field > 0, connectivity=CONNECTIVITY, return_N=True)
        if self._last_slice is not None:
            both = labels[0] > 0
            pairs = np.stack([self._last_slice[both], labels[0][both] + self.labels], axis=1)
            self._equal.append(np.unique(pairs, axis=0))
        fresh = slice(0 if self._last_slice is None else 1, None)
        self._voxels.append(np.bincount(labels[fresh].ravel(), minlength=n + 1)[1:])
        has_core = np.full(n + 1, self._core_height == 0)
        if self._core_height:
            has_core[labels[field > self._core_height]] = True
        self._cores.append(has_core[1:])
        if self._scratch is not None:
            with self._scratch.open("ab") as file:
                self._provisional(labels[fresh]).astype(_PROVISIONAL).tofile(file)
        self._last_slice = self._provisional(labels[-1])
        self.labels += n
        return labels, fresh

    def joined(self) -> Bodies:
        """Return the bodies of all slabs together."""
        pairs, n = np.concatenate(self._equal), self.labels + 1
        graph = scipy.sparse.coo_array((np.ones(len(pairs), bool), pairs.T), shape=(n, n))
        count, body_of_label = scipy.sparse.csgraph.connected_components(graph, directed=False)
        voxels = np.zeros(count, np.int64)
        np.add.at(voxels, body_of_label, np.concatenate(self._voxels))
        has_core = np.zeros(count, bool)
        has_core[body_of_label[np.concatenate(self._cores)]] = True
        return Bodies(body_of_label, np.where(has_core, voxels, 0))

    def _provisional(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        return np.where(labels, labels + np.int64(self.labels), 0)


def numbered_volume(
    scratch: Path, id_of_label: NDArray[np.integer], source_volume: Volume
) -> Volume:
    """Return the id at each voxel, read from the provisional labels in `scratch`.

    Parameters
    ----------
    scratch : Path
        As `BodyJoiner` has filled it; it must stay as long as the volume is read.
    id_of_label : ndarray
        The id per provisional label.
    source_volume : Volume
        Gives shape and place.

    Returns
    -------
    Volume
        The smallest of uint8, uint16 and int32 that holds all ids.
    """
    dtype = smallest_dtype(int(id_of_label.max()))
    ids = id_of_label.astype(dtype)
    shape = source_volume.shape
    pixels = shape[1] * shape[2]

    def read(z0: int, z1: int) -> NDArray:
        count, offset = (z1 - z0) * pixels, z0 * pixels * _PROVISIONAL.itemsize
        labels = np.fromfile(scratch, _PROVISIONAL, count, offset=offset)
        return ids[labels].reshape(z1 - z0, *shape[1:])

    numbered = Volume(shape, dtype, None, read, format="object labels")
    return numbered.with_geometry(source_volume.geometry)


def smallest_dtype(highest: int) -> np.dtype:
    """Return the smallest of uint8, uint16 and int32 that holds `highest`."""
    return next(np.dtype(t) for t in ("u1", "u2", "i4") if highest <= np.iinfo(t).max)
