"""How files and folders come into being: complete, under a safe name, or not at all."""

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_MAX_NAME_BYTES = 150
_MAX_SUFFIX_BYTES = 20
_RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_WRITE_ATTEMPTS = 20
_WRITE_PAUSE_S = 0.02


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path` to write to, and rename it to `path` at the end.

    A reader never sees half a file, and a failed writer leaves none. The suffix is kept,
    because many writers choose the format by it.
    """
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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


def partial_folder(final: Path, producer: str) -> Path:
    """Return the hidden folder beside `final` in which `producer` (any id) makes it."""
    return final.with_name(f".{final.name}.{producer}")


def discard_partial_folders(final: Path) -> None:
    """Delete what producers of `final` that no longer run have left behind."""
    for leftover in final.parent.glob(f".{final.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


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


def delete_folder(folder: Path) -> None:
    """Delete a folder with all it holds."""
    # Hidden first, so that nobody finds a folder that is half gone.
    hidden = partial_folder(folder, secrets.token_hex(4))
    folder.rename(hidden)
    shutil.rmtree(hidden)
