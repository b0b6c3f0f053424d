"""MetaImage of ITK: .mha with its values inside, .mhd with them in a file beside.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation. Lengths have no unit in it; ITK counts in mm.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.datasets import Entry, check_values
from deepsxt_core.io.readers.placement import Placement, from_columns
from deepsxt_core.io.readers.reading import blaming_file, file_beside
from deepsxt_core.io.readers.stored_parts import StoredArray
from deepsxt_core.io.readers.unpacked import open_stored
from deepsxt_core.volume import Volume, VoxelSize

KIND = "MetaImage"
_FIRST_KEY = re.compile(rb"(ObjectType|ObjectSubType|NDims|Comment)[ \t]*=")
_LARGEST_HEADER = 1 << 16
_MOST_AXES = 4
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_NM_PER_MM = 1e6
# Tomograms of cells; a size outside of it was not meant in mm.
_BELIEVABLE_NM = (0.5, 5000.0)


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first line is one of a MetaImage header."""
    return _FIRST_KEY.match(head) is not None and b"DimSize" in head


def list_datasets(path: Path) -> list[Entry]:
    """Return the one array of the file as (name, shape, dtype)."""
    header = _read_header(path)
    return header.array.entries


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a MetaImage; see `deepsxt_core.io.open_volume`."""
    header = _read_header(path)
    array, native = header.array, header.array.dtype
    chosen, part = array.chosen(dataset)
    check_values(path, array.shape, native)
    n_bytes = int(np.prod(array.stored_shape, dtype=object)) * native.itemsize
    offset = header.offset
    if offset < 0 and not header.compressed:
        offset = max(header.data.stat().st_size - n_bytes, 0)
    codec = "zlib" if header.compressed else None
    planes = open_stored(header.data, KIND, codec, header.dtype, offset, array.stored_shape)
    reader = array.reader(planes, part)
    return header.placement.volume(
        array.shape, native, reader, path, KIND, voxel_size_nm=voxel_size_nm, dataset=chosen
    )


@dataclass(frozen=True, slots=True)
class _Header:
    array: StoredArray
    dtype: np.dtype
    data: Path
    offset: int
    compressed: bool
    placement: Placement


def _read_header(path: Path) -> _Header:
    with blaming_file(path, KIND):
        fields, end = _fields(path)
        kind = fields.get("elementtype", "").upper()
        channels = int(fields.get("elementnumberofchannels", "1"))
        sizes = tuple(int(n) for n in fields["dimsize"].split())
        kind = kind.removesuffix("_ARRAY")
        if kind not in _TYPES or channels < 1:
            raise NotATomogramError(
                f"'{path.name}' holds values of type '{kind}' with {channels} numbers each, no "
                "tomogram. Save it with numbers of a usual type."
            )
        if len(sizes) != int(fields["ndims"]) or min(sizes) < 1:
            raise UnreadableFileError(
                f"'{path.name}' gives {fields['ndims']} axes of the sizes {sizes}, which is no "
                "volume. Save it anew."
            )
        if fields.get("binarydata", "true").lower() != "true":
            raise UnreadableFileError(
                f"'{path.name}' keeps its values as text, which is not supported. Save it as "
                "binary, for example with 3D Slicer."
            )
        order = fields.get("binarydatabyteordermsb", fields.get("elementbyteordermsb", "false"))
        dtype = np.dtype((">" if order.lower() == "true" else "<") + _TYPES[kind])
        where = fields["elementdatafile"]
        skipped = int(fields.get("headersize", "0"))
        # ITK counts it from the start of the file that holds the values, whichever that is.
        data, offset = path, skipped or end
        if where.upper() != "LOCAL":
            if where.upper().startswith("LIST") or "%" in where:
                raise UnreadableFileError(
                    f"'{path.name}' keeps its values in several files ('{where}'), which is not "
                    "supported. Save it as a single .mha file."
                )
            data, offset = file_beside(path, where, ".mhd"), skipped
        compressed = fields.get("compresseddata", "false").lower() == "true"
        several = (channels,) if channels > 1 else ()
        letters = "tzyx"[-len(sizes) :] + "c" if several and len(sizes) <= _MOST_AXES else ""
        array = StoredArray.guessed(
            path, "data", sizes[::-1] + several, dtype.newbyteorder("="), letters
        )
        placement = _placement(fields, len(sizes))
        placement = replace(placement, warnings=placement.warnings + _scaled(fields))
        return _Header(array, dtype, data, offset, compressed, placement)


def _scaled(fields: dict[str, str]) -> tuple[str, ...]:
    """Return the word on values that are to be scaled."""
    slope, offset = (
        (_numbers(fields, f"elementtointensityfunction{name}") or [usual])[0]
        for name, usual in (("slope", 1.0), ("offset", 0.0))
    )
    if (slope, offset) == (1.0, 0.0):
        return ()
    return (
        f"The file says that its values are to be scaled (times {slope:g}, plus {offset:g}); they "
        "are read as stored.",
    )


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the header by lower-case key, and where it ends: after the name of the data file."""
    with path.open("rb") as file:
        head = file.read(_LARGEST_HEADER)
    fields: dict[str, str] = {}
    at = 0
    while (end := head.find(b"\n", at)) >= 0 or at < len(head):
        end = len(head) if end < 0 else end
        key, _, value = head[at:end].decode("latin-1").partition("=")
        at = end + 1
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":
            return fields, at
    raise UnreadableFileError(
        f"'{path.name}' is a MetaImage header that does not say where its values are "
        "(ElementDataFile). Save it anew."
    )


def _numbers(fields: dict[str, str], *names: str) -> list[float]:
    text = next((fields[name] for name in names if name in fields), "")
    return [float(part) for part in text.split()]


def _placement(fields: dict[str, str], n: int) -> Placement:
    spacing = _numbers(fields, "elementspacing", "elementsize")
    turns = _numbers(fields, "transformmatrix", "rotation", "orientation")
    origin = _numbers(fields, "offset", "position", "origin")
    if n == 4 and len(spacing) == 4:  # the last is time
        n, spacing, turns, origin = 3, spacing[:3], [], origin[:3]
    if n != 3 or len(spacing) != 3:
        spacing, turns, origin = (spacing + [0.0] * 3)[:3] if n == 3 else [0.0] * 3, [], []
    # Each axis of the image has its direction as three numbers, one after another.
    matrix = np.array(turns if len(turns) == 9 else np.eye(3).ravel(), float).reshape(3, 3)
    steps = [abs(step) or 1.0 for step in spacing]
    start = np.array(origin if len(origin) == 3 else [0.0] * 3)
    low, high = _BELIEVABLE_NM
    in_mm = any(spacing) and all(low <= step * _NM_PER_MM <= high for step in steps)
    unit = _NM_PER_MM if in_mm else None
    columns = [row * step for row, step in zip(matrix, steps, strict=True)]
    return from_columns(columns, start, unit)
