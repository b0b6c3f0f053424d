"""The formats that can be opened, told apart by their first bytes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from numpy.typing import NDArray

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.geometry import STORED_AXES
from deepsxt_core.io.readers import (
    amira,
    archive,
    em,
    folder,
    hdf5,
    mha,
    mrc,
    nifti,
    npy,
    nrrd,
    ome_zarr,
    packed,
    picture,
    tiff,
    zeiss,
)
from deepsxt_core.io.readers.choosing import split_axes
from deepsxt_core.io.readers.datasets import Entry
from deepsxt_core.io.readers.others import looks_like
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.turned import in_stored_order, turned
from deepsxt_core.volume import Volume, VoxelSize

_HEAD_BYTES = 1024
_ZIP = b"PK\x03\x04"
_MOST_NAMED = 6
# What lies beside them belongs to them.
_HEADERS = (".mhd", ".nhdr")


class Format(Protocol):
    """What a module must offer to be a format."""

    def matches(self, path: Path, head: bytes) -> bool:
        """Return whether a file that starts with `head` (up to 1024 bytes) is of this format."""

    def list_datasets(self, path: Path) -> list[Entry]:
        """Return the candidates of the file as (name, shape, dtype)."""

    def open_volume(
        self, path: Path, dataset: str | None, voxel_size_nm: VoxelSize | None
    ) -> Volume:
        """Open the file lazily."""


# EM and MRC last: EM has no mark and old MRC files neither; plausible numbers have to do.
FORMATS: tuple[Format, ...] = (
    tiff,
    hdf5,
    zeiss,
    npy,
    ome_zarr,
    nrrd,
    nifti,
    mha,
    amira,
    picture,
    packed,
    em,
    mrc,
)
SUPPORTED = (
    "TIFF, MRC, HDF5, Zeiss TXM, OME-Zarr (folder or zip), Amira mesh, NIfTI, NRRD, MetaImage, "
    "NumPy, EM, one of these under gzip, bzip2 or zip, and a folder or zip of slices (TIFF, PNG, "
    "JPEG, BMP)"
)


def open_volume(
    path: str | Path,
    *,
    dataset: str | None = None,
    voxel_size_nm: tuple[float, float, float] | None = None,
) -> Volume:
    """Open a tomogram without reading its voxels.

    Parameters
    ----------
    path : str or Path
        A file or a folder of one of the `SUPPORTED` formats, recognised by content; the name does
        not matter.
    dataset : str, optional
        Name inside the file, where it holds several; see `list_datasets`. Behind a last ``@``, the
        axes of the file, as ``NAME@xzy`` or ``@xzy``: see `deepsxt_core.io.readers.choosing`.
    voxel_size_nm : (z, y, x), optional
        Overrides what the file says.

    Returns
    -------
    Volume
        (z, y, x), a single picture being one slice, whatever the order and the direction in which
        the file keeps its axes. Its `warnings` tell what had to be assumed.

    Raises
    ------
    UnreadableFileError
        If the file is missing, empty, truncated, damaged or of an unknown format.
    NotATomogramError
        If it holds colours, channels, a time series, a tilt series or complex numbers.
    DatasetChoiceError
        If it holds several candidates and `dataset` names none of them.
    InvalidParameterError
        If `voxel_size_nm` is not three lengths above 0.
    """
    given = None if voxel_size_nm is None else VoxelSize(*voxel_size_nm)
    name, axes = split_axes(dataset)
    # Absolute, so that the volume still reads after a change of the working directory.
    file = Path(path).absolute()
    place = _place_of(file)
    reader = _format_of(place)
    volume = reader.open_volume(place, name, given)
    axes = axes or volume.axes
    if given is not None and axes != STORED_AXES:
        # The user counts along z, y, x, and readers along the axes of the file.
        stored = VoxelSize(*in_stored_order(given, axes))
        volume = reader.open_volume(place, name, stored)
    if dataset != name:
        volume = replace(volume, axes=axes, dataset=dataset)
    volume = turned(volume)
    if place == file:
        return volume
    inside = place if place.is_dir() else place.parent
    reads = partial(_read_inside, file, inside, volume.reader)
    return replace(volume, path=file, reader=reads, format=f"{volume.format} ({_around(file)})")


def list_datasets(path: str | Path) -> list[Entry]:
    """Return what a file holds that could be opened, as (name, shape, dtype).

    Raises
    ------
    UnreadableFileError
        If the file is missing, empty, damaged or of an unknown format.
    """
    place = _place_of(Path(path).absolute())
    return _format_of(place).list_datasets(place)


def _place_of(path: Path) -> Path:
    """Return what is to be opened: for an archive its folder, for a folder of one volume that."""
    place = path
    formats_of_their_own = (ome_zarr, npy)
    if archive.is_archive(path) and not any(f.matches(path, _ZIP) for f in formats_of_their_own):
        place = archive.unpacked_folder(path)
    if not place.is_dir():
        return place
    with blaming_file(path, "a folder"):
        if ome_zarr.matches(place, b"") or folder.matches(place, b""):
            return place
        volumes = [file for file in folder.others(place) if _known(file) is not None]
        headers = [file for file in volumes if file.suffix.lower() in _HEADERS]
    for found in (headers, volumes):
        if len(found) == 1:
            folder.refuse_link_out(found[0], place.resolve())
            return found[0]
    if volumes:
        names = ", ".join(f"'{file.name}'" for file in volumes[:_MOST_NAMED])
        more = f" and {len(volumes) - _MOST_NAMED} more" if len(volumes) > _MOST_NAMED else ""
        raise UnreadableFileError(
            f"'{path.name}' holds {len(volumes)} files that could be the tomogram: {names}{more}. "
            "Choose one of them."
        )
    raise UnreadableFileError(
        f"'{path}' is {_kind_of_folder(place)}. Choose a file in it, or save the tomogram as "
        f"OME-Zarr, HDF5 or TIFF. Supported are {SUPPORTED}."
    )


def _kind_of_folder(path: Path) -> str:
    names = {entry.name for entry in path.iterdir()}
    if "attributes.json" in names:
        return "an N5 container, which is not supported"
    if "info" in names:
        return "a folder like Neuroglancer's precomputed volumes, which are not supported"
    for file in folder.others(path):
        known_as = looks_like(_head(file))
        if known_as is not None and "text" not in known_as[0]:
            return f"a folder without a tomogram; '{file.name}' looks like {known_as[0]}"
    return "a folder that is neither OME-Zarr nor holds slices or one tomogram"


def _around(path: Path) -> str:
    return "folder" if path.is_dir() else "zip"


def _read_inside(
    file: Path, inside: Path, read: Callable[[int, int], NDArray], z0: int, z1: int
) -> NDArray:
    if not file.is_dir() and archive.unpacked_folder(file) != inside:  # made anew if it was dropped
        raise UnreadableFileError(f"'{file.name}' has changed since it was opened. Open it again.")
    return read(z0, z1)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _known(path: Path) -> Format | None:
    head = _head(path)
    return next((known for known in FORMATS if head and known.matches(path, head)), None)


def _format_of(path: Path) -> Format:
    if path.is_dir():
        return ome_zarr if ome_zarr.matches(path, b"") else folder
    if not path.exists():
        raise UnreadableFileError(f"There is no file '{path}'. Check its name.")
    if not path.is_file():
        raise UnreadableFileError(f"'{path}' is not a regular file.")
    with blaming_file(path, "a tomogram"), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise UnreadableFileError(
            f"'{path.name}' is empty (0 bytes). The copy or the export failed: make it again."
        )
    with blaming_file(path, "a tomogram"):
        for known in FORMATS:
            if known.matches(path, head):
                return known
    supported = f"Supported are {SUPPORTED}."
    known_as = looks_like(head)
    if known_as is not None:
        what, remedy = known_as
        raise UnreadableFileError(
            f"'{path.name}' is of an unknown format: it looks like {what}. {remedy}. {supported}"
        )
    raise UnreadableFileError(
        f"'{path.name}' is of an unknown format; it starts with {head[:8]!r}. {supported}"
    )
