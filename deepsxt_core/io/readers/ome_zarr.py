"""OME-Zarr 0.4 and 0.5 images, and plain zarr arrays: a folder, or a zip archive of one.

Specification: https://ngff.openmicroscopy.org. A zip archive is read in place, never unpacked.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore, ZipStore

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import as_length, nm_per_unit, settle_voxel_size, unitless
from deepsxt_core.io.readers.chunks import refuse_growing
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset, stack_shape
from deepsxt_core.io.readers.placement import Placement, as_origin
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Volume, VoxelSize, as_shape

KIND = "OME-Zarr"
_MARKS = ("zarr.json", ".zgroup", ".zarray")
_ZIP = b"PK\x03\x04"
_LARGEST_CHUNK_BYTES = 1 << 28
_MOST_MEMBERS = 1 << 20
# What may be between the stored bytes and the values; `pickle` and its like may not.
_CODECS = frozenset(
    ("bytes", "transpose", "sharding_indexed", "crc32c", "shuffle", "delta", "fixedscaleoffset")
) | {"blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma", "bitround"}
_SHRINKING = frozenset(("blosc", "zstd", "gzip", "zlib", "lz4", "bz2", "lzma"))
_SHARDS = "sharding_indexed"
_CHECKSUM = "crc32c"
_CHECKSUM_BYTES = 4
_EMPTY_CHUNK = (2**64 - 1, 2**64 - 1)
_LARGEST_DESCRIPTION_BYTES = 1 << 24
_REMEDIES = {
    "c": ("channels", "Save the one with the tomogram as an image of its own"),
    "t": ("time points", "Save one as an image of its own"),
}


@dataclass(frozen=True, slots=True)
class _Level:
    name: str
    axes: tuple[str, ...]
    placement: Placement


def is_zarr_folder(path: Path) -> bool:
    """Return whether a folder is a zarr group or array."""
    return any((path / mark).is_file() for mark in _MARKS)


def matches(path: Path, head: bytes) -> bool:
    """Return whether it is a zarr folder, or a zip archive with one at its root or one below."""
    if path.is_dir():
        return is_zarr_folder(path)
    if not head.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return _prefix(archive) is not None
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def list_datasets(path: Path) -> list[Entry]:
    """Return the images, each with its levels, as (name, shape, dtype)."""
    with blaming_file(path, KIND), _opened(path) as node:
        return [_entry(_array(path, node, level.name), level) for level in _levels(path, node)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an image, its full resolution unless another level is named."""
    with blaming_file(path, KIND), _opened(path) as node:
        levels = _levels(path, node)
        entries = [_entry(_array(path, node, level.name), level) for level in levels]
        if not entries:
            raise NotATomogramError(
                f"'{path.name}' is a zarr group without an image. Choose the image inside it."
            )
        first = levels[0].name if levels[0].axes else None
        name = choose_dataset(path, entries, dataset or first)
        level = next(level for level in levels if level.name == name)
        array = _array(path, node, name)
        _check_axes(path, array, level)
        shape = as_shape(stack_shape(path, array.shape))
        dtype = np.dtype(array.dtype).newbyteorder("=")
        check_values(path, shape, dtype)
        _check_storage(path, array)
        version = "zip" if path.is_file() else "folder"
    place = level.placement
    settled, doubts = settle_voxel_size(place.edges_nm, voxel_size_nm, shape[0])
    kind = f"{KIND if level.axes else 'zarr'} ({version})"
    reader = partial(_read, path, name, shape, dtype)
    listed = name if len(levels) > 1 else None
    warnings = place.warnings + doubts
    return Volume(shape, dtype, settled, reader, path, kind, listed, warnings, place.origin_nm)


@contextmanager
def _opened(path: Path) -> Iterator[zarr.Group | zarr.Array]:
    if path.is_dir():
        _refuse_links(path)
        yield zarr.open(LocalStore(path, read_only=True), mode="r")
        return
    with zipfile.ZipFile(path) as archive:
        prefix = _prefix(archive) or ""
        for member in archive.infolist():
            _check_description(path, member.filename, member.file_size)
    with ZipStore(path, mode="r") as store:
        yield zarr.open(store, path=prefix, mode="r")


def _check_description(path: Path, name: str, n_bytes: int) -> None:
    """Raise if what describes an image is too large to be read as a whole."""
    last = PurePosixPath(name).name
    if n_bytes > _LARGEST_DESCRIPTION_BYTES and (last.startswith(".z") or last == "zarr.json"):
        raise UnreadableFileError(
            f"The '{name}' in '{path.name}' has {n_bytes} bytes; no description of an image is "
            "that long. It may be damaged: export the image once more."
        )


def _prefix(archive: zipfile.ZipFile) -> str | None:
    """Return the folder of the archive that holds the image, empty for its root.

    Raises
    ------
    UnreadableFileError
        If a member claims to lie outside of the archive.
    """
    names = archive.namelist()
    found = {
        str(PurePosixPath(name).parent)
        for name in names
        if PurePosixPath(name).name in _MARKS and len(PurePosixPath(name).parts) <= 2
    }
    if not found:
        return None
    foreign = next((name for name in names if not _stays_inside(name)), None)
    if foreign is not None or len(names) > _MOST_MEMBERS:
        raise UnreadableFileError(
            f"'{archive.filename}' is no zip archive to be trusted: it has {len(names)} members"
            + (f", and one named '{foreign}', which leads out of it." if foreign else ".")
        )
    return "" if "." in found else min(found)


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." not in parts and not name.startswith(("/", "\\")) and ":" not in name


def _refuse_links(path: Path) -> None:
    """Raise if a member leads out of the folder, or describes the image at undue length."""
    inside = path.resolve()
    for member in path.rglob("*"):
        if member.name in (*_MARKS, ".zattrs", ".zmetadata") and member.is_file():
            _check_description(path, member.name, member.stat().st_size)
        if member.is_symlink() and not member.resolve().is_relative_to(inside):
            raise UnreadableFileError(
                f"'{member.name}' in '{path.name}' is a link that leads out of it. "
                "Copy the whole image into one folder."
            )


def _array(path: Path, node: zarr.Group | zarr.Array, name: str) -> zarr.Array:
    if isinstance(node, zarr.Array):
        return node
    if not _stays_inside(name):
        raise UnreadableFileError(f"'{path.name}' refers to '{name}', which is not inside it.")
    array = node[name]
    if not isinstance(array, zarr.Array):
        raise UnreadableFileError(f"'{path.name}' announces an array '{name}', which is none.")
    return array


def _levels(path: Path, node: zarr.Group | zarr.Array) -> list[_Level]:
    """Return the levels of the images at the root and in the first series, else all arrays."""
    if isinstance(node, zarr.Array):
        return [_Level("array", (), Placement())]
    found = _image_levels(node.attrs.asdict(), "")
    if not found and "0" in node and isinstance(node["0"], zarr.Group):
        # As bioformats2raw lays it out: one group per series.
        found = _image_levels(node["0"].attrs.asdict(), "0/")
    if found or _ome(node.attrs.asdict()).get("multiscales"):
        return found
    if "plate" in _ome(node.attrs.asdict()):
        raise NotATomogramError(
            f"'{path.name}' is a plate of many wells, not one tomogram. Open one image inside it."
        )
    return [
        _Level(name, (), Placement()) for name, member in node.arrays() if member.ndim in (2, 3)
    ]


def _ome(attributes: dict[str, Any]) -> dict[str, Any]:
    inner = attributes.get("ome")
    return inner if isinstance(inner, dict) else attributes


def _image_levels(attributes: dict[str, Any], prefix: str) -> list[_Level]:
    levels = []
    for image in _ome(attributes).get("multiscales", []):
        axes = image.get("axes", [{"name": name} for name in "tczyx"])
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
        names = tuple(str(axis["name"]).lower() for axis in axes)
        units = [axis.get("unit") for axis in axes]
        for level in image["datasets"]:
            steps = [
                *image.get("coordinateTransformations", []),
                *level.get("coordinateTransformations", []),
            ]
            placement = _placement(names, units, steps)
            levels.append(_Level(prefix + str(level["path"]), names, placement))
    return levels


def _placement(axes: tuple[str, ...], units: list[Any], steps: list[dict[str, Any]]) -> Placement:
    scale, shift = np.ones(len(axes)), np.zeros(len(axes))
    scaled = False
    # The transformation of a level comes first, that of all levels after it.
    for step in sorted(steps, key=steps.index, reverse=True):
        if step.get("type") == "scale":
            scale, shift, scaled = scale * step["scale"], shift * step["scale"], True
    for step in steps:
        if step.get("type") == "translation":
            shift = shift + step["translation"]
    if not scaled:
        return Placement()
    at = {name: index for index, name in enumerate(axes)}
    edges: list[float | None] = []
    origin, bare = [], []
    for name in "zyx":
        index = at.get(name)
        unit = nm_per_unit(units[index]) if index is not None else None
        edges.append(None if index is None else as_length(float(scale[index]), unit))
        origin.append(0.0 if index is None or unit is None else float(shift[index]) * unit)
        if index is not None and unit is None:
            bare.append(float(scale[index]))
    z, y, x = edges
    return Placement((z, y, x), as_origin(origin), unitless(bare))


def _check_axes(path: Path, array: zarr.Array, level: _Level) -> None:
    if level.axes and len(level.axes) != array.ndim:
        raise UnreadableFileError(
            f"'{path.name}' names {len(level.axes)} axes for an array of shape {array.shape}."
        )
    for axis, n in zip(level.axes, array.shape, strict=False):
        if axis in _REMEDIES and n > 1:
            what, remedy = _REMEDIES[axis]
            raise NotATomogramError(
                f"'{path.name}' holds {n} {what} (axes {''.join(level.axes)}, shape "
                f"{array.shape}), not one tomogram. {remedy}."
            )
    if level.axes and "".join(level.axes)[-2:] != "yx":
        raise NotATomogramError(
            f"'{path.name}' has the axes {''.join(level.axes)}; a tomogram ends with y and x. "
            "Save it with its axes in the order z, y, x."
        )


def _check_storage(path: Path, array: zarr.Array) -> None:
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


def _entry(array: zarr.Array, level: _Level) -> Entry:
    # Single channels and time points are left out, so that the choice sees stacks.
    if level.axes and len(level.axes) == array.ndim:
        leading = [
            n for axis, n in zip(level.axes, array.shape, strict=True) if axis in "zyx" or n > 1
        ]
        return level.name, tuple(leading), np.dtype(array.dtype)
    return level.name, array.shape, np.dtype(array.dtype)


def _read(
    path: Path, name: str, shape: tuple[int, int, int], dtype: np.dtype, z0: int, z1: int
) -> NDArray:
    with blaming_file(path, KIND), _opened(path) as node:
        array = _array(path, node, name)
        where: list[Any] = [0] * (array.ndim - 2) + [slice(None), slice(None)]
        long = [axis for axis, n in enumerate(array.shape[:-2]) if n == shape[0]]
        if shape[0] > 1 or long:
            where[long[-1]] = slice(z0, z1)
        _refuse_bombs(path, array, where)
        slab = np.asarray(array[tuple(where)])
        return slab.reshape(z1 - z0, *shape[1:]).astype(dtype, copy=True)


def _refuse_bombs(path: Path, array: zarr.Array, where: list[Any]) -> None:
    """Raise if a chunk that is about to be read grows beyond all reason."""
    chain = [_codec_name(codec) for codec in _chain(array)]
    codec = next((name for name in chain if name in _SHRINKING), "")
    n_bytes = int(np.prod(array.chunks, dtype=object)) * np.dtype(array.dtype).itemsize
    ranges = []
    for place, n, step in zip(where, array.shape, array.shards or array.chunks, strict=True):
        first, end, _ = place.indices(n) if isinstance(place, slice) else (place, place + 1, 1)
        ranges.append(range(first // step, -(-end // step)))
    keys = [
        f"{array.path}/{array.metadata.encode_chunk_key(at)}".lstrip("/") for at in product(*ranges)
    ]
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
