"""Compressed data, unpacked once into a temporary folder that goes with the process.

Formats that cannot be read from the middle become plain files here, so that a slice costs a slice.
"""

import bz2
import gzip
import hashlib
import math
import shutil
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.reading import blaming_file, check_holds, read_contiguous, truncated
from deepsxt_core.io.scratch import ScratchFolder

_PIECE_BYTES = 1 << 20
# Tomograms shrink two- to tenfold, label volumes some hundredfold; beyond both limits it is a bomb.
_MOST_BYTES_ANYHOW = 1 << 29
_LARGEST_RATIO = 250
_MOST_KEPT = 4


@dataclass(frozen=True, slots=True)
class Packed:
    """Where compressed values lie in a file, and what is known about them.

    Attributes
    ----------
    source : Path
    codec : str
        ``gzip``, ``bzip2``, ``zlib``, ``byterle`` (Amira), ``text`` (numbers), ``zip``.
    name : str
        What the unpacked file is called in messages.
    offset : int
        First byte of the compressed data.
    n_bytes : int or None
        Size when unpacked, if the header tells; what follows is left.
    detail : str
        The type of the numbers of ``text``, the member of ``zip``.
    """

    source: Path
    codec: str
    name: str
    offset: int = 0
    n_bytes: int | None = None
    detail: str = ""


_lock = threading.RLock()
_kept: OrderedDict[str, Path] = OrderedDict()
_folder: list[ScratchFolder] = []


def unpack(packed: Packed) -> Path:
    """Return the plain file; made anew if it was dropped, or if its source changed.

    Raises
    ------
    UnreadableFileError
        If the data is damaged, shorter than `n_bytes`, or grows beyond all reason.
    """
    with blaming_file(packed.source, packed.codec):
        return kept_beside(packed.source, packed, packed.name, partial(_write, packed))


def kept_beside(source: Path, content: object, name: str, write: Callable[[Path], object]) -> Path:
    """Return a temporary file or folder that was made from `source`; made anew if that changed.

    Parameters
    ----------
    source : Path
    content : object
        What it is, by its `repr`; the same is made once.
    name : str
        Of the file.
    write : callable
        Writes it to the path that it is given.
    """
    with _lock:
        stat = source.stat()
        key = hashlib.sha256(repr((content, stat.st_mtime_ns, stat.st_size)).encode()).hexdigest()
        if key in _kept and _kept[key].exists():
            _kept.move_to_end(key)
            return _kept[key]
        if not _folder:
            _folder.append(ScratchFolder())
        place = _folder[0].path / key[:16]
        place.mkdir(exist_ok=True)
        try:
            write(place / name)
        except BaseException:
            shutil.rmtree(place)
            raise
        _kept[key] = place / name
        while len(_kept) > _MOST_KEPT:
            _, oldest = _kept.popitem(last=False)
            shutil.rmtree(oldest.parent, ignore_errors=True)
        return place / name


def open_stored(
    path: Path,
    kind: str,
    codec: str | None,
    dtype: np.dtype,
    offset: int,
    shape: tuple[int, int, int],
) -> Callable[[int, int], NDArray]:
    """Return what reads slices of an array that lies in a file, as it is or compressed.

    Parameters
    ----------
    path : Path
    kind : str
        The format's name, for messages.
    codec : str or None
        As in `Packed`; None where the values lie as they are.
    dtype : numpy.dtype
        As stored.
    offset : int
        First byte of the values, or of the compressed data.
    shape : tuple of int
        (z, y, x).

    Raises
    ------
    UnreadableFileError
        If the data is damaged or ends too early.
    """
    n_bytes = math.prod(shape) * dtype.itemsize
    if codec is None:
        check_holds(path, kind, offset + n_bytes)
        return partial(read_contiguous, path, dtype, offset, shape[1:])
    packed = Packed(path, codec, "data", offset, n_bytes, dtype.str)
    unpack(packed)
    return partial(_read_packed, packed, dtype, shape[1:])


def _read_packed(
    packed: Packed, dtype: np.dtype, slice_shape: tuple[int, int], z0: int, z1: int
) -> NDArray:
    return read_contiguous(unpack(packed), dtype, 0, slice_shape, z0, z1)


def bomb(path: Path, n_bytes: int) -> UnreadableFileError:
    """Return the error for a file that grows beyond all reason when it is unpacked."""
    return UnreadableFileError(
        f"'{path.name}' ({path.stat().st_size} bytes) would grow to {n_bytes} bytes or more when "
        "unpacked, which no tomogram does. If you trust it, unpack it yourself and open the result."
    )


def refuse_bomb(path: Path, n_bytes: int, packed_bytes: int) -> None:
    """Raise if `packed_bytes` bytes claim to become `n_bytes`, more than any tomogram would."""
    if n_bytes > max(_MOST_BYTES_ANYHOW, _LARGEST_RATIO * packed_bytes):
        raise bomb(path, n_bytes)


def require_room(source: Path, n_bytes: int, folder: Path) -> None:
    """Raise if the temporary disk has no room for what is made from a file."""
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise UnreadableFileError(
            f"'{source.name}' needs {n_bytes / 1e9:.1f} GB on the temporary disk, which has "
            f"{free / 1e9:.1f} GB left. Free some space, or set TMPDIR to a larger disk."
        )


def _write(packed: Packed, target: Path) -> None:
    wanted, source_bytes = packed.n_bytes, packed.source.stat().st_size
    limit = max(_MOST_BYTES_ANYHOW, _LARGEST_RATIO * source_bytes)
    if wanted is not None:
        refuse_bomb(packed.source, wanted, source_bytes)
        require_room(packed.source, wanted, target.parent)
    written = 0
    with packed.source.open("rb") as source, target.open("wb") as out:
        source.seek(packed.offset)
        for piece in _DECODERS[packed.codec](source, packed.detail):
            kept = piece if wanted is None else piece[: wanted - written]
            written += out.write(kept)
            if wanted is not None and written >= wanted:
                return
            if wanted is None and written > limit:
                raise bomb(packed.source, written)
    if wanted is not None:
        error = truncated(packed.source, packed.codec, source_bytes + 1)
        error.add_note(f"{written} of {wanted} bytes were unpacked")
        raise error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _gunzip(source: BinaryIO, detail: str) -> Iterator[bytes]:  # noqa: ARG001
    with gzip.GzipFile(fileobj=source) as file:
        yield from _pieces(file)  # type: ignore[arg-type]


def _bunzip2(source: BinaryIO, detail: str) -> Iterator[bytes]:  # noqa: ARG001
    with bz2.BZ2File(source) as file:
        yield from _pieces(file)  # type: ignore[arg-type]


def _inflate(source: BinaryIO, detail: str) -> Iterator[bytes]:  # noqa: ARG001
    decoder = zlib.decompressobj()
    while not decoder.eof:
        packed = decoder.unconsumed_tail or source.read(_PIECE_BYTES)
        if not packed:
            return
        yield decoder.decompress(packed, _PIECE_BYTES)


def _unzip(source: BinaryIO, detail: str) -> Iterator[bytes]:
    with zipfile.ZipFile(source) as archive, archive.open(detail) as member:
        yield from _pieces(member)  # type: ignore[arg-type]


def _repeat_bytes(source: BinaryIO, detail: str) -> Iterator[bytes]:  # noqa: ARG001
    """Decode Amira's HxByteRLE: n < 128 repeats the next byte, n >= 128 copies n - 128 bytes."""
    rest = b""
    while piece := source.read(_PIECE_BYTES):
        codes, at, runs = rest + piece, 0, bytearray()
        while at + 1 < len(codes):
            n = codes[at]
            if n < 128:
                runs += codes[at + 1 : at + 2] * n
                at += 2
            elif at + n - 127 <= len(codes):
                runs += codes[at + 1 : at + n - 127]
                at += n - 127
            else:
                break
        rest = codes[at:]
        yield bytes(runs)


def _numbers(source: BinaryIO, detail: str) -> Iterator[bytes]:
    dtype, rest = np.dtype(detail), b""
    convert: type = float if dtype.kind == "f" else int
    while piece := source.read(_PIECE_BYTES):
        text, _, rest = (rest + piece).replace(b"\n", b" ").rpartition(b" ")
        yield np.array([convert(word) for word in text.split()], dtype).tobytes()
    yield np.array([convert(word) for word in rest.split()], dtype).tobytes()


_DECODERS: dict[str, Callable[[BinaryIO, str], Iterator[bytes]]] = {
    "gzip": _gunzip,
    "bzip2": _bunzip2,
    "zlib": _inflate,
    "zip": _unzip,
    "byterle": _repeat_bytes,
    "text": _numbers,
}
