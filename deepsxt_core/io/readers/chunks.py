"""Compressed chunks that would grow beyond their size, or lead beyond it: found before a library
unpacks them."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.unpacked import bomb

# Below this, a chunk that grows is a nuisance and no danger.
_HARMLESS_BYTES = 1 << 28
# Deflate's largest ratio, https://zlib.net/zlib_tech.html.
_DEFLATE_RATIO = 1032
_PIECE_BYTES = 1 << 20


def refuse_growing(path: Path, codec: str, chunk: BinaryIO, stored: int, n_bytes: int) -> None:
    """Raise if a chunk of `n_bytes` bytes unpacks to far more.

    Parameters
    ----------
    path : Path
        For the message.
    codec : str
        The last codec or filter, by the name that zarr or HDF5 gives it.
    chunk : file
        At the first of the chunk's `stored` bytes.
    stored, n_bytes : int
        Bytes as stored, and as they should be when unpacked.

    Raises
    ------
    UnreadableFileError
        If the chunk says or shows that it is larger, or claims more bytes than are stored.
    """
    limit = max(2 * n_bytes, _HARMLESS_BYTES)
    if stored > limit:
        raise bomb(path, stored)
    if codec == "blosc":
        _refuse_short_blosc(path, chunk, stored)
    claims: dict[str, Callable[[BinaryIO, int, int], int]] = {
        "zstd": _zstd,
        "blosc": _blosc,
        "gzip": _deflate,
        "zlib": _deflate,
    }
    grown = claims[codec](chunk, stored, limit) if codec in claims else 0
    if grown > limit:
        raise bomb(path, grown)


def _zstd(chunk: BinaryIO, stored: int, limit: int) -> int:  # noqa: ARG001
    """Return the content size that the frame header tells (RFC 8878, 3.1.1.1), 0 if none."""
    head = chunk.read(18)
    if len(head) < 6 or head[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    flags = head[4]
    single = bool(flags & 0x20)
    width = (1 if single else 0, 2, 4, 8)[flags >> 6]
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(head[start : start + width], "little")


def _blosc(chunk: BinaryIO, stored: int, limit: int) -> int:  # noqa: ARG001
    return int.from_bytes(chunk.read(16)[4:8], "little")


def _refuse_short_blosc(path: Path, chunk: BinaryIO, stored: int) -> None:
    """Raise if the header tells another length than is stored: the library would read on."""
    head = chunk.read(16)
    chunk.seek(-len(head), 1)
    told = int.from_bytes(head[12:16], "little")
    if len(head) < 16 or told != stored:
        raise UnreadableFileError(
            f"'{path.name}' has a chunk of {stored} bytes that claims to have {told}. The file is "
            "damaged: copy it again, or export it once more from its program."
        )


def _deflate(chunk: BinaryIO, stored: int, limit: int) -> int:
    if stored * _DEFLATE_RATIO <= limit:
        return 0
    # Automatic: with the head of gzip or of zlib.
    decoder, grown, rest = zlib.decompressobj(wbits=47), 0, stored
    while grown <= limit and not decoder.eof:
        packed = decoder.unconsumed_tail
        if not packed:
            packed = chunk.read(min(_PIECE_BYTES, rest))
            rest -= len(packed)
        if not packed:
            break
        try:
            grown += len(decoder.decompress(packed, _PIECE_BYTES))
        except zlib.error:
            # Damaged, or something else under this name: the library will tell.
            return 0
    return grown
