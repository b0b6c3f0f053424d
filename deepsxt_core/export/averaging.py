"""Volumes and slices averaged over blocks of voxels until they fit into a budget.

`deepsxt_core.preprocessing.cut` averages cubes of 2 or 4; here each axis has a number of its own,
so that a stack of few slices keeps them.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.geometry import Shape
from deepsxt_core.volume import Volume

_PIECE_BYTES = 64 << 20


def averaged(volume: Volume, max_voxels: int) -> tuple[NDArray[np.float32], Shape]:
    """Return means over blocks of voxels, at most `max_voxels` of them, and the blocks' shape.

    The axis of most voxels is halved first, so that a thin stack keeps its slices; what does
    not fill a whole block at the end of an axis is left out. A block with a value that is not
    finite is not finite. Read a slab at a time.
    """
    block = _block(volume.shape, lambda counts: math.prod(counts) <= max_voxels)
    bz, by, bx = block
    nz, ny, nx = (n // b for n, b in zip(volume.shape, block, strict=True))
    means = np.zeros((nz, ny, nx), np.float32)
    for layer in range(nz):
        for first, end in volume.slabs(_depth(volume), layer * bz, (layer + 1) * bz):
            slab = volume.read(first, end)[:, : ny * by, : nx * bx]
            blocks = slab.reshape(end - first, ny, by, nx, bx)
            means[layer] += blocks.sum(axis=(0, 2, 4), dtype=np.float32)
    return means / np.float32(math.prod(block)), block


def _block(shape: Shape, is_small: Callable[[list[int]], bool]) -> Shape:
    block = [1, 1, 1]
    counts = list(shape)
    while not is_small(counts):
        axis = int(np.argmax(counts))
        block[axis] *= 2
        counts[axis] = shape[axis] // block[axis]
    return block[0], block[1], block[2]


def _depth(volume: Volume) -> int:
    """Return how many slices may be in memory at once."""
    _, height, width = volume.shape
    return max(1, _PIECE_BYTES // (height * width * volume.dtype.itemsize))


def averaged_slices(
    volume: Volume, places: Sequence[int], max_pixels: int
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], Shape]:
    """Return three slices, at `places` across (z, y, x), averaged, and the blocks' shape.

    Each, (y, x), (z, x) and (z, y), has at most `max_pixels`; means are taken along the slice,
    never across it. What does not fill a whole block at the end of an axis is left out. All of
    the volume is read once, a slab at a time.
    """
    z, y, x = places
    block = _block(
        volume.shape,
        lambda n: max(n[0] * n[1], n[0] * n[2], n[1] * n[2]) <= max_pixels,
    )
    bz, by, bx = block
    nz, ny, nx = (n // b for n, b in zip(volume.shape, block, strict=True))
    level = volume.read(z, z + 1)[0, : ny * by, : nx * bx]
    across_z = level.reshape(ny, by, nx, bx).mean(axis=(1, 3), dtype=np.float32)
    across_y, across_x = np.zeros((nz, nx), np.float32), np.zeros((nz, ny), np.float32)
    for layer in range(nz):
        for first, end in volume.slabs(_depth(volume), layer * bz, (layer + 1) * bz):
            slab = volume.read(first, end)
            row = slab[:, y, : nx * bx].reshape(-1, nx, bx)
            column = slab[:, : ny * by, x].reshape(-1, ny, by)
            across_y[layer] += row.sum(axis=(0, 2), dtype=np.float32)
            across_x[layer] += column.sum(axis=(0, 2), dtype=np.float32)
    across_y /= bz * bx
    across_x /= bz * by
    return (across_z, across_y, across_x), block
