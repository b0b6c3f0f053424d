"""How files and folders come into being: complete, under a safe name, or not at all."""

import errno
import json
import os
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepsxt_core.errors import DeepSXTError, InvalidParameterError, WriteError
from deepsxt_core.room import require_quota

_MAX_NAME_BYTES = 150
_MAX_SUFFIX_BYTES = 20
_RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EROFS,)
_NEARLY_NOTHING = 1 << 16
_WRITE_ATTEMPTS = 20
_WRITE_PAUSE_S = 0.02


@contextmanager
def written_beside(
    path: Path, *, verify: Callable[[Path], object] | None = None, room_bytes: int = 0
) -> Iterator[Path]:
    """Yield a hidden path beside `path` to write to, and rename it to `path` at the end.

    A reader never sees half a file, and a failed writer leaves none. The suffix is kept,
    because many writers choose the format by it.

    Parameters
    ----------
    verify : callable, optional
        Called with the hidden path once the disk has it all; raises if what lies there is not
        what was to be written. Some writers report success on a full disk.
    room_bytes : int
        What the file will have at least, as far as that is known beforehand.

    Raises
    ------
    WriteError
        If the disk is full or read-only, or has no room for it.
    """
    mark = secrets.token_hex(4)
    # No longer than the name itself may be.
    stem = path.stem.encode(errors="surrogateescape")[:_MAX_NAME_BYTES]
    partial = path.with_name(f".{stem.decode(errors='ignore')}.{mark}{path.suffix}")
    try:
        with disk_errors_told(path):
            require_room(path, room_bytes)
            yield partial
            if verify is not None:
                with partial.open("r+b") as file:
                    os.fsync(file.fileno())
                verify(partial)
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def disk_errors_told(path: Path) -> Iterator[None]:
    """Turn what a full or read-only disk makes of writing `path` into an error for people.

    Raises
    ------
    WriteError
    """
    try:
        yield
    except DeepSXTError:
        raise
    except Exception as error:
        problem = disk_problem(error, path.parent)
        if problem is None:
            raise
        raise WriteError(f"'{path.name}' was not written: {problem}") from error


def disk_problem(error: Exception, folder: Path | None = None) -> str | None:
    """Return what to do if an error means that a disk takes no more; None if it means else.

    Parameters
    ----------
    folder : Path, optional
        Where it was written to. Some writers do not tell that the disk is full.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number in _READ_ONLY:
        return "its folder is read-only. Make it writable and try again."
    full = number in _DISK_FULL
    if folder is not None and isinstance(error, OSError | RuntimeError):
        full = full or _free_bytes(folder) < _NEARLY_NOTHING
    if full:
        return "the disk is full. Make room and try again."
    return None


def require_room(path: Path, n_bytes: int) -> None:
    """Check that a file of at least `n_bytes` fits on the disk of `path`.

    Raises
    ------
    WriteError
        If it does not.
    NoRoomError
        If the quota of the workspace that it lies in does not leave so much.
    """
    if n_bytes:
        require_quota(n_bytes, path.parent)
    free = _free_bytes(path.parent)
    if n_bytes > free:
        raise WriteError(
            f"'{path.name}' was not written: it needs about {n_bytes / 1e6:.3g} MB, and the disk "
            f"has {free / 1e6:.3g} MB left. Make room and try again."
        )


def require_bytes(path: Path, n_bytes: int) -> None:
    """Check that a file has the size that was written.

    Raises
    ------
    WriteError
        If it has another.
    """
    size = path.stat().st_size
    if size != n_bytes:
        raise not_as_written(f"{size} instead of {n_bytes} bytes")


def require_archive(path: Path) -> None:
    """Check that a zip file that was just written is whole.

    Raises
    ------
    WriteError
        If it is not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        raise not_as_written(str(error)) from error
    if damaged is not None:
        raise not_as_written(f"'{damaged}' is damaged")


def not_as_written(found: str) -> WriteError:
    """Return the error for a file that is not what was to be written, with what was found."""
    return WriteError(
        f"The disk does not hold what was written to it ({found}); the file was not kept. Look "
        "whether the disk is full or faulty, and try again."
    )


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def keep_apart(read: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write over what is read: the same file or folder, or one inside the other.

    Links are followed, and files need not exist.

    Raises
    ------
    InvalidParameterError
        If one of `written` would replace one of `read`, or a part of it.
    """
    targets = {path: path.resolve() for path in written}
    for source in read:
        place = source.resolve()
        for path, target in targets.items():
            one_in_other = place.is_relative_to(target) or target.is_relative_to(place)
            if one_in_other or _are_same_file(place, target):
                raise InvalidParameterError(
                    f"'{path}' would replace '{source}', which is read. Write to another place."
                )


def _are_same_file(one: Path, two: Path) -> bool:
    try:
        return one.samefile(two)
    except OSError:
        return False


def prepare_folder(folder: Path) -> Path:
    """Make a folder to write to, with those above it, where it does not exist; return it.

    Raises
    ------
    DeepSXTError
        If there is a file of that name, or no right to write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "there is a file of that name" if folder.is_file() else error.strerror
        raise DeepSXTError(
            f"Cannot write to the folder '{folder}': {reason}. Choose another one."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DeepSXTError(
            f"Cannot write to the folder '{folder}': you have no right to. Choose another one."
        )
    return folder


def prepare_file(path: Path) -> Path:
    """Make the folder of a file that is to be written; return the file.

    Raises
    ------
    DeepSXTError
        If nothing can be written there, or there is a folder of that name.
    """
    prepare_folder(path.parent)
    if path.is_dir():
        raise DeepSXTError(
            f"Cannot write '{path}': there is a folder of that name. Choose another one."
        )
    return path


def safe_name(name: str) -> str:
    """Return a file name that is valid on every system and stays in its folder.

    The last part of a path with either separator; letters of any script, digits, ``. _ -`` and
    spaces are kept, the rest becomes ``_``; shortened before its suffix to 150 bytes of UTF-8.
    """
    last = re.split(r"[/\\]", name)[-1]
    clean = re.sub(r"[^\w.\- ]", "_", last).strip(". ") or "file"
    if _RESERVED_ON_WINDOWS.fullmatch(clean):
        clean = f"_{clean}"
    if len(clean.encode()) <= _MAX_NAME_BYTES:
        return clean
    suffix = Path(clean).suffix
    if len(suffix.encode()) > _MAX_SUFFIX_BYTES:
        suffix = ""
    kept = clean.encode()[: _MAX_NAME_BYTES - _MAX_SUFFIX_BYTES].decode(errors="ignore")
    return kept.rstrip(". ") + suffix


def shown_name(name: str, otherwise: str) -> str:
    """Return a name that somebody gave, in one line of at most 200 characters that can be shown.

    `otherwise` takes its place where nothing is left.
    """
    return "".join(char for char in name if char.isprintable()).strip()[:200] or otherwise


def partial_folder(final: Path, producer: str) -> Path:
    """Return the hidden folder beside `final` in which `producer` (any id) makes it."""
    return final.with_name(f".{final.name}.{producer}")


def publish(partial: Path, final: Path, proof: str = "run.json") -> None:
    """Make a complete folder visible under its final name.

    If another producer was first, its folder is kept and `partial` is deleted: both hold the
    same, and somebody may be reading the other already. A final folder without the `proof` file
    was damaged from outside and is replaced.
    """
    if final.exists() and read_json(final / proof) is None:
        delete_folder(final)
    try:
        partial.rename(final)
    except OSError:
        if read_json(final / proof) is None:
            raise
        shutil.rmtree(partial)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` so that a reader sees either all of the old or all of the new."""
    text = json.dumps(content, indent=1)
    for attempt in range(1, _WRITE_ATTEMPTS + 1):
        try:
            with written_beside(path) as beside:
                beside.write_text(text, encoding="utf-8")
            return
        except PermissionError:
            # Windows refuses while somebody has the old file open, which is never for long.
            if attempt == _WRITE_ATTEMPTS:
                raise
            time.sleep(_WRITE_PAUSE_S)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file, or None if there is no such file or no object in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def delete_folder(folder: Path) -> None:
    """Delete a folder with all it holds."""
    # Hidden first, so that nobody finds a folder that is half gone.
    hidden = partial_folder(folder, secrets.token_hex(4))
    folder.rename(hidden)
    shutil.rmtree(hidden)
