"""Data sets that people hand in through the app: folders of files in the workspace."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deepsxt_core import access, settings
from deepsxt_core.errors import TrainingDataError
from deepsxt_core.files import delete_folder, safe_name, written_beside
from deepsxt_core.io import write_tiff
from deepsxt_core.room import require_quota
from deepsxt_core.volume import Volume


@dataclass(frozen=True, slots=True)
class KeptSet:
    """A data set in the workspace.

    Attributes
    ----------
    name : str
    folder : Path
        Holds NAME.tif and NAME.labels.tif, as `find_pairs` understands them.
    """

    name: str
    folder: Path

    def files(self) -> list[str]:
        """Return the names of the files, sorted."""
        return sorted(p.name for p in self.folder.iterdir() if not p.name.startswith("."))


def _sets_folder() -> Path:
    return settings.workspace_folder() / "datasets"


def list_sets() -> list[KeptSet]:
    """Return the data sets of the workspace, the latest changed first."""
    folder = _sets_folder()
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    found.sort(key=lambda p: p.stat().st_mtime, reverse=True)
    return [KeptSet(p.name, p) for p in found]


def add_files(name: str, files: Iterable[tuple[str, IO[bytes]]]) -> KeptSet:
    """Put files into a data set, a new one if there is none of that name.

    Parameters
    ----------
    name : str
        As people gave it; made safe here.
    files : iterable of (name, file)
        A file of the same name is replaced.

    Raises
    ------
    TrainingDataError
        If the data set has no name.
    """
    folder = _folder_of(name)
    for file_name, file in files:
        with written_beside(folder / safe_name(file_name)) as partial, partial.open("wb") as out:
            shutil.copyfileobj(file, out)
    return KeptSet(folder.name, folder)


def add_labelled(name: str, stem: str, image: Volume, labels: Volume) -> KeptSet:
    """Put a tomogram with its labels into a data set, as files that nobody edits.

    Parameters
    ----------
    name : str
        Of the data set, as people gave it.
    stem : str
        Of the files, which replace others of that name; made safe here.
    image, labels : Volume
        Of one shape; see `deepsxt_core.training.datasets` for what the labels mean.

    Raises
    ------
    TrainingDataError
        If the data set has no name.
    VolumeError
        If one of them cannot be read.
    WriteError
        If there is no room.
    """
    folder, stem = _folder_of(name), safe_name(stem)
    write_tiff(image, folder / f"{stem}.tif")
    write_tiff(labels, folder / f"{stem}.labels.tif")
    return KeptSet(folder.name, folder)


def _folder_of(name: str) -> Path:
    access.require_write()
    require_quota()
    if not name.strip():
        raise TrainingDataError("The data set needs a name. Give it one and add the files again.")
    folder = _sets_folder() / safe_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_set(name: str) -> None:
    """Delete a data set with its files; models trained on it stay.

    Raises
    ------
    TrainingDataError
        If there is none of that name.
    """
    access.require_write()
    known = {kept.name: kept for kept in list_sets()}
    if name not in known:
        raise TrainingDataError(f"There is no data set {name!r} in this workspace.")
    delete_folder(known[name].folder)
