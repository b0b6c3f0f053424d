"""NRRD files: raw, gzip, bzip2 or text, inside or in a file beside. `pynrrd` reads the header.

Format: https://teem.sourceforge.net/nrrd/format.html.
"""

import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, unitless
from deepsxt_core.io.readers.datasets import Entry, check_values
from deepsxt_core.io.readers.materials import slicer_segments
from deepsxt_core.io.readers.parts import Layout
from deepsxt_core.io.readers.placement import Placement, as_origin, from_columns
from deepsxt_core.io.readers.reading import blaming_file, file_beside
from deepsxt_core.io.readers.stored_parts import StoredArray
from deepsxt_core.io.readers.unpacked import open_stored
from deepsxt_core.volume import Tag, Volume, VoxelSize

KIND = "NRRD"
_MAGIC = b"NRRD000"
_LARGEST_HEADER = 1 << 20
_DETACHED = re.compile(rb"^data ?file:[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
_CODECS = {
    **dict.fromkeys(("gz", "gzip"), "gzip"),
    **dict.fromkeys(("bz2", "bzip2"), "bzip2"),
    **dict.fromkeys(("txt", "text", "ascii"), "text"),
}
_LEFT_HANDED = ("left-anterior-superior", "las", "3d-left-handed")
# Slicer and ITK, who write these, count in mm.
_ANATOMICAL = ("left", "right", "lps", "ras", "las", "scanner")


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of NRRD."""
    return head.startswith(_MAGIC)


def list_datasets(path: Path) -> list[Entry]:
    """Return the one array of the file as (name, shape, dtype)."""
    header = _read_header(path)
    return header.array.entries


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an NRRD file; see `deepsxt_core.io.open_volume`."""
    header = _read_header(path)
    array, native = header.array, header.array.dtype
    chosen, part = array.chosen(dataset)
    check_values(path, array.shape, native)
    planes = open_stored(
        header.data, KIND, header.codec, header.dtype, header.offset, array.stored_shape
    )
    reader = array.reader(planes, part)
    volume = header.placement.volume(
        array.shape, native, reader, path, KIND, voxel_size_nm=voxel_size_nm, dataset=chosen
    )
    return replace(volume, tags=header.tags)


@dataclass(frozen=True, slots=True)
class _Header:
    array: StoredArray
    dtype: np.dtype
    codec: str | None
    data: Path
    offset: int
    placement: Placement
    tags: dict[int, Tag]


def _read_header(path: Path) -> _Header:
    import nrrd

    with blaming_file(path, KIND):
        with path.open("rb") as file:
            head = file.read(_LARGEST_HEADER)
        ends = [at + len(gap) for gap in (b"\n\n", b"\r\n\r\n") if (at := head.find(gap)) >= 0]
        detached = _DETACHED.search(head[: min(ends, default=len(head))])
        if not ends and not detached:
            raise UnreadableFileError(
                f"'{path.name}' is NRRD without an end of its header. Save it anew."
            )
        stream = io.BytesIO(head[: min(ends, default=len(head))])
        fields: dict[str, Any] = dict(nrrd.read_header(stream))
        data, offset = path, min(ends, default=0)
        if detached:
            data, offset = _data_file(path, detached[1].decode("utf-8", "replace")), 0
        sizes = tuple(int(n) for n in fields["sizes"])
        kind = str(fields["type"]).lower()
        if len(sizes) != int(fields["dimension"]) or kind not in _TYPES:
            raise NotATomogramError(
                f"'{path.name}' holds values of type '{kind}' on {len(sizes)} axes, no tomogram."
            )
        order = ">" if str(fields.get("endian", "little")).lower() == "big" else "<"
        dtype = np.dtype(order + _TYPES[kind])
        array = StoredArray.guessed(path, "data", sizes[::-1], dtype.newbyteorder("="))
        codec = str(fields["encoding"]).lower()
        if codec != "raw" and codec not in _CODECS:
            raise UnreadableFileError(
                f"'{path.name}' stores its values as '{codec}', which is not supported. "
                "Save it as raw or gzip."
            )
        if any(int(fields.get(skip, 0)) for skip in ("line skip", "lineskip", "byte skip")):
            raise UnreadableFileError(
                f"'{path.name}' skips a part of the file, which is not supported. Save it anew."
            )
        placement = _placement(fields, _along_space(array.layout))
        return _Header(
            array, dtype, _CODECS.get(codec), data, offset, placement, slicer_segments(fields)
        )


def _data_file(path: Path, told: str) -> Path:
    if told.startswith("LIST") or "%" in told:
        raise UnreadableFileError(
            f"'{path.name}' keeps its values in several other files ('{told}'), which is not "
            "supported. Save it as a single .nrrd file."
        )
    return file_beside(path, told, ".nhdr")


def _along_space(layout: Layout) -> list[int]:
    """Return the axes of space, the fastest first, as NRRD counts them."""
    last = len(layout.letters) - 1
    return sorted(last - i for i, letter in enumerate(layout.letters) if letter in "zyx")


def _placement(fields: dict[str, Any], long: list[int]) -> Placement:
    """Return where the voxels lie, by the axes of space."""
    space = str(fields.get("space", "")).lower()
    usual = 1e6 if space.startswith(_ANATOMICAL) else None
    directions = fields.get("space directions")
    if directions is not None:
        columns = np.array([np.asarray(directions[axis], float) for axis in long])
        origin = np.asarray(fields.get("space origin", np.zeros(3)), float)
        if columns.shape[1:] == (3,) and origin.shape == (3,):
            units = [nm_per_unit(name) or usual for name in fields.get("space units") or [""] * 3]
            unit = units[0] if len(units) == 3 and None not in units else usual
            if unit is not None and len(units) == 3:
                # Each direction of space may have its own.
                ratio = np.array([(each or unit) / unit for each in units])
                columns, origin = columns * ratio, origin * ratio
            if space in _LEFT_HANDED:
                # As everything else here, right-handed: x counts the other way.
                other = np.array([-1.0, 1.0, 1.0])
                columns, origin = columns * other, origin * other
            return from_columns(list(columns), origin, unit)
    return _by_axes(fields, long, usual)


def _by_axes(fields: dict[str, Any], long: list[int], usual: float | None) -> Placement:
    """Return where the voxels lie by what is told axis by axis."""
    spacings = fields.get("spacings")
    if spacings is None:
        return Placement()
    edges = [float(spacings[axis]) for axis in long]
    names = fields.get("units") or [""] * (max(long) + 1)
    units = [nm_per_unit(names[axis]) or usual for axis in long]
    if None in units:
        return Placement(warnings=unitless(edges[::-1]))
    lengths = [as_length(edge, unit) for edge, unit in zip(edges, units, strict=True)]
    x, y, z = (*lengths, None, None, None)[:3]
    return Placement((z, y, x), _first_voxel(fields, long, edges, units))


def _first_voxel(
    fields: dict[str, Any], long: list[int], edges: list[float], units: list[float | None]
) -> tuple[float, float, float]:
    """Return the position (z, y, x) in nm of the first voxel by the ends of the axes."""
    starts = fields.get("axis mins")
    if starts is None:
        return 0.0, 0.0, 0.0
    centers = fields.get("centerings") or fields.get("centers") or ["cell"] * (max(long) + 1)
    centers = centers.split() if isinstance(centers, str) else centers
    places = [
        # That of its low edge, unless values stand for points.
        (float(starts[axis]) + (0.0 if centers[axis] == "node" else edge / 2)) * (unit or 0.0)
        for axis, edge, unit in zip(long, edges, units, strict=True)
    ]
    return as_origin([0.0] * (3 - len(places)) + places[::-1])
