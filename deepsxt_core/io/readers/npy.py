"""NumPy arrays: .npy, and the members of .npz. Pickled objects are never loaded.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
"""

import io
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.parts import MARK
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous
from deepsxt_core.io.readers.stored_parts import StoredArray
from deepsxt_core.io.readers.unpacked import Packed, unpack
from deepsxt_core.volume import Volume, VoxelSize

KIND = "NumPy"
_MAGIC = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_MOST_MEMBERS = 1000
_FEWEST_AXES, _MOST_AXES = 2, 6
_MOST_HEADER_BYTES = 1 << 16
_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool
    offset: int


def matches(path: Path, head: bytes) -> bool:
    """Return whether it is a .npy file, or a zip archive of nothing but .npy files."""
    if head.startswith(_MAGIC):
        return True
    if not head.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def list_datasets(path: Path) -> list[Entry]:
    """Return the arrays that could be volumes or slices as (name, shape, dtype)."""
    headers = _headers(path)
    return [
        entry for name, header in headers.items() for entry in _array(path, name, header).entries
    ]


def _array(path: Path, name: str, header: _Header) -> StoredArray:
    return StoredArray.guessed(path, name, header.shape, header.dtype.newbyteorder("="))


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a NumPy file; see `deepsxt_core.io.open_volume`. It tells no voxel size."""
    headers = _headers(path)
    if not headers:
        raise NotATomogramError(f"'{path.name}' holds no array of numbers with two or three axes.")
    name = next(iter(headers))
    if len(headers) > 1:
        name = choose_dataset(path, list_datasets(path), dataset).partition(MARK)[0]
    header = headers[name]
    array = _array(path, name, header)
    chosen, part = array.chosen(dataset)
    native, shape = array.dtype, array.shape
    check_values(path, shape, native)
    if header.by_columns and chosen is not None:
        raise NotATomogramError(
            f"'{path.name}' holds {len(header.shape)} axes, stored by columns. Save the part that "
            "you need as an array of its own."
        )
    settled, doubts = settle_voxel_size((None, None, None), voxel_size_nm, shape[0])
    n_bytes = header.offset + int(np.prod(header.shape, dtype=object)) * native.itemsize
    packed = None
    if _is_archive(path):
        packed = Packed(path, "zip", "array.npy", n_bytes=n_bytes, detail=f"{name}.npy")
        unpack(packed)
    else:
        check_holds(path, KIND, n_bytes)
    stored = shape if header.by_columns else array.stored_shape
    planes = partial(_read, path, packed, header, stored)
    reader = planes if header.by_columns else array.reader(planes, part)
    listed = chosen or (name if packed else None)
    return Volume(shape, native, settled, reader, path, KIND, listed, doubts)


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ZIP


def _headers(path: Path) -> dict[str, _Header]:
    with blaming_file(path, KIND):
        if not _is_archive(path):
            with path.open("rb") as file:
                return {"array": _header(path, file)}
        found = {}
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
                raise UnreadableFileError(
                    f"'{path.name}' has {len(names)} members, too many or of the same name."
                )
            for name in names:
                with archive.open(name) as member:
                    header = _header(path, member)  # type: ignore[arg-type]
                if _FEWEST_AXES <= len(header.shape) <= _MOST_AXES and header.dtype.kind in "biufc":
                    found[name.removesuffix(".npy")] = header
        return found


def _header(path: Path, file: BinaryIO) -> _Header:
    # A header may claim to have 4 GB; NumPy reads it before it looks at its length.
    head = io.BytesIO(file.read(_MOST_HEADER_BYTES))
    version = npy_format.read_magic(head)
    read = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    if version not in read:
        raise UnreadableFileError(
            f"'{path.name}' is a .npy file of version {version}, which holds no plain numbers."
        )
    shape, by_columns, dtype = read[version](head)
    if dtype.hasobject:
        raise NotATomogramError(
            f"'{path.name}' holds pickled Python objects, which can run any program when loaded; "
            "they are never opened. Save the plain array with numpy.save."
        )
    return _Header(tuple(shape), dtype, by_columns and len(shape) > 1, head.tell())


def _read(
    path: Path,
    packed: Packed | None,
    header: _Header,
    shape: tuple[int, int, int],
    z0: int,
    z1: int,
) -> NDArray:
    plain = unpack(packed) if packed else path
    if not header.by_columns:
        return read_contiguous(plain, header.dtype, header.offset, shape[1:], z0, z1)
    depth, height, width = shape
    slab = np.empty((z1 - z0, height, width), header.dtype.newbyteorder("="))
    plane = depth * height
    columns = max(1, _BLOCK_BYTES // (plane * header.dtype.itemsize))
    with blaming_file(path, KIND):
        for x0 in range(0, width, columns):
            n = min(columns, width - x0)
            start = header.offset + x0 * plane * header.dtype.itemsize
            values = np.fromfile(plain, header.dtype, n * plane, offset=start)
            slab[:, :, x0 : x0 + n] = values.reshape(n, height, depth)[:, :, z0:z1].transpose()
    return slab
