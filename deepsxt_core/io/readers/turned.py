"""Volumes whose file orders or counts its axes otherwise: read as slices, rows, columns of z, y, x.

All that is made of a volume (masks, surfaces, tables) then lies where the file says, and none of it
is a mirror image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import STORED_AXES, Axes, VoxelSize
from deepsxt_core.io.readers.reading import read_contiguous
from deepsxt_core.io.readers.unpacked import kept_beside, require_room
from deepsxt_core.volume import Volume

_SLAB_BYTES = 64 << 20

_T = TypeVar("_T")


def in_stored_order(lengths: Sequence[_T], axes: Axes) -> tuple[_T, _T, _T]:
    """Return what belongs to (z, y, x) in the order in which a file stores its axes."""
    first, second, third = (lengths["zyx".index(axis[1])] for axis in axes)
    return first, second, third


def turned(stored: Volume) -> Volume:
    """Return a volume with slices along z, rows along y, columns along x, all counting forwards.

    Parameters
    ----------
    stored : Volume
        As its reader returns it: shape and voxel size in the order of its `axes`, the position of
        its first voxel as (z, y, x) in space.

    Returns
    -------
    Volume
        With a word in `warnings` where it differs from what is stored. Where the slices of the
        file do not run along z, its voxels are copied once, in that order, into a temporary file.
    """
    if stored.axes == STORED_AXES:
        return stored
    view = _View.of(stored.axes)
    z, y, x = (stored.shape[axis] for axis in view.places)
    size = stored.voxel_size_nm
    if size is not None:
        size = VoxelSize(*(size[axis] for axis in view.places))
    origin = tuple(
        place - (n - 1) * edge if backwards else place
        for place, n, edge, backwards in zip(
            stored.origin_nm, (z, y, x), size or (0.0,) * 3, view.backwards, strict=True
        )
    )
    return replace(
        stored,
        shape=(z, y, x),
        voxel_size_nm=size,
        reader=partial(_read, stored, view),
        warnings=(*_words(stored.axes), *stored.warnings),
        origin_nm=origin,  # type: ignore[arg-type]
        axes=STORED_AXES,
    )


@dataclass(frozen=True, slots=True)
class _View:
    """For z, y and x: which of the stored axes it is, and whether that counts backwards."""

    places: tuple[int, int, int]
    backwards: tuple[bool, bool, bool]

    @classmethod
    def of(cls, axes: Axes) -> "_View":
        letters = [axis[1] for axis in axes]
        z, y, x = (letters.index(letter) for letter in "zyx")
        return cls((z, y, x), tuple(axes[place][0] == "-" for place in (z, y, x)))  # type: ignore[arg-type]


def _words(axes: Axes) -> tuple[str, ...]:
    words = []
    sections, rows, columns = (axis[1] for axis in axes)
    if (sections, rows, columns) != ("z", "y", "x"):
        words.append(
            f"The sections of the file run along {sections}, its rows along {rows}, its columns "
            f"along {columns}; the voxels are put in order, so that slices lie along z."
        )
    backwards = sorted(axis[1] for axis in axes if axis[0] == "-")
    if backwards:
        kind = "mirrored" if len(backwards) % 2 else "turned"
        words.append(
            f"The file counts its axis {' and '.join(backwards)} backwards (a {kind} view); the "
            "voxels are put in order, so that it counts forwards."
        )
    return tuple(words)


def _read(stored: Volume, view: _View, z0: int, z1: int) -> NDArray:
    backwards = view.backwards
    if backwards[0]:
        depth = stored.shape[view.places[0]]
        z0, z1 = depth - z1, depth - z0
    if view.places[0] == 0:
        slab = stored.read(z0, z1)
        order = view.places
    else:
        slab = _copied(stored, view.places[0], z0, z1)
        rest = [axis for axis in range(3) if axis != view.places[0]]
        order = (0, 1 + rest.index(view.places[1]), 1 + rest.index(view.places[2]))
    flips = tuple(slice(None, None, -1 if back else 1) for back in backwards)
    return np.ascontiguousarray(slab.transpose(order)[flips])


def _copied(stored: Volume, axis: int, first: int, end: int) -> NDArray:
    """Return planes across a stored axis that is not the first, by a copy in that order."""
    planes = (stored.shape[axis], stored.shape[0], stored.shape[3 - axis])
    write = partial(_copy, stored, axis)
    if stored.path is None:
        return np.moveaxis(stored.read(0, stored.shape[0]), axis, 0)[first:end]
    content = (str(stored.path), stored.dataset, stored.shape, axis)
    copy = kept_beside(stored.path, content, "planes", write)
    return read_contiguous(copy, stored.dtype, 0, planes[1:], first, end)


def _copy(stored: Volume, axis: int, target: Path) -> None:
    """Write a stored volume as planes across `axis`; in each, the first stored axis comes first."""
    n_sections, row_bytes = stored.shape[0], stored.shape[3 - axis] * stored.dtype.itemsize
    n_planes = stored.shape[axis]
    if stored.path is not None:
        require_room(stored.path, n_planes * n_sections * row_bytes, target.parent)
    depth = max(1, _SLAB_BYTES // (n_planes * row_bytes))
    with target.open("wb") as file:
        for first, end in stored.slabs(depth):
            for plane, part in enumerate(np.moveaxis(stored.read(first, end), axis, 0)):
                file.seek((plane * n_sections + first) * row_bytes)
                file.write(np.ascontiguousarray(part).data)
