"""The journal: what was done to an annotation, on the disk before it is acknowledged.

A file of frames: a tag of four letters, the length of the content (uint32), its CRC-32 together
with tag and length (uint32), the content. An entry is one ``HEAD`` (packed JSON: what was asked
for), any number of ``RUNS`` (changed voxels, both ways), and one ``DONE`` (packed JSON: number,
what changes in the table, sums). An entry without its ``DONE`` never happened.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from deepsxt_core.annotation.durable import sync_folders
from deepsxt_core.annotation.objects import TableChange
from deepsxt_core.annotation.runs import Runs
from deepsxt_core.errors import AnnotationError

MAGIC = b"DeepSXT journal 1\n"

_FRAME = struct.Struct("<4sII")
_HEAD, _RUNS, _DONE = b"HEAD", b"RUNS", b"DONE"
_PACKING_LEVEL = 1
_SEARCHED_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, without its runs.

    Attributes
    ----------
    number : int
        Counted from 0, which is the making of the annotation.
    start, end : int
        Where it stands in the file, in bytes.
    head : dict
        ``"when"``, and one of ``"created"``, ``"operation"``, ``"undo"``, ``"redo"``.
    table : tuple of TableChange
    sums : dict
        What `Journal.append` was told about it.
    """

    number: int
    start: int
    end: int
    head: dict[str, Any]
    table: tuple[TableChange, ...]
    sums: dict[str, Any]


class Journal:
    """Reads and appends entries.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make an empty journal."""
        with self.path.open("xb") as file:
            file.write(MAGIC)
            _sync(file)
        sync_folders([self.path.parent])

    def entries(self, start: int = len(MAGIC), *, growing: bool = False) -> Iterator[Entry]:
        """Yield the whole entries from a place in the file on; a torn one at the end is none.

        Parameters
        ----------
        start : int
        growing : bool
            Whether somebody may be writing, so that a torn entry is no sign of damage.

        Raises
        ------
        AnnotationError
            If the file is no journal, or is damaged before its last entry.
        """
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise AnnotationError(f"'{self.path}' is no journal of an annotation.")
            file.seek(start)
            while (entry := _read_entry(file)) is not None:
                yield entry
                start = entry.end
            file.seek(start)
            if not growing and _holds_whole_entry(file.read(_SEARCHED_BYTES)):
                raise AnnotationError(
                    f"'{self.path}' is damaged at byte {start}: entries follow that can no longer "
                    "be placed. Restore the annotation from a copy."
                )

    def entry_at(self, start: int) -> Entry:
        """Return the entry that starts at a place in the file.

        Raises
        ------
        AnnotationError
            If it is damaged.
        """
        with self.path.open("rb") as file:
            file.seek(start)
            entry = _read_entry(file)
        if entry is None:
            raise AnnotationError(f"'{self.path}' is damaged at byte {start}.")
        return entry

    def runs(self, entry: Entry) -> Iterator[Runs]:
        """Yield the changed voxels of an entry, in parts that have no voxel in common."""
        with self.path.open("rb") as file:
            file.seek(entry.start)
            while file.tell() < entry.end:
                frame = _read_frame(file)
                if frame is None:
                    raise AnnotationError(f"'{self.path}' is damaged at entry {entry.number}.")
                if frame[0] == _RUNS:
                    yield Runs.unpack(frame[1])

    def append(
        self,
        number: int,
        head: dict[str, Any],
        parts: Iterable[Runs],
        table: list[TableChange],
        sums: dict[str, Any],
    ) -> Entry | None:
        """Write an entry, and return when it is on the disk.

        Parameters
        ----------
        number : int
        head : dict
        parts : iterable of Runs
            Taken one by one, so that they need not be in memory together.
        table, sums
            Written after the parts, so that they may be filled while those are made.

        Returns
        -------
        Entry or None
            None, and the journal is as before, if it is an operation that changes nothing.
        """
        with self.path.open("r+b") as file:
            start = file.seek(0, os.SEEK_END)
            try:
                file.write(_frame(_HEAD, _packed(head)))
                written = 0
                for part in parts:
                    if len(part):
                        file.write(_frame(_RUNS, part.packed()))
                        written += 1
                if not written and not table and "operation" in head:
                    file.truncate(start)
                    return None
                rows = [[change.key, change.old, change.new] for change in table]
                end = {"number": number, "table": rows, **sums}
                file.write(_frame(_DONE, _packed(end)))
                _sync(file)
            except BaseException:
                file.truncate(start)
                raise
            return Entry(number, start, file.tell(), head, tuple(table), dict(sums))

    def copy(self, entry: Entry, target: "Journal") -> None:
        """Append an entry as it is to another journal."""
        with self.path.open("rb") as file, target.path.open("ab") as other:
            file.seek(entry.start)
            rest = entry.end - entry.start
            while rest:
                piece = file.read(min(rest, 1 << 20))
                other.write(piece)
                rest -= len(piece)
            _sync(other)

    def cut(self, end: int) -> None:
        """Drop what stands after `end`: an entry that was never finished."""
        if self.path.stat().st_size > end:
            with self.path.open("r+b") as file:
                file.truncate(end)
                _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _packed(content: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(content).encode(), _PACKING_LEVEL)


def _frame(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    check = zlib.crc32(content, zlib.crc32(tag + size.to_bytes(4, "little")))
    return _FRAME.pack(tag, size, check) + content


def _read_frame(file: BinaryIO) -> tuple[bytes, bytes] | None:
    """Return the tag and the content of the next frame, None if it is not whole."""
    head = file.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    tag, size, check = _FRAME.unpack(head)
    if tag not in (_HEAD, _RUNS, _DONE):
        return None
    content = file.read(size)
    if len(content) < size or zlib.crc32(content, zlib.crc32(head[:8])) != check:
        return None
    return tag, content


def _read_entry(file: BinaryIO) -> Entry | None:
    start = file.tell()
    frame = _read_frame(file)
    if frame is None or frame[0] != _HEAD:
        return None
    head = json.loads(zlib.decompress(frame[1]))
    while (frame := _read_frame(file)) is not None:
        if frame[0] == _DONE:
            sums = json.loads(zlib.decompress(frame[1]))
            table = tuple(
                TableChange(tuple(key) if isinstance(key, list) else key, old, new)
                for key, old, new in sums.pop("table")
            )
            return Entry(sums.pop("number"), start, file.tell(), head, table, sums)
        if frame[0] != _RUNS:
            return None
    return None


def _holds_whole_entry(rest: bytes) -> bool:
    """Return whether an entry ends in these bytes that are not the start of a whole one."""
    place = rest.find(_DONE)
    while place >= 0:
        if len(rest) >= place + _FRAME.size:
            _, size, check = _FRAME.unpack_from(rest, place)
            content = rest[place + _FRAME.size : place + _FRAME.size + size]
            if zlib.crc32(content, zlib.crc32(rest[place : place + 8])) == check:
                return True
        place = rest.find(_DONE, place + 1)
    return False
