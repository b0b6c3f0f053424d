"""A zip archive of several files: slices, or one volume with what belongs to it."""

import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from shutil import copyfileobj

from deepsxt_core.errors import UnreadableFileError
from deepsxt_core.files import safe_name
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.io.readers.unpacked import kept_beside, refuse_bomb, require_room

KIND = "a zip archive"
_ZIP = b"PK\x03\x04"
_MOST_MEMBERS = 1 << 14
_PIECE_BYTES = 1 << 20


def members(path: Path) -> list[zipfile.ZipInfo]:
    """Return the files in an archive, whatever systems put beside them left out."""
    with zipfile.ZipFile(path) as archive:
        return [
            info
            for info in archive.infolist()
            if not info.is_dir()
            and not info.filename.startswith("__MACOSX/")
            and not PurePosixPath(info.filename).name.startswith(".")
        ]


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive of several files."""
    try:
        with path.open("rb") as file:
            if not file.read(4).startswith(_ZIP):
                return False
        return len(members(path)) > 1
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def unpacked_folder(path: Path) -> Path:
    """Return a temporary folder with the files of an archive; made anew if it is gone.

    Raises
    ------
    UnreadableFileError
        If they lie in several folders, have a password, or grow beyond all reason.
    """
    with blaming_file(path, KIND):
        found = members(path)
        if any(info.flag_bits & 1 for info in found):
            raise UnreadableFileError(
                f"'{path.name}' is a zip archive with a password. Unpack it first."
            )
        if len({str(PurePosixPath(info.filename).parent) for info in found}) > 1:
            raise UnreadableFileError(
                f"'{path.name}' is a zip archive with {len(found)} files in several folders. Put "
                "the slices or the one volume that you need alone into an archive."
            )
        if len(found) > _MOST_MEMBERS:
            raise UnreadableFileError(
                f"'{path.name}' is a zip archive with {len(found)} files; a tomogram has at most "
                f"{_MOST_MEMBERS} slices."
            )
        refuse_bomb(path, sum(info.file_size for info in found), path.stat().st_size)
        return kept_beside(path, KIND, safe_name(path.stem), partial(_write, path))


def _write(path: Path, folder: Path) -> None:
    folder.mkdir()
    found = members(path)
    require_room(path, sum(info.file_size for info in found), folder)
    with zipfile.ZipFile(path) as archive:
        for info in found:
            target = folder / safe_name(PurePosixPath(info.filename).name)
            if target.exists():
                raise UnreadableFileError(
                    f"'{path.name}' holds two files called '{target.name}'. Rename one of them."
                )
            with archive.open(info) as packed, target.open("wb") as file:
                # The size that the archive tells bounds what `zipfile` gives.
                copyfileobj(packed, file, _PIECE_BYTES)
