"""OME-Zarr 0.4 and 0.5 images, and plain zarr arrays: a folder, or a zip archive of one.

Specification: https://ngff.openmicroscopy.org. A zip archive is read in place, never unpacked.
"""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore, ZipStore

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers.calibration import settle_voxel_size
from deepsxt_core.io.readers.datasets import Entry, check_values, choose_dataset
from deepsxt_core.io.readers.named_sizes import axis_letters, axis_names, scaled_words
from deepsxt_core.io.readers.parts import MARK, Layout, guessed_layout, part_choice
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.zarr_levels import Level, image_levels, ome_part, place_of
from deepsxt_core.io.readers.zarr_storage import absent_words, check_storage, refuse_bombs
from deepsxt_core.volume import Volume, VoxelSize

KIND = "OME-Zarr"
_MARKS = ("zarr.json", ".zgroup", ".zarray")
_ZIP = b"PK\x03\x04"
_MOST_MEMBERS = 1 << 20
_LARGEST_DESCRIPTION_BYTES = 1 << 24
# How far above a level the description of its image may lie.
_LEVELS_UP = 2


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A level, or one part of it, that could be a volume."""

    name: str
    level: Level
    layout: Layout
    part: tuple[int, ...]


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
        return [_entry(path, node, candidate) for candidate in _candidates(path, node)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open an image, its full resolution unless another level is named."""
    with blaming_file(path, KIND), _opened(path) as node:
        candidates = _candidates(path, node)
        if not candidates:
            raise NotATomogramError(
                f"'{path.name}' is a zarr group without an image. Choose the image inside it."
            )
        chosen = _chosen(path, node, candidates, dataset)
        level, layout = chosen.level, chosen.layout
        array = _array(path, node, level.name)
        dtype = np.dtype(array.dtype).newbyteorder("=")
        check_values(path, layout.shape, dtype)
        check_storage(path, array)
        edges, origin, warnings = place_of(level, layout, array.attrs.asdict())
        warnings += scaled_words(array.attrs.asdict())
        whole = layout.selection(chosen.part, 0, layout.shape[0])
        warnings += absent_words(path, array, whole)
        version = "zip" if path.is_file() else "folder"
    settled, doubts = settle_voxel_size(edges, voxel_size_nm, layout.shape[0])
    return Volume(
        layout.shape,
        dtype,
        settled,
        partial(_read, path, chosen, dtype),
        path,
        f"{KIND if level.axes else 'zarr'} ({version})",
        chosen.name if len(candidates) > 1 else None,
        warnings + doubts,
        origin,
        layout.axes(),
    )


def _chosen(
    path: Path, node: zarr.Group | zarr.Array, candidates: list[_Candidate], wanted: str | None
) -> _Candidate:
    # The full resolution comes first, or should; of it, there may be parts to choose from.
    image = [c for c in candidates if c.level.image == candidates[0].level.image]
    first = max(image if candidates[0].level.axes else candidates[:1], key=_voxels)
    parts = [
        c for c in candidates if MARK in c.name and c.level.name == (wanted or first.level.name)
    ]
    if parts:
        raise part_choice(path, parts[0].layout, tuple(c.name for c in parts))
    entries = [_entry(path, node, candidate) for candidate in candidates]
    name = choose_dataset(path, entries, wanted or (first.name if first.level.axes else None))
    return next(candidate for candidate in candidates if candidate.name == name)


def _voxels(candidate: _Candidate) -> int:
    return int(np.prod(candidate.layout.shape, dtype=object))


def _candidates(path: Path, node: zarr.Group | zarr.Array) -> list[_Candidate]:
    found = []
    for level in _levels(path, node):
        array = _array(path, node, level.name)
        if level.axes and len(level.axes) != array.ndim:
            raise UnreadableFileError(
                f"'{path.name}' names {len(level.axes)} axes for an array of shape {array.shape}."
            )
        layout = _layout(level, array)
        if layout is not None:
            parts = layout.parts(level.name) if min(array.shape) > 0 else {level.name: ()}
            found += [_Candidate(name, level, layout, part) for name, part in parts.items()]
    return found


def _layout(level: Level, array: zarr.Array) -> Layout | None:
    shape = tuple(int(n) for n in array.shape)
    names = level.axes or axis_names(array.attrs.asdict()) or _dimension_names(array)
    letters = axis_letters(names, array.ndim)
    return guessed_layout(shape) if letters is None else Layout(letters, shape)


def _dimension_names(array: zarr.Array) -> tuple[str, ...]:
    names = getattr(array.metadata, "dimension_names", None) or ()
    return tuple(names) if all(isinstance(name, str) for name in names) else ()


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
            "that long. Export the image once more."
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
    folders = [str(path)]
    while folders:
        # What it tells of its members without looking at each: there may be a million chunks.
        with os.scandir(folders.pop()) as members:
            for member in members:
                if member.is_symlink():
                    if not Path(member.path).resolve().is_relative_to(inside):
                        raise UnreadableFileError(
                            f"'{member.name}' in '{path.name}' is a link that leads out of it. "
                            "Copy the whole image into one folder."
                        )
                elif member.is_dir():
                    folders.append(member.path)
                if member.name in (*_MARKS, ".zattrs", ".zmetadata") and member.is_file():
                    _check_description(path, member.name, member.stat().st_size)


def _array(path: Path, node: zarr.Group | zarr.Array, name: str) -> zarr.Array:
    if isinstance(node, zarr.Array):
        return node
    if not _stays_inside(name):
        raise UnreadableFileError(f"'{path.name}' refers to '{name}', which is not inside it.")
    array = node[name]
    if not isinstance(array, zarr.Array):
        raise UnreadableFileError(f"'{path.name}' announces an array '{name}', which is none.")
    return array


def _levels(path: Path, node: zarr.Group | zarr.Array) -> list[Level]:
    """Return the levels of the images at the root and in the first series, else all arrays."""
    if isinstance(node, zarr.Array):
        return [_level_of_its_image(path) or Level("array")]
    found = image_levels(node.attrs.asdict(), "")
    if not found and "0" in node and isinstance(node["0"], zarr.Group):
        # As bioformats2raw lays it out: one group per series.
        found = image_levels(node["0"].attrs.asdict(), "0/")
    if found or ome_part(node.attrs.asdict()).get("multiscales"):
        return found
    if "plate" in ome_part(node.attrs.asdict()):
        raise NotATomogramError(
            f"'{path.name}' is a plate of many wells, not one tomogram. Open one image inside it."
        )
    return [Level(name) for name, member in node.arrays() if member.ndim >= 2]


def _level_of_its_image(path: Path) -> Level | None:
    """Return what the image says about a level that is opened by its own path."""
    if not path.is_dir():
        return None
    inside = path.name
    for parent in list(path.parents)[:_LEVELS_UP]:
        for mark in (".zattrs", "zarr.json"):
            described = parent / mark
            if not described.is_file() or described.is_symlink():
                continue
            _check_description(parent, mark, described.stat().st_size)
            told = json.loads(described.read_text(encoding="utf-8"))
            attributes = told.get("attributes", {}) if mark == "zarr.json" else told
            for level in image_levels(attributes, ""):
                if level.name == inside:
                    return replace(level, name="array")
        inside = f"{parent.name}/{inside}"
    return None


def _entry(path: Path, node: zarr.Group | zarr.Array, candidate: _Candidate) -> Entry:
    shape = candidate.layout.shape
    flat = shape[0] == 1 and "z" not in candidate.layout.letters
    dtype = np.dtype(_array(path, node, candidate.level.name).dtype)
    return candidate.name, shape[1:] if flat else shape, dtype


def _read(path: Path, chosen: _Candidate, dtype: np.dtype, z0: int, z1: int) -> NDArray:
    with blaming_file(path, KIND), _opened(path) as node:
        array = _array(path, node, chosen.level.name)
        where = chosen.layout.selection(chosen.part, z0, z1)
        refuse_bombs(path, array, where)
        slab = np.asarray(array[where])
        return slab.reshape(z1 - z0, *chosen.layout.shape[1:]).astype(dtype, copy=True)
