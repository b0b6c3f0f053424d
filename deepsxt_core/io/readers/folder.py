"""A folder of pictures (TIFF, PNG, JPEG, BMP), one slice each, in the natural order of names."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import NotATomogramError, UnreadableFileError
from deepsxt_core.io.readers import picture, tiff
from deepsxt_core.io.readers.datasets import Entry, choose_dataset
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.volume import Volume, VoxelSize

KIND = "folder of slices"
# The first of which there are any are the slices; previews often lie beside them.
_GROUPS = ((".tif", ".tiff"), (".png",), (".jpg", ".jpeg"), (".bmp",))
_SUFFIXES = sum(_GROUPS, ())
_MOST_SLICES = 1 << 14
# Two or three numbered files in a folder are more often tomograms than slices.
_FEWEST_LISTED = 4


def matches(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Return whether the folder holds pictures that may be slices: several, or one of one slice."""
    files = _files(path)
    return len(files) > 1 or (len(files) == 1 and files[0].suffix.lower() in picture.SUFFIXES)


def may_be_slices(names: Iterable[str]) -> bool:
    """Return whether files of these names may be a stack: pictures that differ in a number."""
    pictures = [
        name.lower()
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES and not name.startswith(".")
    ]
    patterns = {re.sub(r"\d+", "#", name) for name in pictures}
    return len(pictures) >= _FEWEST_LISTED and len(patterns) == 1


def list_datasets(path: Path) -> list[Entry]:
    """Return the one stack of the folder as (name, shape, dtype)."""
    volume = open_volume(path, None, None)
    return [("slices", volume.shape, volume.dtype)]


def open_volume(path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None) -> Volume:
    """Open a folder of slices; see `deepsxt_core.io.open_volume`."""
    slices = []
    with blaming_file(path, KIND):
        files = _files(path)
        if len(files) > _MOST_SLICES:
            raise NotATomogramError(
                f"The folder '{path.name}' holds {len(files)} pictures; a tomogram has at most "
                f"{_MOST_SLICES} slices."
            )
        inside = path.resolve()
        for file in files:
            refuse_link_out(file, inside)
            is_tiff = file.suffix.lower() in _GROUPS[0]
            opened = (tiff if is_tiff else picture).open_volume(file, None, voxel_size_nm)
            slices.append(opened)
    first = slices[0]
    for file, volume in zip(files, slices, strict=True):
        if volume.shape[0] != 1 or volume.shape != first.shape or volume.dtype != first.dtype:
            raise NotATomogramError(
                f"The folder '{path.name}' is no stack of slices: '{files[0].name}' holds "
                f"{first.shape} {first.dtype}, '{file.name}' {volume.shape} {volume.dtype}. "
                "Put the slices of one tomogram alone into a folder, or choose one file."
            )
    shape = (len(slices), *first.shape[1:])
    choose_dataset(path, [("slices", shape, first.dtype)], dataset)
    warnings = first.warnings + _gaps([file.name for file in files])
    if voxel_size_nm is None and first.voxel_size_nm is not None and len(slices) > 1:
        warnings += (
            f"The slices give their pixel size ({first.voxel_size_nm.x:g} nm) but no distance; "
            "the voxels are taken to be as high as they are long.",
        )
    reader = partial(_read, tuple(slices), inside)
    return Volume(shape, first.dtype, first.voxel_size_nm, reader, path, KIND, warnings=warnings)


def _gaps(names: list[str]) -> tuple[str, ...]:
    """Return the word on numbers that are left out in the names of slices, in their order."""
    parts = np.array([re.split(r"(\d+)", name.lower())[1::2] for name in names], object)
    if len(names) < _FEWEST_LISTED or parts.ndim != 2:
        return ()
    varying = [row for row in parts.T if len(set(row)) > 1]
    if len(varying) != 1:
        return ()
    steps = np.diff([int(number) for number in varying[0]])
    step = int(np.median(steps))
    if step < 1 or (steps % step).any() or (steps < step).any() or (steps == step).all():
        return ()
    at = int(np.argmax(steps > step))
    return (
        f"Numbers are left out in the names of the slices: '{names[at]}' is followed by "
        f"'{names[at + 1]}', and {int((steps // step - 1).sum())} of them in all are not there. If "
        "the folder was not copied as a whole, the voxels behind do not lie where they should.",
    )


def refuse_link_out(file: Path, inside: Path) -> None:
    """Raise `UnreadableFileError` where a file of a folder is a link that leads out of it."""
    if not file.resolve().is_relative_to(inside):
        raise UnreadableFileError(
            f"'{file.name}' in the folder '{file.parent.name}' is a link that leads out of it. "
            "Copy the slices themselves into one folder."
        )


def _read(slices: tuple[Volume, ...], inside: Path, z0: int, z1: int) -> NDArray:
    for volume in slices[z0:z1]:
        # Looked up again: a slice may have been exchanged for a link by now.
        if volume.path is not None:
            refuse_link_out(volume.path, inside)
    return np.concatenate([volume.reader(0, 1) for volume in slices[z0:z1]])


def _files(path: Path) -> list[Path]:
    found = [
        file
        for file in path.iterdir()
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    for suffixes in _GROUPS:
        group = [file for file in found if file.suffix.lower() in suffixes]
        if group:
            return sorted(group, key=lambda file: _natural(file.name))
    return []


def others(path: Path) -> list[Path]:
    """Return the files of a folder that may be volumes, those that describe it left out."""
    return sorted(
        file for file in path.iterdir() if not file.name.startswith(".") and file.is_file()
    )


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return the key by which ``slice_10`` follows ``slice_9``."""
    parts = re.split(r"(\d+)", name.lower())
    return [(int(p) if p.isdecimal() else -1, p if not p.isdecimal() else "") for p in parts], name
