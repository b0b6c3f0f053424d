"""Tomograms that were deleted: kept for some days with all that was made of them.

::

    <workspace>/trash/<token>/              the folder of the tomogram, as it was
        deleted.json                        its id, and when it was deleted

A file that the tomogram only referred to stays where it is.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import delete_folder, read_json, write_json
from deepsxt_core.workspace.library import Workspace
from deepsxt_core.workspace.results import is_id
from deepsxt_core.workspace.tomogram import Tomogram, read_tomogram

KEPT_FOR = timedelta(days=14)
"""How long a deleted tomogram can be restored."""

_NOTE = "deleted.json"
_TOKEN_BYTES = 9


@dataclass(frozen=True, slots=True)
class Deleted:
    """A tomogram in the trash.

    Attributes
    ----------
    token : str
        Tells it from others, also from an earlier deletion of the same tomogram.
    tomogram_id : str
        That it had and will have again.
    name : str
        Of the tomogram.
    folder : Path
        Where it lies.
    deleted : datetime
        When, in UTC.
    """

    token: str
    tomogram_id: str
    name: str
    folder: Path
    deleted: datetime

    @property
    def expires(self) -> datetime:
        """When it may be deleted for good, in UTC."""
        return self.deleted + KEPT_FOR


def discard(workspace: Workspace, tomogram: Tomogram) -> Deleted:
    """Move a tomogram with all its results into the trash; nothing may be working on it."""
    access.require_write()
    token = secrets.token_hex(_TOKEN_BYTES)
    folder = _trash(workspace) / token
    folder.parent.mkdir(parents=True, exist_ok=True)
    deleted = datetime.now(UTC)
    note = {"id": tomogram.id, "deleted": deleted.isoformat()}
    # Before it moves, so that the trash never holds a folder that nobody can name.
    write_json(tomogram.folder / _NOTE, note)
    tomogram.folder.rename(folder)
    return Deleted(token, tomogram.id, tomogram.name, folder, deleted)


def discarded(workspace: Workspace) -> list[Deleted]:
    """Return what is in the trash, the latest first."""
    if not _trash(workspace).is_dir():
        return []
    read = (_read(entry) for entry in _trash(workspace).iterdir() if is_id(entry.name))
    found = [deleted for deleted in read if deleted is not None]
    return sorted(found, key=lambda deleted: deleted.deleted, reverse=True)


def restore(workspace: Workspace, token: str) -> Tomogram:
    """Put a tomogram back where it was, under its old id.

    Raises
    ------
    DeepSXTError
        If it is not in the trash any more, or there is a tomogram of its id again.
    """
    access.require_write()
    deleted = _find(workspace, token)
    final = workspace.folder / "tomograms" / deleted.tomogram_id
    if final.exists():
        raise DeepSXTError(
            f"'{deleted.name}' is in the library already: it was opened again after it was "
            "deleted. Delete that one first."
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    deleted.folder.rename(final)
    (final / _NOTE).unlink()
    return workspace.tomogram(deleted.tomogram_id)


def erase(workspace: Workspace, token: str) -> None:
    """Delete a tomogram in the trash for good.

    Raises
    ------
    DeepSXTError
        If it is not there any more.
    """
    access.require_write()
    delete_folder(_find(workspace, token).folder)


def empty(workspace: Workspace) -> list[Deleted]:
    """Delete for good what lies in the trash for longer than `KEPT_FOR`; return what that was."""
    now = datetime.now(UTC)
    expired = [deleted for deleted in discarded(workspace) if deleted.expires <= now]
    for deleted in expired:
        delete_folder(deleted.folder)
    return expired


def last_change(tomogram: Tomogram) -> datetime:
    """Return when the latest of the files of a tomogram was written, in UTC."""
    times = [path.stat().st_mtime for path in tomogram.folder.rglob("*") if path.is_file()]
    return datetime.fromtimestamp(max(times, default=0.0), UTC)


def _find(workspace: Workspace, token: str) -> Deleted:
    deleted = _read(_trash(workspace) / token) if is_id(token) else None
    if deleted is None:
        raise DeepSXTError("It is not in the trash any more. Open the file again.")
    return deleted


def _read(folder: Path) -> Deleted | None:
    note, tomogram = read_json(folder / _NOTE), read_tomogram(folder)
    if note is None or tomogram is None or not is_id(str(note.get("id"))):
        return None
    try:
        deleted = datetime.fromisoformat(note["deleted"])
    except (KeyError, TypeError, ValueError):
        return None
    return Deleted(folder.name, note["id"], tomogram.name, folder, deleted)


def _trash(workspace: Workspace) -> Path:
    return workspace.folder / "trash"
