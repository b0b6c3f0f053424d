"""EM files, as the TOM toolbox, Dynamo and PyTom write them.

Format: Hegerl, J. Struct. Biol. 116 (1996), doi:10.1006/jsbi.1996.0007. 512 bytes of header, no
signature: a file is one of them when its size is exactly what its header says.
"""

from functools import partial
from pathlib import Path

import numpy as np

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.reading import blaming_file, read_contiguous
from deepsxt_core.volume import Volume, VoxelSize

KIND = "EM"
_HEADER_BYTES = 512
_ORDERS = {0: ">", 3: ">", 5: ">", 6: "<"}
_TYPES = {1: "i1", 2: "i2", 4: "i4", 5: "f4", 8: "c8", 9: "f8"}
# The seventh of forty integers after the comment: the pixel in the object, in pm.
_PIXEL_PM = 96 + 6 * 4


def matches(path: Path, head: bytes) -> bool:
    """Return whether the header makes sense and the file is exactly as long as it says."""
    try:
        _parse(head, path.stat().st_size)
    except (ValueError, OSError):
        return False
    return True


def list_datasets(path: Path) -> list[Entry]:
    """Return the one array of the file as (name, shape, dtype)."""
    shape, dtype, _ = _header(path)
    return [("data", shape, dtype.newbyteorder("="))]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an EM file; see `deepsxt_core.io.open_volume`."""
    shape, dtype, edge_nm = _header(path)
    native = dtype.newbyteorder("=")
    choose_dataset(path, [("data", shape, native)], dataset)
    check_values(path, shape, native)
    settled, doubts = settle_voxel_size((edge_nm,) * 3, voxel_size_nm, shape[0])
    reader = partial(read_contiguous, path, dtype, _HEADER_BYTES, shape[1:])
    return Volume(shape, native, settled, reader, path, KIND, warnings=doubts)


def _header(path: Path) -> tuple[tuple[int, int, int], np.dtype, float | None]:
    with blaming_file(path, KIND):
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
        try:
            return _parse(head, path.stat().st_size)
        except ValueError as error:
            raise UnreadableFileError(f"'{path.name}' is no complete EM file: {error}.") from error


def _parse(head: bytes, size: int) -> tuple[tuple[int, int, int], np.dtype, float | None]:
    if len(head) < _HEADER_BYTES or head[0] not in _ORDERS or head[3] not in _TYPES:
        raise ValueError("its machine or type code is unknown")
    order = _ORDERS[head[0]]
    dtype = np.dtype(order + _TYPES[head[3]])
    x, y, z = (int(n) for n in np.frombuffer(head, f"{order}i4", 3, 4))
    if min(x, y, z) < 1 or _HEADER_BYTES + x * y * z * dtype.itemsize != size:
        raise ValueError(f"{x} x {y} x {z} values do not make {size} bytes")
    pixel_pm = int(np.frombuffer(head, f"{order}i4", 1, _PIXEL_PM)[0])
    return (z, y, x), dtype, as_length(pixel_pm, 1e-3)
