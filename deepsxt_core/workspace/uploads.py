"""Files that arrive in pieces and become tomograms once they are whole.

::

    <workspace>/uploads/<id>/
      upload.json      name and size as announced
      content/<file>   what has arrived so far

Nothing of it is visible as a tomogram before `accept`. An upload to which nothing was added for
two days is given up when the next one begins.
"""

import errno
import hashlib
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError, InvalidParameterError, NoRoomError
from deepsxt_core.files import delete_folder, read_json, safe_name, write_json
from deepsxt_core.workspace import Tomogram, Workspace, is_id

_ID_BYTES = 9
_KEPT_S = 2 * 24 * 3600
_PIECE_BYTES = 4 * 2**20
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has not arrived as a whole yet.

    Attributes
    ----------
    id : str
        Unguessable; that of the tomogram to be.
    name : str
        As the sender gave it.
    size : int
        Bytes when whole.
    path : Path
        What has arrived.
    """

    id: str
    name: str
    size: int
    path: Path

    @property
    def received(self) -> int:
        """How many bytes have arrived."""
        return self.path.stat().st_size


class Arrival:
    """The file of an upload, open at its end, and the SHA-256 of what it holds."""

    def __init__(self, path: Path) -> None:
        self.n_bytes = 0
        """Bytes in the file."""
        self._digest = hashlib.sha256()
        # Without a buffer of its own: what a full disk refused must not be tried again at the end.
        self._file = path.open("r+b", buffering=0)
        while piece := self._file.read(_PIECE_BYTES):
            self._digest.update(piece)
            self.n_bytes += len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that has arrived."""
        return self._digest.hexdigest()

    def add(self, piece: bytes | bytearray) -> None:
        """Append a piece, or nothing of it.

        Raises
        ------
        NoRoomError
            If the disk is full.
        """
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.truncate(self.n_bytes)
            self._file.seek(self.n_bytes)
            if error.errno not in _DISK_FULL:
                raise
            raise NoRoomError("The server's disk is full. Nothing that arrived is lost.") from error
        self._digest.update(piece)
        self.n_bytes += len(piece)


def begin(workspace: Workspace, name: str, size: int) -> Upload:
    """Prepare for a file of `size` bytes.

    Raises
    ------
    InvalidParameterError
        If the name is missing or the size is not above 0.
    NoRoomError
        If the size is beyond what is allowed (``DEEPSXT_MAX_UPLOAD_GB``) or what the disk holds.
    """
    if not name.strip():
        raise InvalidParameterError("The name of the file is missing.")
    if size <= 0:
        raise InvalidParameterError(
            f"'{name}' is empty ({size} bytes). The copy or the export failed: make it again."
        )
    _give_up_old(workspace)
    workspace.uploads_folder.mkdir(parents=True, exist_ok=True)
    limit, free = settings.max_upload_bytes(), shutil.disk_usage(workspace.folder).free
    if size > limit:
        raise NoRoomError(f"The file is larger than the {limit / 1e9:g} GB that are allowed.")
    if size > free:
        raise NoRoomError(
            f"The server has {free / 1e9:.1f} GB left; the file has {size / 1e9:.1f} GB."
        )
    folder = workspace.uploads_folder / secrets.token_hex(_ID_BYTES)
    path = _content(folder, name)
    path.parent.mkdir(parents=True)
    path.touch()
    write_json(folder / "upload.json", {"name": name, "size": size})
    return Upload(folder.name, name, size, path)


def find(workspace: Workspace, upload_id: str) -> Upload:
    """Return an upload that is not finished.

    Raises
    ------
    DeepSXTError
        If there is none of that id.
    """
    folder = workspace.uploads_folder / upload_id
    known = read_json(folder / "upload.json") if is_id(upload_id) else None
    if known is None:
        raise DeepSXTError(
            f"There is no unfinished upload '{upload_id[:64]}'. Upload the file again."
        )
    return Upload(upload_id, known["name"], known["size"], _content(folder, known["name"]))


def accept(workspace: Workspace, upload: Upload, sha256: str) -> Tomogram:
    """Turn an upload that is whole into a tomogram.

    Parameters
    ----------
    sha256 : str
        Of the file, as it was computed on arrival.

    Raises
    ------
    VolumeError
        If the file cannot serve as a tomogram; it is deleted then. Several candidates inside
        are no error here: the choice is made later with `Tomogram.update`.
    """
    try:
        return workspace.adopt(upload.path, upload.id, name=upload.name, sha256=sha256)
    finally:
        discard(workspace, upload.id)


def discard(workspace: Workspace, upload_id: str) -> None:
    """Delete an upload and what has arrived of it.

    Raises
    ------
    DeepSXTError
        If there is none of that id.
    """
    find(workspace, upload_id)
    delete_folder(workspace.uploads_folder / upload_id)


def _content(folder: Path, name: str) -> Path:
    return folder / "content" / safe_name(name)


def _give_up_old(workspace: Workspace) -> None:
    if not workspace.uploads_folder.is_dir():
        return
    for folder in workspace.uploads_folder.iterdir():
        files = [file for file in folder.rglob("*") if file.is_file()] or [folder]
        if max(file.stat().st_mtime for file in files) < time.time() - _KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)
