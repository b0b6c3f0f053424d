"""MRC files (.mrc, .rec, .st, .map), as in the MRC2014 definition and its looser relatives.

The header is laid out by `mrcfile`; what deviates from the definition is read with a warning.
Format: Cheng et al., J. Struct. Biol. 192 (2015), doi:10.1016/j.jsb.2015.04.002. IMOD's own
fields: https://bio3d.colorado.edu/imod/doc/mrc_format.txt.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from mrcfile import dtypes, utils

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.mrc_cell import (
    IMOD_STAMP,
    axes_of,
    edges_nm,
    imod_origin,
    odd_cell,
    origin_nm,
)
from deepsxt_core.io.readers.placement import Placement
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous
from deepsxt_core.volume import Volume, VoxelSize

KIND = "MRC"
_HEADER_BYTES = dtypes.HEADER_DTYPE.itemsize
_MAP_ID = slice(208, 212)
_MARKS = (b"MAP ", b"MAP\0")
_MODES = (0, 1, 2, 3, 4, 6, 12, 16, 101)
_LARGEST_SIDE = 1 << 20


def matches(path: Path, head: bytes) -> bool:
    """Return whether the first bytes are those of an MRC file, old ones without the mark too."""
    if len(head) < _MAP_ID.stop:
        return False
    if head[_MAP_ID] in _MARKS:
        return True
    return any(_plausible(head, order, path.stat().st_size) for order in "<>")


def list_datasets(path: Path) -> list[Entry]:
    """Return the one array of the file as (name, shape, dtype)."""
    header = _read_header(path)
    return [("data", header.shape, header.dtype.newbyteorder("="))]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an MRC file; see `deepsxt_core.io.open_volume`."""
    header = _read_header(path)
    native = header.dtype.newbyteorder("=")
    choose_dataset(path, [("data", header.shape, native)], dataset)
    check_values(path, header.shape, native)
    n_bytes = header.dtype.itemsize * int(np.prod(header.shape, dtype=object))
    check_holds(path, KIND, header.offset + n_bytes)
    reader = partial(read_contiguous, path, header.dtype, header.offset, header.shape[1:])
    placement = header.placement
    placement = replace(placement, warnings=placement.warnings + _left_over(path, header, n_bytes))
    return placement.volume(header.shape, native, reader, path, KIND, voxel_size_nm=voxel_size_nm)


def _left_over(path: Path, header: "_Header", n_bytes: int) -> tuple[str, ...]:
    """Return the word on values behind the last slice that the header tells of."""
    slices = (path.stat().st_size - header.offset - n_bytes) // (n_bytes // header.shape[0])
    if slices < 1:
        return ()
    return (
        f"The file has room for {slices} more slices than the {header.shape[0]} that its header "
        "tells of; they are left out. If they belong to it, the header is wrong: export it again.",
    )


@dataclass(frozen=True, slots=True)
class _Header:
    shape: tuple[int, int, int]
    dtype: np.dtype
    offset: int
    placement: Placement


def _plausible(head: bytes, order: str, file_bytes: int) -> bool:
    """Return whether the first four words make sense as MRC sizes and mode."""
    *sides, mode = (int(word) for word in np.frombuffer(head, f"{order}i4", 4))
    if mode not in _MODES or not all(0 < side < _LARGEST_SIDE for side in sides):
        return False
    axes = sorted(int(word) for word in np.frombuffer(head, f"{order}i4", 3, offset=64))
    return axes in ([0, 0, 0], [1, 2, 3]) and file_bytes > _HEADER_BYTES


def _read_header(path: Path) -> _Header:
    with blaming_file(path, KIND):
        check_holds(path, KIND, _HEADER_BYTES)
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
        order, warnings = _byte_order(path, head)
        fields = np.frombuffer(head, dtypes.HEADER_DTYPE.newbyteorder(order))[0]
        shape = tuple(int(fields[name]) for name in ("nz", "ny", "nx"))
        offset = _HEADER_BYTES + int(fields["nsymbt"])
        if not all(0 < side < _LARGEST_SIDE for side in shape) or offset < _HEADER_BYTES:
            raise UnreadableFileError(
                f"'{path.name}' looks like MRC, but its header gives the shape {shape} and an "
                f"extended header of {offset - _HEADER_BYTES} bytes. The file is damaged."
            )
        _refuse_series(path, fields, order, offset)
        stored, signed_word = _dtype(path, fields, order)
        dtype = stored.newbyteorder(order)
        stamp, flags = _ints(fields, 40, f"{order}i4")
        edges = edges_nm(fields)
    across = "xyz"[axes_of(fields)[0] - 1]
    if shape[0] > 1 and int(fields[f"m{across}"]) == 1:
        # The cell then has the height of one image, whatever the program that wrote it took for it.
        edges = (None, *edges[1:])
        warnings += (
            "The header calls the file a stack of images, not a volume; it is opened as a volume.",
        )
    origin = origin_nm(fields, edges)
    warnings += odd_cell(fields) + imod_origin(fields, (stamp, flags)) + signed_word
    if head[_MAP_ID] not in _MARKS:
        warnings += ("The header lacks the mark of MRC files; it is read as an old one.",)
    z, y, x = (f"+{'xyz'[axis - 1]}" for axis in axes_of(fields))
    placement = Placement(edges, origin, warnings, (z, y, x))
    return _Header(shape, dtype, offset, placement)  # type: ignore[arg-type]


def _byte_order(path: Path, head: bytes) -> tuple[Literal["<", ">"], tuple[str, ...]]:
    """Return ``<`` or ``>``; where the machine stamp does not say, the order that makes sense."""
    stamp = head[212:216]
    try:
        stated = utils.byte_order_from_machine_stamp(stamp)
    except ValueError:
        stated = None
    size = path.stat().st_size
    if stated and _plausible(head, stated, size):
        return stated, ()
    guesses: tuple[Literal["<", ">"], ...] = ("<", ">")
    for guess in guesses:
        if _plausible(head, guess, size):
            name = "little" if guess == "<" else "big"
            return guess, (
                f"The header does not say its byte order in the usual way (machine stamp "
                f"{utils.pretty_machine_stamp(stamp)}); read as {name}-endian.",
            )
    # Nothing makes sense: go on, so that the error names the value that is wrong.
    return stated or "<", ()


def _dtype(path: Path, fields: np.void, order: str) -> tuple[np.dtype, tuple[str, ...]]:
    mode = int(fields["mode"])
    if mode == 16:
        raise NotATomogramError(
            f"'{path.name}' holds colours (MRC mode 16), not a tomogram. Convert it to grey values."
        )
    if mode in (3, 4):
        raise NotATomogramError(
            f"'{path.name}' holds complex numbers (MRC mode {mode}), such as a Fourier transform, "
            "not a tomogram. Export its magnitude or its phase."
        )
    try:
        dtype = utils.dtype_from_mode(mode)
    except ValueError as error:
        raise UnreadableFileError(
            f"'{path.name}' stores its values in MRC mode {mode}, which is not supported. "
            "Convert it to mode 1 (int16) or 2 (float32), for example with IMOD's newstack."
        ) from error
    return _signed_or_not(fields, order) if mode == 0 else (dtype, ())


def _signed_or_not(fields: np.void, order: str) -> tuple[np.dtype, tuple[str, ...]]:
    """Return the type of bytes: MRC2014 has them signed, and many programs write them unsigned."""
    imod_stamp, imod_flags = _ints(fields, 40, f"{order}i4")
    least, greatest = float(fields["dmin"]), float(fields["dmax"])
    if imod_stamp == IMOD_STAMP and not imod_flags & 1:
        # IMOD marks bytes that are signed; without the mark its bytes are unsigned.
        return np.dtype(np.uint8), ()
    if imod_stamp != IMOD_STAMP and least >= 0 and 127 < greatest <= 255:
        return np.dtype(np.uint8), (
            f"The header gives {greatest:g} as the greatest value, so that the bytes of the file "
            "are read as unsigned ones.",
        )
    return np.dtype(np.int8), ()


def _ints(fields: np.void, offset: int, dtype: str) -> list[int]:
    """Return two consecutive integers of the header's free space, from its byte `offset`."""
    return [int(value) for value in np.frombuffer(fields["extra2"].tobytes(), dtype, 2, offset)]


def _refuse_series(path: Path, fields: np.void, order: str, offset: int) -> None:
    """Raise `NotATomogramError` for a stack of volumes, and where sections carry tilt angles."""
    n_sections, per_volume = int(fields["nz"]), int(fields["mz"])
    if utils.spacegroup_is_volume_stack(int(fields["ispg"])) and n_sections != per_volume:
        n_volumes = n_sections // per_volume if per_volume > 0 else 0
        raise NotATomogramError(
            f"'{path.name}' holds a stack of {n_volumes} volumes (a time series), not one "
            "tomogram. Save the volume that you need as a file of its own."
        )
    angles = _tilt_angles(path, fields, order, offset)
    if len(angles) > 1:
        raise NotATomogramError(
            f"'{path.name}' holds {n_sections} projections at angles from {min(angles):g} to "
            f"{max(angles):g} degrees (a tilt series), not a reconstructed tomogram. Reconstruct "
            "it first, for example with IMOD, and open the result."
        )


def _tilt_angles(path: Path, fields: np.void, order: str, offset: int) -> set[float]:
    """Return the different angles that the extended header gives to the sections."""
    n_sections = int(fields["nz"])
    kind = bytes(fields["exttyp"])
    if kind not in (b"SERI", b"FEI1", b"FEI2"):
        return set()
    check_holds(path, KIND, offset)
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        extended = file.read(offset - _HEADER_BYTES)
    if kind == b"SERI":
        # SerialEM: bytes per section, then flags; flag 1 says that each begins with 100 * angle.
        stride, flags = _ints(fields, 16, f"{order}i2")
        if not flags & 1 or stride < 2 or stride * n_sections > len(extended):
            return set()
        starts = range(0, stride * n_sections, stride)
        return {float(np.frombuffer(extended, f"{order}i2", 1, at)[0]) / 100 for at in starts}
    record = dtypes.get_ext_header_dtype(kind, order)
    if record.itemsize * n_sections > len(extended):
        return set()
    return {float(angle) for angle in np.frombuffer(extended, record, n_sections)["Alpha tilt"]}
