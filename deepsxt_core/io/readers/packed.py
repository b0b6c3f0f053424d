"""Whole files under gzip or bzip2: MRC, NIfTI, TIFF and the other single files."""

import bz2
import gzip
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers import em, hdf5, mrc, nifti, npy, nrrd, tiff
from deepsxt_core.io.readers.datasets import Entry
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.unpacked import Packed, unpack
from deepsxt_core.volume import Volume, VoxelSize

_CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2"}
_INSIDE: tuple[ModuleType, ...] = (tiff, hdf5, npy, nrrd, nifti, em, mrc)
_HEAD_BYTES = 1024


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of gzip or bzip2."""
    return head.startswith(tuple(_CODECS))


def list_datasets(path: Path) -> list[Entry]:
    """Return what the unpacked file holds."""
    plain, form = _look(path)
    found: list[Entry] = form.list_datasets(unpack(plain))
    return found


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a compressed file; see `deepsxt_core.io.open_volume`. It is unpacked once."""
    packed, form = _look(path)
    inner: Volume = form.open_volume(unpack(packed), dataset, voxel_size_nm)
    return replace(
        inner,
        path=path,
        format=f"{inner.format} ({packed.codec})",
        reader=partial(_read, packed, inner),
    )


def _read(packed: Packed, inner: Volume, z0: int, z1: int) -> NDArray:
    if unpack(packed) != inner.path:
        raise UnreadableFileError(
            f"'{packed.source.name}' has changed since it was opened. Open it again."
        )
    return inner.reader(z0, z1)


def _look(path: Path) -> tuple[Packed, ModuleType]:
    with blaming_file(path, "a compressed file"), path.open("rb") as file:
        start = file.read(3)
    codec = next(name for mark, name in _CODECS.items() if start.startswith(mark))
    with blaming_file(path, codec):
        # Told by the first bytes before anything large is unpacked.
        with (gzip.open if codec == "gzip" else bz2.open)(path, "rb") as unzipped:
            begin = unzipped.read(_HEAD_BYTES)
        name = path.name.removesuffix(".gz").removesuffix(".bz2") or "data"
        if begin.startswith(tuple(_CODECS)) or not begin:
            raise _foreign(path, codec, begin)
        packed = Packed(path, codec, name)
        plain = unpack(packed)
        for form in _INSIDE:
            if form.matches(plain, begin):
                return packed, form
        raise _foreign(path, codec, begin)


def _foreign(path: Path, codec: str, begin: bytes) -> UnreadableFileError:
    return UnreadableFileError(
        f"'{path.name}' is compressed with {codec}, and what is inside is no tomogram that can be "
        f"opened; it starts with {begin[:8]!r}. Unpack it and look what it is."
    )
