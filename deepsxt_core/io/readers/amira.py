"""Amira and Avizo meshes (.am, sometimes .rec) with a field on a uniform lattice.

Raw, text, HxZip (zlib) and HxByteRLE data sections. The bounding box runs from the centre of the
first voxel to that of the last.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, unitless
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.materials import amira_materials
from deepsxt_core.io.readers.placement import Placement, as_origin
from deepsxt_core.io.readers.reading import blaming_file, check_holds
from deepsxt_core.io.readers.unpacked import open_stored
from deepsxt_core.volume import Tag, Volume, VoxelSize

KIND = "Amira"
_SIGNATURES = (b"# AmiraMesh", b"# Avizo")
_LARGEST_HEADER = 1 << 20
_TYPES = {"byte": "u1", "short": "i2", "ushort": "u2", "int": "i4", "float": "f4", "double": "f8"}
_CODECS = {"HxZip": "zlib", "HxByteRLE": "byterle"}
_LATTICE = re.compile(r"define\s+Lattice\s+(\d+)\s+(\d+)\s+(\d+)")
_FIELD = re.compile(
    r"Lattice\s*\{\s*(\w+)(\[\d+\])?\s+(\w+)\s*\}\s*=?\s*@(\d+)(?:\((\w+),(\d+)\))?"
)
_BOX = re.compile(r"BoundingBox\s+" + r"\s+".join([r"([-+.\deE]+)"] * 6))
_UNITS = re.compile(r"Units\s*\{[^}]*Coordinates\s+\"([^\"]*)\"")


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first line is that of Amira or Avizo."""
    return head.startswith(_SIGNATURES)


def list_datasets(path: Path) -> list[Entry]:
    """Return the fields on the lattice as (name, shape, dtype)."""
    header = _read_header(path)
    return [(f.name, header.shape, f.dtype.newbyteorder("=")) for f in header.fields]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a mesh; see `deepsxt_core.io.open_volume`."""
    header = _read_header(path)
    name = choose_dataset(path, list_datasets(path), dataset)
    field = next(field for field in header.fields if field.name == name)
    native = field.dtype.newbyteorder("=")
    check_values(path, header.shape, native)
    n_bytes = int(np.prod(header.shape, dtype=object)) * native.itemsize
    offset = _section(path, field.section, n_bytes, header)
    reader = open_stored(path, KIND, field.codec, field.dtype, offset, header.shape)
    listed = name if len(header.fields) > 1 else None
    volume = header.placement.volume(
        header.shape, native, reader, path, KIND, voxel_size_nm=voxel_size_nm, dataset=listed
    )
    return replace(volume, tags=header.tags)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    dtype: np.dtype
    section: int
    codec: str | None
    packed_bytes: int


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, int, int]
    fields: tuple[_Field, ...]
    n_bytes: int
    placement: Placement
    tags: dict[int, Tag]


def _read_header(path: Path) -> _Header:
    with blaming_file(path, KIND):
        with path.open("rb") as file:
            head = file.read(_LARGEST_HEADER)
        start = re.search(rb"\n@1\s*?\n", head)
        if start is None:
            raise UnreadableFileError(
                f"'{path.name}' has no data section '@1': its values are missing, or in another "
                "file, which is not opened. Save it as one Amira mesh file with its values."
            )
        text = head[: start.start() + 1].decode("latin-1")
        first_line = text.partition("\n")[0].upper()
        lattice = _LATTICE.search(text)
        fields = [found for found in _FIELD.finditer(text) if not found[2] and found[1] in _TYPES]
        if lattice is None or not fields:
            raise NotATomogramError(
                f"'{path.name}' is an Amira file without single numbers on a lattice, such as a "
                "surface or a vector field. Save the image data itself."
            )
        if re.search(r'CoordType\s+"(?!uniform)', text):
            raise NotATomogramError(
                f"'{path.name}' has voxels of different sizes (coordinates that are not uniform). "
                "Resample it onto a uniform lattice in Amira."
            )
        text_codec = "text" if "ASCII" in first_line else None
        order = "<" if "LITTLE" in first_line or text_codec else ">"
        x, y, z = (int(n) for n in lattice.groups())
        parsed = []
        for found in fields:
            kind, _, name, section, codec, packed_bytes = found.groups()
            if codec is not None and codec not in _CODECS:
                raise UnreadableFileError(
                    f"'{path.name}' stores its values as {codec}, which is not supported. "
                    "Save it without compression."
                )
            dtype = np.dtype(order + _TYPES[kind])
            how = _CODECS[codec] if codec else text_codec
            parsed.append(_Field(name, dtype, int(section), how, int(packed_bytes or 0)))
        if len({field.name for field in parsed}) < len(parsed):
            parsed = [
                _Field(f"{f.name} @{f.section}", f.dtype, f.section, f.codec, f.packed_bytes)
                for f in parsed
            ]
        placement = _placement(text, (x, y, z))
        return _Header((z, y, x), tuple(parsed), start.end(), placement, amira_materials(text))


def _section(path: Path, section: int, n_bytes: int, header: _Header) -> int:
    """Return where the values of a data section start."""
    offset, sizes = header.n_bytes, {f.section: f for f in header.fields}
    voxels = int(np.prod(header.shape, dtype=object))
    with blaming_file(path, KIND), path.open("rb") as file:
        for number in range(1, section):
            before = sizes.get(number)
            if before is None or before.codec == "text":
                raise UnreadableFileError(
                    f"Section @{section} of '{path.name}' follows data of a kind that cannot be "
                    "skipped. Save the field as a file of its own."
                )
            plain = voxels * before.dtype.itemsize
            offset += before.packed_bytes if before.codec else plain
            file.seek(offset)
            mark = re.match(rb"\s*@%d\s*?\n" % (number + 1), file.read(64))
            if mark is None:
                check_holds(path, KIND, offset + n_bytes)
                raise UnreadableFileError(
                    f"Section @{number + 1} of '{path.name}' is not where it should be. "
                    "Save it anew."
                )
            offset += mark.end()
    return offset


def _placement(text: str, sizes: tuple[int, int, int]) -> Placement:
    box = _BOX.search(text)
    if box is None:
        return Placement()
    x0, x1, y0, y1, z0, z1 = (float(value) for value in box.groups())
    lengths = (x1 - x0, y1 - y0, z1 - z0)
    edges = [
        length / (n - 1) if n > 1 else length for length, n in zip(lengths, sizes, strict=True)
    ]
    named = _UNITS.search(text)
    unit = nm_per_unit(named[1]) if named else None
    if unit is None:
        return Placement(warnings=unitless(edges[::-1]))
    x, y, z = (as_length(edge, unit) for edge in edges)
    return Placement((z, y, x), as_origin((z0, y0, x0), unit))
