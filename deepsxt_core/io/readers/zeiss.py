"""Zeiss microscope files (.txm, .txrm, .xrm): OLE2 containers, read through `olefile`.

Only reconstructions (.txm) are tomograms; projections and tilt series are recognised and refused.
Names and codes of the streams as in dxchange, doi:10.1107/S160057751401604X.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import olefile
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.reading import blaming_file, check_holds
from deepsxt_core.volume import Volume, VoxelSize

KIND = "Zeiss"
_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TYPES = {3: "<u1", 5: "<u2", 10: "<f4"}
_IMAGES_PER_FOLDER = 100
_MOST_IMAGES = 1 << 16


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of an OLE2 container."""
    return head.startswith(_SIGNATURE)


def list_datasets(path: Path) -> list[Entry]:
    """Return the one stack of the file as (name, shape, dtype)."""
    with blaming_file(path, KIND), _opened(path) as ole:
        shape, dtype = _stack(path, ole)
    return [("images", shape, dtype)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a reconstruction; see `deepsxt_core.io.open_volume`."""
    with blaming_file(path, KIND), _opened(path) as ole:
        shape, dtype = _stack(path, ole)
        _refuse_projections(path, ole, shape[0])
        choose_dataset(path, [("images", shape, dtype)], dataset)
        check_values(path, shape, dtype)
        check_holds(path, KIND, (_last_sector(ole) + 1) * ole.sectorsize + 1)
        n_bytes = shape[1] * shape[2] * dtype.itemsize
        short = [z for z in range(shape[0]) if _size(ole, _image(z)) < n_bytes]
        if short:
            raise UnreadableFileError(
                f"'{path.name}' announces {shape[0]} images, but image {short[0] + 1} is missing "
                "or incomplete. The copy or the export was interrupted: copy it again."
            )
        pixel_um = float(_values(ole, "PixelSize", "<f4")[0]) if _has(ole, "PixelSize") else 0.0
    settled, doubts = settle_voxel_size((as_length(pixel_um, 1e3),) * 3, voxel_size_nm, shape[0])
    reader = partial(_read, path, shape[1:], dtype)
    return Volume(shape, dtype, settled, reader, path, "Zeiss TXM", warnings=doubts)


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    with path.open("rb") as file, olefile.OleFileIO(file) as ole:
        yield ole


def _image(z: int) -> str:
    return f"ImageData{z // _IMAGES_PER_FOLDER + 1}/Image{z + 1}"


def _has(ole: olefile.OleFileIO, name: str) -> bool:
    return bool(ole.exists(f"ImageInfo/{name}"))


def _size(ole: olefile.OleFileIO, name: str) -> int:
    return int(ole.get_size(name)) if ole.exists(name) else 0


def _last_sector(ole: olefile.OleFileIO) -> int:
    """Return the last sector that a stream starts in or goes on to; `olefile` cuts off silently."""
    starts = [entry.isectStart for entry in ole.direntries if entry and entry.size > 0]
    pointers = np.concatenate([np.asarray(ole.fat, np.int64), np.asarray(starts, np.int64)])
    return int(pointers[pointers <= olefile.MAXREGSECT].max(initial=0))


def _values(ole: olefile.OleFileIO, name: str, dtype: str) -> NDArray:
    stream = ole.openstream(f"ImageInfo/{name}").read()
    size = np.dtype(dtype).itemsize
    return np.frombuffer(stream[: len(stream) // size * size], dtype)


def _stack(path: Path, ole: olefile.OleFileIO) -> tuple[tuple[int, int, int], np.dtype]:
    if not _has(ole, "ImageWidth"):
        raise UnreadableFileError(
            f"'{path.name}' is an OLE2 container, but not one of a Zeiss microscope; Olympus "
            "files (.oib) and old Office documents are others. Export the tomogram as TIFF or MRC."
        )
    names = ("NoOfImages", "ImageHeight", "ImageWidth", "DataType")
    depth, height, width, code = (int(_values(ole, name, "<i4")[0]) for name in names)
    if min(depth, height, width) < 1 or depth > _MOST_IMAGES or code not in _TYPES:
        raise UnreadableFileError(
            f"'{path.name}' announces {depth} images of {height} x {width} pixels of type {code}, "
            "which is no Zeiss file that can be read. Export it as TIFF or MRC."
        )
    return (depth, height, width), np.dtype(_TYPES[code]).newbyteorder("=")


def _refuse_projections(path: Path, ole: olefile.OleFileIO, n_images: int) -> None:
    """Raise unless the file is a reconstruction, which keeps the angles of its projections too."""
    if path.suffix.lower() == ".txm":
        return
    angles = _values(ole, "Angles", "<f4")[:n_images] if _has(ole, "Angles") else np.zeros(0)
    if n_images == 1:
        raise NotATomogramError(
            f"'{path.name}' holds one X-ray projection, not a reconstructed tomogram. "
            "Open the reconstruction (.txm, .mrc or .rec) instead."
        )
    different = np.unique(angles[np.isfinite(angles)])
    if different.size > 1:
        raise NotATomogramError(
            f"'{path.name}' holds {n_images} projections at {different.size} angles from "
            f"{different[0]:.1f} to {different[-1]:.1f} degrees (a tilt series), not a "
            "reconstructed tomogram. Reconstruct it first, for example with IMOD, and open the "
            "result."
        )


def _read(path: Path, slice_shape: tuple[int, int], dtype: np.dtype, z0: int, z1: int) -> NDArray:
    slab = np.empty((z1 - z0, *slice_shape), dtype)
    n_bytes = slab[0].nbytes
    with blaming_file(path, KIND), _opened(path) as ole:
        for target, z in zip(slab, range(z0, z1), strict=True):
            values = ole.openstream(_image(z)).read()[:n_bytes]
            target[...] = np.frombuffer(values, dtype.newbyteorder("<")).reshape(slice_shape)
    return slab
