"""The server's folders that users may open files from, and what is in them."""

from collections.abc import Collection
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.errors import UnreadableFileError

_OFFERED = (
    frozenset((".tif", ".tiff", ".mrc", ".rec", ".st", ".map", ".ali"))
    | {".h5", ".hdf5", ".hdf", ".nxs", ".txm", ".txrm", ".xrm", ".am", ".nii", ".nrrd"}
    | {".npy", ".npz", ".em", ".zip", ".gz", ".bz2"}
)


def list_files(root: Path) -> list[str]:
    """Return the files below `root` that may be tomograms, relative to it and sorted.

    What is hidden, or lies in a hidden folder, is left out.
    """
    found = (path for path in root.rglob("*") if path.suffix.lower() in _OFFERED)
    names = (path.relative_to(root) for path in found if path.is_file())
    return sorted(str(name) for name in names if not any(p.startswith(".") for p in name.parts))


def find_file(root: Path, name: str) -> Path:
    """Return the file that `list_files` offered under `name`.

    Raises
    ------
    UnreadableFileError
        If it leads out of the allowed folders, also through a link, or is gone.
    """
    path = (root / name).resolve()
    if not _is_allowed(path) or not path.is_file():
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
    if not _is_allowed(path) or not path.is_dir():
        raise UnreadableFileError(
            f"'{name}' is not a folder that this server offers. Choose one of the list."
        )
    return path


def places_of(path: Path) -> tuple[Path, ...]:
    """Return where a file that was chosen before may truly lie: there, or in an offered folder."""
    return path, *settings.data_roots()


def _is_allowed(path: Path) -> bool:
    """Return whether a resolved path lies in a folder that this server offers."""
    return any(path.is_relative_to(folder) for folder in settings.data_roots())
