"""Whole files under gzip or bzip2, or alone in a zip: MRC, NIfTI, TIFF and the others."""

import bz2
import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO

from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers import (
    amira,
    archive,
    em,
    hdf5,
    mha,
    mrc,
    nifti,
    npy,
    nrrd,
    picture,
    tiff,
    zeiss,
)
from deepsxt_core.io.readers.datasets import Entry
from deepsxt_core.io.readers.others import looks_like
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.unpacked import Packed, unpack
from deepsxt_core.volume import Volume, VoxelSize

_CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip"}
_INSIDE: tuple[ModuleType, ...] = (
    tiff,
    hdf5,
    zeiss,
    npy,
    nrrd,
    nifti,
    mha,
    amira,
    picture,
    em,
    mrc,
)
_HEAD_BYTES = 1024


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the first bytes are those of gzip, bzip2 or zip."""
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
        start = file.read(4)
    codec = next(name for mark, name in _CODECS.items() if start.startswith(mark))
    with blaming_file(path, codec):
        member = _only_member(path) if codec == "zip" else ""
        # Told by the first bytes before anything large is unpacked.
        with _unpacking(path, codec, member) as unzipped:
            begin = unzipped.read(_HEAD_BYTES)
        name = path.name.removesuffix(".gz").removesuffix(".bz2")
        name = PurePosixPath(member).name or name or "data"
        if begin.startswith(tuple(_CODECS)) or not begin:
            raise _foreign(path, codec, begin)
        packed = Packed(path, codec, name, detail=member)
        plain = unpack(packed)
        for form in _INSIDE:
            if form.matches(plain, begin):
                return packed, form
        raise _foreign(path, codec, begin)


def _only_member(path: Path) -> str:
    """Return the one file in a zip archive, whatever systems put beside it.

    Raises
    ------
    UnreadableFileError
        If there is none, or several.
    """
    found = archive.members(path)
    if any(info.flag_bits & 1 for info in found):
        raise UnreadableFileError(
            f"'{path.name}' is a zip archive with a password. Unpack it first."
        )
    if len(found) == 1:
        return found[0].filename
    raise UnreadableFileError(f"'{path.name}' is a zip archive with {len(found)} files.")


@contextmanager
def _unpacking(path: Path, codec: str, member: str) -> Iterator[IO[bytes]]:
    if codec != "zip":
        with (gzip.open if codec == "gzip" else bz2.open)(path, "rb") as plain:
            yield plain  # type: ignore[misc]
        return
    with zipfile.ZipFile(path) as zipped, zipped.open(member) as plain:
        yield plain


def _foreign(path: Path, codec: str, begin: bytes) -> UnreadableFileError:
    known = looks_like(begin)
    told = f"it looks like {known[0]}" if known else f"it starts with {begin[:8]!r}"
    return UnreadableFileError(
        f"'{path.name}' is compressed with {codec}, and what is inside is no tomogram that can be "
        f"opened; {told}. If it holds the values of a header beside it (.nhdr, .mhd), open that."
    )
