"""How the chunks of a zarr array are stored: known codecs, and none that grow beyond reason."""

import math
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import IO, Any

import numpy as np
import zarr

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.chunks import refuse_growing

_LARGEST_CHUNK_BYTES = 1 << 28
# What may be between the stored bytes and the values; `pickle` and its like may not.
_CODECS = frozenset(
    ("bytes", "transpose", "sharding_indexed", "crc32c", "shuffle", "delta", "fixedscaleoffset")
) | {"blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "bitround"}
_SHRINKING = frozenset(("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"))
_SHARDS = "sharding_indexed"
_CHECKSUM = "crc32c"
_CHECKSUM_BYTES = 4
_MOST_LOOKED_FOR = 1 << 14
_EMPTY_CHUNK = (2**64 - 1, 2**64 - 1)


def check_storage(path: Path, array: zarr.Array) -> None:
    """Raise if a chunk cannot be held in memory, or is stored by a codec that is not known."""
    n_bytes = int(np.prod(array.chunks, dtype=object)) * np.dtype(array.dtype).itemsize
    if n_bytes > _LARGEST_CHUNK_BYTES:
        raise UnreadableFileError(
            f"'{path.name}' is cut into chunks of {array.chunks}, {n_bytes / 1e9:.1f} GB each; at "
            f"most {_LARGEST_CHUNK_BYTES / 1e9:.1f} GB can be opened. Save it with smaller chunks."
        )
    chain = [_codec_name(codec) for codec in _chain(array)]
    unknown = sorted(set(chain) - _CODECS)
    if unknown:
        raise UnreadableFileError(
            f"'{path.name}' is stored by the codec '{unknown[0]}', which is not supported. "
            "Save it with zstd, blosc or gzip."
        )
    packing = [at for at, name in enumerate(chain) if name in _SHRINKING]
    last = packing[0] if packing else len(chain)
    # Compressors multiply, and only what the last one has stored can be measured beforehand.
    if set(chain[last + 1 :]) - {_CHECKSUM} or chain.count(_SHARDS) > 1:
        raise UnreadableFileError(
            f"'{path.name}' is stored by {', '.join(chain)}, one after another, which is not "
            "supported. Save it with one compressor: zstd, blosc or gzip."
        )


def _chain(array: zarr.Array) -> list[Any]:
    """Return the codecs in the order in which a chunk, or one in a shard, went through them."""
    outer: Any = getattr(array.metadata, "codecs", None)
    if outer is None:
        return [*array.filters, *array.compressors]
    return [*outer, *(inner for codec in outer for inner in getattr(codec, "codecs", ()))]


def _codec_name(codec: Any) -> str:
    told = codec.get_config()["id"] if hasattr(codec, "get_config") else codec.to_dict()["name"]
    return str(told).removeprefix("numcodecs.").lower()


def refuse_bombs(path: Path, array: zarr.Array, where: tuple[int | slice, ...]) -> None:
    """Raise if a chunk that is about to be read grows beyond all reason."""
    chain = [_codec_name(codec) for codec in _chain(array)]
    codec = next((name for name in chain if name in _SHRINKING), "")
    n_bytes = int(np.prod(array.chunks, dtype=object)) * np.dtype(array.dtype).itemsize
    keys = [_key(array, at) for at in product(*_grid(array, where))]
    checksum_bytes = _CHECKSUM_BYTES * chain.count(_CHECKSUM)

    def check(file: IO[bytes], size: int) -> None:
        for start, stored in _inner_chunks(path, array, file, size):
            file.seek(start)
            refuse_growing(path, codec, file, stored - checksum_bytes, n_bytes)

    if path.is_dir():
        for key in keys:
            if (path / key).is_file():
                with (path / key).open("rb") as chunk:
                    check(chunk, (path / key).stat().st_size)
        return
    with zipfile.ZipFile(path) as archive:
        members = set(archive.namelist())
        for key in members.intersection(keys):
            with archive.open(key) as member:
                check(member, archive.getinfo(key).file_size)


def _grid(array: zarr.Array, where: tuple[int | slice, ...]) -> list[range]:
    """Return along each axis which chunks, or shards, hold a part of an array."""
    ranges = []
    for place, n, step in zip(where, array.shape, array.shards or array.chunks, strict=True):
        first, end, _ = place.indices(n) if isinstance(place, slice) else (place, place + 1, 1)
        ranges.append(range(first // step, -(-end // step)))
    return ranges


def _key(array: zarr.Array, at: tuple[int, ...]) -> str:
    return f"{array.path}/{array.metadata.encode_chunk_key(at)}".lstrip("/")


def absent_words(path: Path, array: zarr.Array, where: tuple[int | slice, ...]) -> tuple[str, ...]:
    """Return the word on chunks of a part of an array that are not stored.

    Up to 16,384 of them are looked for, evenly spread.
    """
    ranges = _grid(array, where)
    total = math.prod(map(len, ranges))
    looked_at = np.unique(np.linspace(0, total - 1, min(total, _MOST_LOOKED_FOR)).astype(np.int64))
    corners = np.unravel_index(looked_at, tuple(map(len, ranges)))
    places = zip(
        *(np.asarray(r)[at].tolist() for r, at in zip(ranges, corners, strict=True)), strict=True
    )
    keys = (_key(array, at) for at in places)
    if path.is_dir():
        absent = sum(not (path / key).is_file() for key in keys)
    else:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
        absent = sum(key not in members for key in keys)
    if not absent:
        return ()
    of = f"{len(looked_at):,}"
    of += f" (looked for among {total:,})" if len(looked_at) < total else ""
    return (
        f"{absent:,} of {of} chunks of the image are not there; it reads as "
        f"{float(array.fill_value or 0):g} in "
        "them. Zarr leaves out chunks that hold nothing, "
        "as in labels; a folder that was not copied as a whole looks the same: copy it again if "
        "something should be there.",
    )


def _inner_chunks(
    path: Path, array: zarr.Array, file: IO[bytes], size: int
) -> Iterator[tuple[int, int]]:
    """Yield where the chunks of one file start and how many bytes they have.

    A shard has an index of (start, length), at its start or end: zarr 3, sharding codec 1.0.
    """
    if array.shards is None:
        yield 0, size
        return
    shards = next(codec for codec in _chain(array) if _codec_name(codec) == _SHARDS)
    counts = (n // step for n, step in zip(array.shards, array.chunks, strict=True))
    n_chunks = int(np.prod(list(counts), dtype=object))
    names = [_codec_name(codec) for codec in shards.index_codecs]
    tail = _CHECKSUM_BYTES if names[1:] == [_CHECKSUM] else 0
    n_bytes = 16 * n_chunks + tail
    if names[1:] not in ([], [_CHECKSUM]) or n_bytes > size:
        raise UnreadableFileError(
            f"'{path.name}' has a damaged shard of {size} bytes: copy it again, or export it once "
            "more from its program."
        )
    at_end = str(shards.index_location.value) == "end"
    file.seek(size - n_bytes if at_end else 0)
    order = getattr(shards.index_codecs[0], "endian", None)
    order = ">" if order is not None and order.value == "big" else "<"
    index = np.frombuffer(file.read(16 * n_chunks), f"{order}u8").reshape(-1, 2)
    for start, stored in index.tolist():
        if (start, stored) != _EMPTY_CHUNK:
            yield min(start, size), min(stored, size)
