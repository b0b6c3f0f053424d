"""NIfTI-1 and NIfTI-2 in a single file (.nii); the header is read by `nibabel`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import nm_per_unit
from deepsxt_core.io.readers.datasets import Entry, check_values
from deepsxt_core.io.readers.placement import Placement, from_columns
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous
from deepsxt_core.io.readers.stored_parts import StoredArray
from deepsxt_core.volume import Volume, VoxelSize

KIND = "NIfTI"
_MAGIC_1, _MAGIC_2 = slice(344, 348), slice(4, 8)
_HEAD_BYTES = 540
_MOST_AXES = 7


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the marks of NIfTI-1 or NIfTI-2 are in their places."""
    return head[_MAGIC_1] in (b"n+1\0", b"ni1\0") or head[_MAGIC_2] in (b"n+2\0", b"ni2\0")


def list_datasets(path: Path) -> list[Entry]:
    """Return the one array of the file as (name, shape, dtype)."""
    header = _read_header(path)
    return header.array.entries


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a NIfTI file; see `deepsxt_core.io.open_volume`."""
    header = _read_header(path)
    array = header.array
    chosen, part = array.chosen(dataset)
    check_values(path, array.shape, array.dtype)
    n_bytes = int(np.prod(array.stored_shape, dtype=object)) * header.stored.itemsize
    check_holds(path, KIND, header.offset + n_bytes)
    reader = array.reader(partial(_read, path, header), part)
    return header.placement.volume(
        array.shape, array.dtype, reader, path, KIND, voxel_size_nm=voxel_size_nm, dataset=chosen
    )


@dataclass(frozen=True, slots=True)
class _Header:
    array: StoredArray
    stored: np.dtype
    offset: int
    slope: float
    intercept: float
    placement: Placement


def _read(path: Path, header: _Header, z0: int, z1: int) -> NDArray:
    slab = read_contiguous(
        path, header.stored, header.offset, header.array.stored_shape[1:], z0, z1
    )
    if (header.slope, header.intercept) == (1.0, 0.0):
        return slab
    return (slab * header.slope + header.intercept).astype(header.array.dtype)


def _read_header(path: Path) -> _Header:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    with blaming_file(path, KIND):
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        second = head[_MAGIC_2] in (b"n+2\0", b"ni2\0")
        if b"ni" in (head[_MAGIC_1][:2], head[_MAGIC_2][:2]):
            raise UnreadableFileError(
                f"'{path.name}' is a NIfTI header whose values are in another file (.img), which "
                "is not opened. Save it as a single .nii file."
            )
        check_holds(path, KIND, _HEAD_BYTES if second else 348)
        kind = Nifti2Header if second else Nifti1Header
        fields = kind(head[: kind.sizeof_hdr], check=False)
        stored = np.dtype(fields.get_data_dtype())
        if stored.names:
            raise NotATomogramError(
                f"'{path.name}' holds colours, not a tomogram. Convert it to grey values."
            )
        sizes = tuple(int(n) for n in fields.get_data_shape())
        if len(sizes) < 2 or min(sizes) < 1:
            raise UnreadableFileError(f"'{path.name}' gives the sizes {sizes}. It is damaged.")
        offset = float(fields["vox_offset"])
        if not 0 <= offset < path.stat().st_size:
            raise UnreadableFileError(
                f"'{path.name}' says that its values start at byte {offset}. It is damaged."
            )
        slope, intercept = (float(fields[name]) for name in ("scl_slope", "scl_inter"))
        if not np.isfinite([slope, intercept]).all() or slope == 0:
            slope, intercept = 1.0, 0.0
        native = stored.newbyteorder("=")
        scaled = (slope, intercept) != (1.0, 0.0) and native.kind != "c"
        dtype = np.dtype(np.float64 if native.itemsize > 4 else np.float32) if scaled else native
        letters = "edctzyx"[-len(sizes) :] if len(sizes) <= _MOST_AXES else ""
        array = StoredArray.guessed(path, "data", sizes[::-1], dtype, letters)
        return _Header(array, stored, int(offset), slope, intercept, _placement(fields))


def _placement(fields) -> Placement:  # type: ignore[no-untyped-def]
    affine = np.asarray(fields.get_best_affine(), float)
    if not (int(fields["sform_code"]) or int(fields["qform_code"])):
        # The file does not say how its axes run; the format's fallback would mirror them.
        affine = np.diag([*map(float, fields["pixdim"][1:4]), 1.0])
    if not np.isfinite(affine).all():
        return Placement()
    unit = nm_per_unit(fields.get_xyzt_units()[0])
    return from_columns([affine[:3, axis] for axis in range(3)], affine[:3, 3], unit)
