"""Data sets in the layout of the published software, one ``.npz`` file with six arrays.

``arr_0`` holds the training images (n, y, x, 1), ``arr_1`` their labels, -1 outside and 1 on
membranes, or nothing where there are none, and ``arr_2`` the size (y, x) of each image, which lies
in the middle of its padded array. ``arr_3`` to ``arr_5`` are the same for the test images. The file
does not say which images are neighbours in a tomogram: all are told apart, and a part of them is
held back anew.
"""

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.io.readers.reading import blaming_file, read_contiguous
from deepsxt_core.io.readers.unpacked import Packed, unpack
from deepsxt_core.volume import Volume

SUFFIX = ".npz"
_FORMAT = "published data set"
_KIND = "a published data set"
_LOCAL_HEADER_BYTES = 30
_MOST_HEADER_BYTES = 1 << 16
_MOST_SIZES_BYTES = 1 << 24

_Region = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class _Stack:
    """Where an array (n, y, x, 1) lies: in which file, from which byte on, once unpacked."""

    path: Path
    packed: Packed | None
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int

    def read(self, number: int) -> NDArray:
        plane = self.shape[1], self.shape[2]
        plain = unpack(self.packed) if self.packed else self.path
        return read_contiguous(plain, self.dtype, self.offset, plane, number, number + 1)


def open_published(path: Path) -> Iterator[tuple[str, Volume, Volume | None]]:
    """Yield a name, the image and its labels, if there are some, of each image of the file.

    Each volume is one slice, of the size that the image had before it was padded. Labels are
    uint8, 1 on membranes.

    Raises
    ------
    TrainingDataError
        If the file does not have this layout.
    UnreadableFileError
        If it is damaged.
    """
    with blaming_file(path, _KIND), zipfile.ZipFile(path) as archive:
        stacks = {name: _stack(path, archive, f"{name}.npy") for name in _names(path, archive)}
        sizes = {name: _sizes(path, archive, f"{name}.npy") for name in ("arr_2", "arr_5")}
    for part, images, labels, size in (
        ("training", "arr_0", "arr_1", "arr_2"),
        ("test", "arr_3", "arr_4", "arr_5"),
    ):
        yield from _images(path, part, stacks[images], stacks[labels], sizes[size])


def _names(path: Path, archive: zipfile.ZipFile) -> list[str]:
    wanted = [f"arr_{i}" for i in range(6)]
    if set(archive.namelist()) != {f"{name}.npy" for name in wanted}:
        raise TrainingDataError(
            f"'{path.name}' holds {', '.join(archive.namelist()[:8]) or 'nothing'}; a data set of "
            "the published software holds arr_0.npy to arr_5.npy"
        )
    return wanted


def _sizes(path: Path, archive: zipfile.ZipFile, member: str) -> NDArray:
    if archive.getinfo(member).file_size > _MOST_SIZES_BYTES:
        raise TrainingDataError(f"'{member}' in '{path.name}' is too large for sizes of images")
    with archive.open(member) as file:
        sizes: NDArray = npy_format.read_array(io.BytesIO(file.read(_MOST_SIZES_BYTES)))
    return sizes


def _stack(path: Path, archive: zipfile.ZipFile, member: str) -> _Stack:
    info = archive.getinfo(member)
    packed, start = None, 0
    if info.compress_type == zipfile.ZIP_STORED:
        # Large, and stored as it is: read in place.
        with path.open("rb") as file:
            file.seek(info.header_offset + _LOCAL_HEADER_BYTES - 4)
            names = struct.unpack("<HH", file.read(4))
        start = info.header_offset + _LOCAL_HEADER_BYTES + sum(names)
    else:
        packed = Packed(path, "zip", "array.npy", n_bytes=info.file_size, detail=member)
    plain = unpack(packed) if packed else path
    with plain.open("rb") as whole:
        whole.seek(start)
        # A header may claim to have 4 GB; NumPy reads it before it looks at its length.
        head = io.BytesIO(whole.read(_MOST_HEADER_BYTES))
        version = npy_format.read_magic(head)
        read = (
            npy_format.read_array_header_1_0
            if version[0] == 1
            else npy_format.read_array_header_2_0
        )
        shape, by_columns, dtype = read(head)
        if dtype.hasobject or (by_columns and len(shape) > 1 and 0 not in shape):
            raise TrainingDataError(f"'{member}' in '{path.name}' is no plain array of numbers")
        return _Stack(path, packed, shape, dtype, start + head.tell())


def _images(
    path: Path, part: str, images: _Stack, labels: _Stack, sizes: NDArray
) -> Iterator[tuple[str, Volume, Volume | None]]:
    count = images.shape[0]
    if count == 0:
        return
    has_labels = 0 not in labels.shape
    if (
        len(images.shape) != 4
        or images.shape[3] != 1
        or (has_labels and labels.shape != images.shape)
        or sizes.shape != (count, 2)
        or (sizes < 1).any()
        or (sizes > images.shape[1:3]).any()
    ):
        raise TrainingDataError(
            f"The {part} arrays of '{path.name}' do not fit together: images {images.shape}, "
            f"labels {labels.shape}, sizes {sizes.shape}; expected are (n, y, x, 1), the same or "
            "none, and (n, 2), each size within y and x"
        )
    for number in range(count):
        height, width = map(int, sizes[number])
        y, x = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
        region = slice(y, y + height), slice(x, x + width)
        shape = 1, height, width

        read = partial(_crop, images, number, region)
        image = Volume(shape, images.dtype, None, read, path, _FORMAT)
        marked = Volume(
            shape, np.dtype(np.uint8), None, partial(_marked, labels, number, region), path, _FORMAT
        )
        yield f"{path.stem}, {part} image {number + 1}.", image, marked if has_labels else None


def _crop(stack: _Stack, number: int, region: _Region, _z0: int, _z1: int) -> NDArray:
    return stack.read(number)[:, *region]


def _marked(stack: _Stack, number: int, region: _Region, _z0: int, _z1: int) -> NDArray[np.uint8]:
    return (stack.read(number)[:, *region] > 0).astype(np.uint8)
