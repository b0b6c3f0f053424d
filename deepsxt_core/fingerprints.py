"""What tells whether a file or a folder still holds the same: hashes, sizes and times."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json, write_json


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of what a folder holds: names and contents of its files.

    A tomogram may be a folder, such as an OME-Zarr or the slices of a stack.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not path.is_dir():
        return file_sha256(path)
    digest = hashlib.sha256()
    for name, file in _files_inside(path):
        # Two hashes of fixed length: no name can be read as a part of a content.
        digest.update(hashlib.sha256(name.encode(errors="surrogateescape")).digest())
        digest.update(bytes.fromhex(file_sha256(file)))
    return digest.hexdigest()


def content_stamp(path: Path) -> dict[str, Any]:
    """Return what changes whenever a file, or a file in a folder, is written: sizes and times.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not path.is_dir():
        stat = path.stat()
        return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    digest, size, newest = hashlib.sha256(), 0, 0
    for name, file in _files_inside(path):
        stat = file.stat()
        digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="replace"))
        size, newest = size + stat.st_size, max(newest, stat.st_mtime_ns)
    return {"size": size, "mtime_ns": newest, "files": digest.hexdigest()}


@contextmanager
def unchanged(path: Path | None) -> Iterator[None]:
    """Refuse what was made of a file or folder that changed meanwhile; None is no file.

    Raises
    ------
    DeepSXTError
        At the end, if it was written to, replaced or removed since the beginning.
    """
    before = _stamp(path)
    yield
    if _stamp(path) != before and path is not None:
        raise DeepSXTError(
            f"'{path.name}' changed while it was read: what was made of it would be a mixture, and "
            "is not kept. Wait until the file is complete, and start again."
        )


def _stamp(path: Path | None) -> dict[str, Any] | None:
    try:
        return None if path is None else content_stamp(path)
    except OSError:
        return None


def remembered_sha256(path: Path, note: Path) -> str:
    """Return `content_sha256`, kept in the JSON file `note`; read again only after a change.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    stamp = content_stamp(path)
    known = read_json(note) or {}
    if known == stamp | {"sha256": known.get("sha256")}:
        return str(known["sha256"])
    sha256 = content_sha256(path)
    write_json(note, stamp | {"sha256": sha256})
    return sha256


def _files_inside(folder: Path) -> list[tuple[str, Path]]:
    """Return all files of a folder by their names relative to it, in one order on every system."""
    return sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
