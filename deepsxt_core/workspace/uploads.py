"""Files that arrive in pieces and become tomograms, or wait to be taken, once they are whole.

::

    <workspace>/uploads/<id>/
      upload.json      name, size and kind as announced
      content/<file>   what has arrived so far

Nothing of it is visible as a tomogram before `accept`. A file of the kind ``file`` stays where it
is until a page takes it: a model, labelled slices. An upload to which nothing was added for two
days, or nothing at all for an hour, is given up when the next one begins. What all of them may
still bring is counted against the disk, and only so many may be on their way.
"""

import errno
import hashlib
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

from deepsxt_core import access, settings
from deepsxt_core.errors import (
    BusyError,
    DeepSXTError,
    InvalidParameterError,
    NoRoomError,
    VolumeError,
)
from deepsxt_core.files import delete_folder, read_json, safe_name, write_json
from deepsxt_core.room import require_quota
from deepsxt_core.workspace import Tomogram, Workspace, is_id

_ID_BYTES = 9
_KEPT_S = 2 * 24 * 3600
_KEPT_EMPTY_S = 3600
_PIECE_BYTES = 4 * 2**20
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

MOST_PENDING = 64
"""How many uploads may be on their way, or wait to be taken."""

Kind = Literal["tomogram", "file"]
"""What becomes of a file: a tomogram at once, or what a page makes of it."""

_beginning = threading.Lock()


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
    kind : {"tomogram", "file"}
        What becomes of it.
    """

    id: str
    name: str
    size: int
    path: Path
    kind: Kind = "tomogram"

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


def begin(workspace: Workspace, name: str, size: int, kind: str = "tomogram") -> Upload:
    """Prepare for a file of `size` bytes.

    Raises
    ------
    InvalidParameterError
        If the name is missing, the size is not above 0, or the kind is unknown.
    NoRoomError
        If the size is beyond what is allowed (``DEEPSXT_MAX_UPLOAD_GB``), or what disk and quota
        hold besides all that was promised.
    BusyError
        If too many are on their way.
    NotAllowedError
        If they may only look.
    """
    access.require_write()
    if kind not in get_args(Kind):
        raise InvalidParameterError(
            f"An upload is of kind {', '.join(get_args(Kind))}: got '{kind[:40]}'."
        )
    if not name.strip():
        raise InvalidParameterError("The name of the file is missing.")
    if size <= 0:
        raise InvalidParameterError(
            f"'{name}' is empty ({size} bytes). The copy or the export failed: make it again."
        )
    limit = settings.max_upload_bytes()
    if size > limit:
        raise NoRoomError(f"The file is larger than the {limit / 1e9:g} GB that are allowed.")
    # One after the other, so that two cannot be promised the same room.
    with _beginning:
        workspace.uploads_folder.mkdir(parents=True, exist_ok=True)
        promised = _pending(workspace)
        if len(promised) >= MOST_PENDING:
            raise BusyError(
                f"{MOST_PENDING} uploads are on their way already. Try again once some are done."
            )
        require_quota(size + sum(promised))
        free = shutil.disk_usage(workspace.folder).free - sum(promised)
        if size > free:
            raise NoRoomError(
                f"The server has {max(0, free) / 1e9:.1f} GB left; the file has "
                f"{size / 1e9:.1f} GB."
            )
        folder = workspace.uploads_folder / secrets.token_hex(_ID_BYTES)
        path = _content(folder, name)
        try:
            path.parent.mkdir(parents=True)
            path.touch()
            write_json(folder / "upload.json", {"name": name, "size": size, "kind": kind})
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return find(workspace, folder.name)


def find(workspace: Workspace, upload_id: str) -> Upload:
    """Return an upload that is not finished.

    Raises
    ------
    DeepSXTError
        If there is none of that id.
    """
    upload = _read(workspace.uploads_folder / upload_id) if is_id(upload_id) else None
    if upload is None:
        raise DeepSXTError(
            f"There is no unfinished upload '{upload_id[:64]}'. Upload the file again."
        )
    return upload


def whole(workspace: Workspace, upload_id: str) -> Upload:
    """Return a file that has arrived as a whole and waits to be taken.

    Who takes it moves or reads its `path`, and calls `discard` then.

    Raises
    ------
    DeepSXTError
        If there is none of that id.
    """
    upload = find(workspace, upload_id)
    if upload.kind != "file" or upload.received != upload.size:
        raise DeepSXTError(f"'{upload.name}' has not arrived as a whole. Upload it again.")
    return upload


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
    BusyError, WriteError
        If the computer is too busy to look at it, or the disk takes no more; it is kept then.
    """
    try:
        tomogram = workspace.adopt(upload.path, upload.id, name=upload.name, sha256=sha256)
    except VolumeError:
        discard(workspace, upload.id)
        raise
    discard(workspace, upload.id)
    return tomogram


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


def _read(folder: Path) -> Upload | None:
    known = read_json(folder / "upload.json")
    if known is None:
        return None
    name = known["name"]
    kind = known.get("kind", "tomogram")
    return Upload(folder.name, name, known["size"], _content(folder, name), kind)


def _pending(workspace: Workspace) -> list[int]:
    """Give up what is old, and return how many bytes each of the others may still bring."""
    missing = []
    for folder in workspace.uploads_folder.iterdir():
        upload = _read(folder)
        try:
            stat = (upload.path if upload else folder).stat()
        except OSError:
            continue  # it has just been accepted
        kept_s = _KEPT_S if upload and stat.st_size else _KEPT_EMPTY_S
        if stat.st_mtime < time.time() - kept_s:
            shutil.rmtree(folder, ignore_errors=True)
        elif upload:
            missing.append(upload.size - stat.st_size)
    return missing
