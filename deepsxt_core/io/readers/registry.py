"""The formats that can be opened, told apart by their first bytes."""

from pathlib import Path
from typing import Protocol

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.geometry import STORED_AXES
from deepsxt_core.io.readers import (
    amira,
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
    tiff,
    zeiss,
)
from deepsxt_core.io.readers.datasets import Entry
from deepsxt_core.io.readers.others import looks_like
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.turned import in_stored_order, turned
from deepsxt_core.volume import Volume, VoxelSize

_HEAD_BYTES = 1024


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
    packed,
    em,
    mrc,
)
SUPPORTED = (
    "TIFF, MRC, HDF5, Zeiss TXM, OME-Zarr (folder or zip), Amira mesh, NIfTI, NRRD, MetaImage, "
    "NumPy, EM, one of these under gzip, bzip2 or zip, and a folder of TIFF slices"
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
        Name inside the file, where it holds several; see `list_datasets`.
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
    # Absolute, so that the volume still reads after a change of the working directory.
    file = Path(path).absolute()
    reader = _format_of(file)
    volume = reader.open_volume(file, dataset, given)
    if given is not None and volume.axes != STORED_AXES:
        # The user counts along z, y, x, and readers along the axes of the file.
        stored = VoxelSize(*in_stored_order(given, volume.axes))
        volume = reader.open_volume(file, dataset, stored)
    return turned(volume)


def list_datasets(path: str | Path) -> list[Entry]:
    """Return what a file holds that could be opened, as (name, shape, dtype).

    Raises
    ------
    UnreadableFileError
        If the file is missing, empty, damaged or of an unknown format.
    """
    file = Path(path).absolute()
    return _format_of(file).list_datasets(file)


def _format_of(path: Path) -> Format:
    if path.is_dir():
        with blaming_file(path, "a folder"):
            if ome_zarr.matches(path, b""):
                return ome_zarr
            if folder.matches(path, b""):
                return folder
        raise UnreadableFileError(
            f"'{path}' is a folder that is neither OME-Zarr nor holds TIFF slices. Choose a file "
            "in it."
        )
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
