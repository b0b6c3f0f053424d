"""How large a picture is that a TIFF segment holds as JPEG, JPEG 2000, PNG or LERC.

Such a stream says its own size, which need not be the one of the tags: 40 kB can hold gigabytes.
It is read here before anything is unpacked.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Start-of-frame markers, ITU T.81 table B.1 and T.87: C4, C8 and CC among them are others.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_JPEG_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}
_JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_J2K_START = b"\xff\x4f\xff\x51"
# OpenJPEG keeps some kB for every tile.
_MOST_TILES = 4096
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Colour types: grey, RGB, palette (unpacked to RGB and perhaps transparency), grey or RGB with it.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}
_LERC_START = b"Lerc2 "
# Bits of the types char, byte, short, ushort, int, uint, float, double.
_LERC_BITS = (8, 8, 16, 16, 32, 32, 32, 64)


@dataclass(frozen=True, slots=True)
class StreamSize:
    """What a stream unpacks to: rows, columns, samples of a pixel, bits of a sample."""

    height: int
    width: int
    samples: int
    bits: int

    def fits(self, other: "StreamSize") -> bool:
        """Return whether no side is larger than that of `other`."""
        return (
            self.height <= other.height
            and self.width <= other.width
            and self.samples <= other.samples
            and self.bits <= other.bits
        )


def stream_size(compression: int, stream: bytes) -> StreamSize | None:
    """Return the size that a stream tells, or None where none is found.

    Parameters
    ----------
    compression : int
        The value of the TIFF tag, one of `MEASURED`.
    stream : bytes
        The whole segment.
    """
    try:
        return _PARSERS[compression](stream)
    except (struct.error, IndexError):
        return None


def _jpeg(stream: bytes) -> StreamSize | None:
    """Return the largest of all frames; several are not allowed, but decoders differ."""
    found: list[StreamSize] = []
    at = stream.find(b"\xff\xd8") + 2
    while 1 < at < len(stream):
        at = stream.find(b"\xff", at)
        if at < 0 or at + 4 > len(stream):
            break
        marker = stream[at + 1]
        if marker in (0x00, 0xFF) or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", stream, at + 2)
        if marker in _JPEG_FRAMES:
            bits, height, width, samples = struct.unpack_from(">BHHB", stream, at + 4)
            found.append(StreamSize(height, width, samples, bits))
        at += 2 + length
    if not found or not all(size.height and size.width for size in found):
        return None
    return StreamSize(
        max(size.height for size in found),
        max(size.width for size in found),
        max(size.samples for size in found),
        max(size.bits for size in found),
    )


def _jpeg2000(stream: bytes) -> StreamSize | None:
    """Read the SIZ segment, ITU T.800 A.5.1, of the codestream or of the first one in a JP2."""
    at = _codestream(stream) if stream.startswith(_JP2_SIGNATURE) else 0
    if at is None or not stream.startswith(_J2K_START, at):
        return None
    x1, y1, x0, y0, tile_x, tile_y = struct.unpack_from(">6I", stream, at + 8)
    (samples,) = struct.unpack_from(">H", stream, at + 40)
    if not tile_x or not tile_y or -(-x1 // tile_x) * -(-y1 // tile_y) > _MOST_TILES:
        return None
    bits = max((depth & 0x7F) + 1 for depth in stream[at + 42 : at + 42 + 3 * samples : 3])
    return StreamSize(y1 - y0, x1 - x0, samples, bits)


def _codestream(stream: bytes) -> int | None:
    at = 0
    while at + 8 <= len(stream):
        length, kind = struct.unpack_from(">I4s", stream, at)
        head = 16 if length == 1 else 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", stream, at + 8)
        if kind == b"jp2c":
            return at + head
        if length < head:
            break
        at += length
    return None


def _png(stream: bytes) -> StreamSize | None:
    if not stream.startswith(_PNG_SIGNATURE) or stream[12:16] != b"IHDR":
        return None
    width, height, bits, colours = struct.unpack_from(">IIBB", stream, 16)
    return StreamSize(height, width, _PNG_SAMPLES.get(colours, 4), max(bits, 8))


def _lerc(stream: bytes) -> StreamSize | None:
    """Add up the bands, one blob each; the blob is that of Lerc2 in Esri's reference code."""
    found: list[StreamSize] = []
    at = 0
    while stream.startswith(_LERC_START, at):
        (version,) = struct.unpack_from("<i", stream, at + 6)
        start = at + 10 + (4 if version >= 3 else 0)
        height, width = struct.unpack_from("<2i", stream, start)
        start += 8
        depth = 1
        if version >= 4:
            (depth,) = struct.unpack_from("<i", stream, start)
            start += 4
        _, _, n_bytes, kind = struct.unpack_from("<4i", stream, start)
        if min(height, width, depth) < 1 or n_bytes < start - at or not 0 <= kind < 8:
            return None
        found.append(StreamSize(height, width, depth, _LERC_BITS[kind]))
        at += n_bytes
    if not found:
        return None
    return StreamSize(
        max(size.height for size in found),
        max(size.width for size in found),
        sum(size.samples for size in found),
        max(size.bits for size in found),
    )


_PARSERS: Mapping[int, Callable[[bytes], StreamSize | None]] = (
    dict.fromkeys((6, 7, 33007, 34892), _jpeg)
    | dict.fromkeys((33003, 33004, 33005, 34712), _jpeg2000)
    | {34887: _lerc, 34933: _png}
)

MEASURED = frozenset(_PARSERS)
"""The compressions, as TIFF numbers them, whose streams tell a size that can be read."""
