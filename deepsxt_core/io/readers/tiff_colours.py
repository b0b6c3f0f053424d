"""TIFF pictures in colour that are none: labels with a colour each, and grey values kept thrice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError
from deepsxt_core.geometry import Shape, VoxelSize
from deepsxt_core.io.readers.calibration import settle_voxel_size
from deepsxt_core.io.readers.tiff_pages import KIND, page_reader
from deepsxt_core.io.readers.tiff_sizes import edges_nm, origin_nm
from deepsxt_core.volume import Volume

_Read = Callable[[int, int], NDArray]

_MOST_COLOURS = 256
_MOST_NAMED = 6
# Neighbours in drawn labels are of the same colour nearly everywhere, those in pictures are not.
_LEAST_SAME = 0.7


def open_colours(
    path: Path,
    tif: tifffile.TiffFile,
    index: int,
    shape: Shape,
    voxel_size_nm: VoxelSize | None,
) -> Volume:
    """Open a series of colours as labels, one for each colour, or as grey values if it has none.

    Raises
    ------
    NotATomogramError
        If it is a picture in colour.
    """
    series = tif.series[index]
    samples, stored = int(series.shape[-1]), np.dtype(series.dtype)
    row = (shape[1], shape[2] * samples)
    read = page_reader(path, tif, series, row, stored, tuple(range(shape[0])))
    packed = partial(_packed, read, (shape[1], shape[2], samples))
    colours = _few_colours(packed, shape[0])
    edges = edges_nm(tif, index)
    settled, doubts = settle_voxel_size(edges, voxel_size_nm, shape[0])
    reader: partial[NDArray]
    if colours is None and all(_is_grey(packed(z, z + 1)) for z in range(shape[0])):
        reader, dtype = partial(_grey, packed, stored), stored
        words = "The file stores grey values as colours whose parts are all alike; it is read so."
    elif colours is None or len(colours) < 2:
        raise NotATomogramError(
            f"'{path.name}' holds {samples} colours (axes {series.axes}, shape {series.shape}), "
            "not one tomogram. Convert it to grey values."
        )
    else:
        reader, dtype = partial(_labels, packed, colours), np.dtype(np.uint8)
        words = _told(colours)
    place = origin_nm(tif, index, edges)
    kind = f"{KIND} in colours"
    return Volume(
        shape, dtype, settled, reader, path, kind, None, (words, *doubts), origin_nm=place
    )


def _packed(read: _Read, form: Shape, z0: int, z1: int) -> NDArray[np.uint64]:
    """Return colours as numbers (z1 - z0, y, x), red in the highest bits; opacity is left out."""
    values = read(z0, z1).reshape(z1 - z0, *form)[..., :3].astype(np.uint64)
    return (values[..., 0] << np.uint64(32)) | (values[..., 1] << np.uint64(16)) | values[..., 2]


def _split(colours: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], ...]:
    low = np.uint64(0xFFFF)
    return colours >> np.uint64(32), (colours >> np.uint64(16)) & low, colours & low


def _is_grey(colours: NDArray[np.uint64]) -> bool:
    red, green, blue = _split(colours)
    return bool(np.array_equal(red, green) and np.array_equal(green, blue))


def _few_colours(packed: _Read, depth: int) -> NDArray[np.uint64] | None:
    """Return the colours, that of the background first; None where they are no labels."""
    counts: dict[int, int] = {}
    for z in range(depth):
        (image,) = packed(z, z + 1)
        for axis in (0, 1):
            if image.shape[axis] > 1 and np.mean(np.diff(image, axis=axis) == 0) < _LEAST_SAME:
                return None
        for colour, n in zip(*np.unique(image, return_counts=True), strict=True):
            counts[int(colour)] = counts.get(int(colour), 0) + int(n)
        if len(counts) > _MOST_COLOURS:
            return None
    background = 0 if 0 in counts else max(counts, key=lambda colour: counts[colour])
    others = sorted(colour for colour in counts if colour != background)
    return np.array([background, *others], np.uint64)


def _told(colours: NDArray[np.uint64]) -> str:
    shown = [f"({', '.join(str(int(part)) for part in _split(c))})" for c in colours]
    named = ", ".join(f"{n} is {colour}" for n, colour in enumerate(shown[1:_MOST_NAMED], 1))
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return (
        f"The file holds {len(shown) - 1} colours on a background of {shown[0]} (red, green, "
        f"blue); each is taken as a label: {named}{more}."
    )


def _labels(packed: _Read, colours: NDArray[np.uint64], z0: int, z1: int) -> NDArray[np.uint8]:
    order = np.argsort(colours)
    places = np.searchsorted(colours[order], packed(z0, z1))
    return order[np.minimum(places, len(colours) - 1)].astype(np.uint8)


def _grey(packed: _Read, dtype: np.dtype, z0: int, z1: int) -> NDArray:
    return _split(packed(z0, z1))[2].astype(dtype)
