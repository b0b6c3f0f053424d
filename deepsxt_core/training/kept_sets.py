"""Data sets that people hand in through the app: folders of files in the workspace."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deepsxt_core import settings
from deepsxt_core.errors import TrainingDataError
from deepsxt_core.files import delete_folder, safe_name, written_beside


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
    if not name.strip():
        raise TrainingDataError("The data set needs a name. Give it one and add the files again.")
    folder = _sets_folder() / safe_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file_name, file in files:
        with written_beside(folder / safe_name(file_name)) as partial, partial.open("wb") as out:
            shutil.copyfileobj(file, out)
    return KeptSet(folder.name, folder)


def remove_set(name: str) -> None:
    """Delete a data set with its files; models trained on it stay.

    Raises
    ------
    TrainingDataError
        If there is none of that name.
    """
    known = {kept.name: kept for kept in list_sets()}
    if name not in known:
        raise TrainingDataError(f"There is no data set {name!r} in this workspace.")
    delete_folder(known[name].folder)
