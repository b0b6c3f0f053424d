"""The server's folders that users may open files from, and what is in them."""

import os
from collections.abc import Collection
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.io.readers.folder import may_be_slices
from deepsxt_core.io.readers.ome_zarr import is_zarr_folder

_OFFERED = (
    frozenset((".tif", ".tiff", ".mrc", ".rec", ".st", ".map", ".ali"))
    | {".h5", ".hdf5", ".hdf", ".nxs", ".txm", ".txrm", ".xrm", ".am", ".nii", ".nrrd"}
    | {".npy", ".npz", ".em", ".zip", ".gz", ".bz2"}
)


def list_files(root: Path) -> list[str]:
    """Return what may be a tomogram below `root`, relative to it and sorted: files and folders.

    A folder is listed if it is an OME-Zarr, whose inside is then left out, or if it holds numbered
    TIFF files that may be the slices of a stack. What is hidden, or lies in a hidden folder, is
    left out.
    """
    found: list[Path] = []
    for name, subfolders, names in os.walk(root):
        folder = Path(name)
        inner = [folder / name for name in subfolders if not name.startswith(".")]
        zarrs = [path for path in inner if is_zarr_folder(path) and not path.is_symlink()]
        # What os.walk enters next.
        subfolders[:] = [path.name for path in inner if path not in zarrs]
        files = [folder / name for name in names if not name.startswith(".")]
        found += zarrs + [path for path in files if is_offered(path.name)]
        if folder != root and may_be_slices(names):
            found.append(folder)
    return sorted(str(path.relative_to(root)) for path in found)


def find_file(root: Path, name: str) -> Path:
    """Return the file or folder that `list_files` offered under `name`.

    Raises
    ------
    UnreadableFileError
        If it leads out of the allowed folders, also through a link, or is gone.
    """
    path = (root / name).resolve()
    if not is_allowed(path) or not (path.is_file() or _is_tomogram_folder(path)):
        raise UnreadableFileError(
            f"'{name}' is not a file in a folder that this server offers. Choose one of the list."
        )
    return path


def list_folders(root: Path, marks: Collection[str]) -> list[str]:
    """Return the folders, `root` as "." and those below it, that hold a file with one of `marks`.

    A file ``NAME.labels.tif`` has the mark ``.labels``; one of ``marks`` may also be a suffix.
    """
    found = {
        path.parent.relative_to(root)
        for path in root.rglob("*.*")
        if Path(path.stem).suffix.lower() in marks or path.suffix.lower() in marks
    }
    return sorted(str(name) for name in found if not any(p.startswith(".") for p in name.parts))


def find_folder(root: Path, name: str) -> Path:
    """Return the folder that `list_folders` offered under `name`.

    Raises
    ------
    UnreadableFileError
        If it leads out of the allowed folders, also through a link, or is gone.
    """
    path = (root / name).resolve()
    if not is_allowed(path) or not path.is_dir():
        raise UnreadableFileError(
            f"'{name}' is not a folder that this server offers. Choose one of the list."
        )
    return path


def is_offered(name: str) -> bool:
    """Return whether a file of this name may be a tomogram."""
    return Path(name).suffix.lower() in _OFFERED


def is_allowed(path: Path) -> bool:
    """Return whether a resolved path lies in a folder that this server offers."""
    return any(path.is_relative_to(folder) for folder in settings.data_roots())


def places_of(path: Path) -> tuple[Path, ...]:
    """Return where a file that was chosen before may truly lie: there, or in an offered folder."""
    return path, *settings.data_roots()


def _is_tomogram_folder(path: Path) -> bool:
    if not path.is_dir():
        return False
    return is_zarr_folder(path) or may_be_slices(file.name for file in path.iterdir())
