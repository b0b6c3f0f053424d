"""Compressed chunks that would grow beyond their size, or lead beyond it: found before a library
unpacks them."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.unpacked import bomb

# Below this, a chunk that grows is a nuisance and no danger.
_HARMLESS_BYTES = 1 << 28
# Deflate's largest ratio, https://zlib.net/zlib_tech.html.
_DEFLATE_RATIO = 1032
# LZF's: three bytes stand for up to 264.
_LZF_RATIO = 88
_LZMA_MEMORY_BYTES = 1 << 28
_ZSTD_BLOCK_BYTES = 1 << 17
_PIECE_BYTES = 1 << 20


def refuse_growing(path: Path, codec: str, chunk: IO[bytes], stored: int, n_bytes: int) -> None:
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
    claims: dict[str, Callable[[IO[bytes], int, int], int]] = {
        "zstd": _zstd,
        "blosc": _blosc,
        "gzip": _deflate,
        "zlib": _deflate,
        "lz4": _told_first,
        "szip": _told_first,
        "lzf": _lzf,
        "bz2": _bzip2,
        "lzma": _lzma,
    }
    grown = claims[codec](chunk, stored, limit) if codec in claims else 0
    if grown > limit:
        raise bomb(path, grown)


def _zstd(chunk: IO[bytes], stored: int, limit: int) -> int:
    """Add up what the blocks of all frames can grow to (RFC 8878, 3.1.1)."""
    data, at, grown = chunk.read(stored), 0, 0
    while grown <= limit and data[at : at + 4] == b"\x28\xb5\x2f\xfd" and at + 5 < len(data):
        flags = data[at + 4]
        single = bool(flags & 0x20)
        width = (1 if single else 0, 2, 4, 8)[flags >> 6]
        at += 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3] + width
        last = False
        while not last and grown <= limit and at + 3 <= len(data):
            block = int.from_bytes(data[at : at + 3], "little")
            last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            # Raw, one byte repeated, or compressed, which is told no size but has a largest one.
            grown += size if kind < 2 else _ZSTD_BLOCK_BYTES
            at += 3 + (1 if kind == 1 else size)
        at += 4 if flags & 4 else 0
    return grown


def _blosc(chunk: IO[bytes], stored: int, limit: int) -> int:  # noqa: ARG001
    return int.from_bytes(chunk.read(16)[4:8], "little")


def _refuse_short_blosc(path: Path, chunk: IO[bytes], stored: int) -> None:
    """Raise if the header tells another length than is stored: the library would read on."""
    head = chunk.read(16)
    chunk.seek(-len(head), 1)
    told = int.from_bytes(head[12:16], "little")
    if len(head) < 16 or told != stored:
        raise UnreadableFileError(
            f"'{path.name}' has a chunk of {stored} bytes that claims to have {told}. The file is "
            "damaged: copy it again, or export it once more from its program."
        )


def _told_first(chunk: IO[bytes], stored: int, limit: int) -> int:  # noqa: ARG001
    """Return what numcodecs' LZ4 and HDF5's szip write in front of the data, little-endian."""
    return int.from_bytes(chunk.read(4), "little")


def _deflate(chunk: IO[bytes], stored: int, limit: int) -> int:
    if stored * _DEFLATE_RATIO <= limit:
        return 0
    # Automatic: with the head of gzip or of zlib.
    return _counted(lambda: zlib.decompressobj(wbits=47), chunk, stored, limit)


def _bzip2(chunk: IO[bytes], stored: int, limit: int) -> int:
    return _counted(bz2.BZ2Decompressor, chunk, stored, limit)


def _lzma(chunk: IO[bytes], stored: int, limit: int) -> int:
    return _counted(
        lambda: lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES), chunk, stored, limit
    )


def _counted(new_decoder: Callable[[], Any], chunk: IO[bytes], stored: int, limit: int) -> int:
    """Unpack one stream after another piece by piece, and count up to the limit."""
    decoder, grown, rest, held = new_decoder(), 0, stored, b""
    while grown <= limit:
        if not held and getattr(decoder, "needs_input", True):
            held = chunk.read(min(_PIECE_BYTES, rest))
            rest -= len(held)
            if not held:
                break
        try:
            grown += len(decoder.decompress(held, _PIECE_BYTES))
        except (zlib.error, lzma.LZMAError, OSError, ValueError):
            # Damaged, or what follows is something else: the library will tell.
            break
        # zlib hands back what it has not used; bz2 and lzma keep it.
        held = getattr(decoder, "unconsumed_tail", b"")
        if decoder.eof:
            held, decoder = decoder.unused_data, new_decoder()
    return grown


def _lzf(chunk: IO[bytes], stored: int, limit: int) -> int:
    """Add up the runs of LibLZF: up to 31 is copied as it is, above stands for 3 to 264 bytes."""
    if stored * _LZF_RATIO <= limit:
        return 0
    codes, at, grown = chunk.read(stored), 0, 0
    while at < len(codes) and grown <= limit:
        code = codes[at]
        if code < 32:
            grown += code + 1
            at += code + 2
        elif code < 224:
            grown += (code >> 5) + 2
            at += 2
        else:
            grown += codes[at + 1] + 9 if at + 1 < len(codes) else 0
            at += 3
    return grown
