"""Notes at places of a tomogram: a text at a voxel, each.

They stand in ``point-notes.json`` in its folder, which is replaced as a whole.
"""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from filelock import FileLock

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.geometry import Shape, VoxelSize
from deepsxt_core.workspace.tomogram import Tomogram

MOST_NOTES = 5000
LONGEST_NOTE = 500

_NAME = "point-notes.json"


@dataclass(frozen=True, slots=True)
class PointNote:
    """A text at a voxel.

    Attributes
    ----------
    id : int
        Never given again in this tomogram.
    at : (z, y, x)
        Voxel of the tomogram as its file has it, from 0.
    text : str
        In one line.
    created : str
        Time in ISO 8601, UTC.
    """

    id: int
    at: Shape
    text: str
    created: str


def point_notes(tomogram: Tomogram) -> list[PointNote]:
    """Return the notes of a tomogram, the oldest first; none if their file is damaged."""
    return _read(tomogram)[0]


def add_point_note(tomogram: Tomogram, at: Sequence[int], text: str) -> PointNote:
    """Keep a note, and return it.

    Raises
    ------
    InvalidParameterError
        If the voxel is not in the tomogram, the text is empty or longer than 500 letters, or there
        are 5,000 notes already.
    DeepSXTError
        If the file of the notes is damaged.
    """
    shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not 0 < len(shown) <= LONGEST_NOTE:
        raise InvalidParameterError(f"A note has 1 to {LONGEST_NOTE} letters: got {len(shown)}.")
    shape = tomogram.volume().shape
    if len(at) != 3 or not all(0 <= n < length for n, length in zip(at, shape, strict=True)):
        raise InvalidParameterError(
            f"A note is at a voxel of the tomogram, {shape} (z, y, x): got {tuple(at)!r:.80}."
        )
    with _lock(tomogram):
        notes, following = _require_whole(tomogram)
        if len(notes) >= MOST_NOTES:
            raise InvalidParameterError(f"A tomogram has at most {MOST_NOTES:,} notes.")
        z, y, x = (int(n) for n in at)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        note = PointNote(following, (z, y, x), shown, now)
        _write(tomogram, [*notes, note], following + 1)
    return note


def remove_point_note(tomogram: Tomogram, note_id: int) -> None:
    """Delete a note, if it is there.

    Raises
    ------
    DeepSXTError
        If the file of the notes is damaged.
    """
    with _lock(tomogram):
        notes, following = _require_whole(tomogram)
        _write(tomogram, [note for note in notes if note.id != note_id], following)


def point_notes_csv(notes: Sequence[PointNote], size: VoxelSize | None) -> str:
    """Return notes as a table, places in voxels from 0 and, where the size is known, in µm.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    written = io.StringIO()
    places = ["x_um", "y_um", "z_um"] if size is not None else []
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["id", "x", "y", "z", *places, "text", "created"])
    for note in notes:
        z, y, x = note.at
        um = (
            [] if size is None else [n * edge / 1000 for n, edge in zip(note.at, size, strict=True)]
        )
        text = f"'{note.text}" if note.text[0] in "=+-@" else note.text
        writer.writerow([note.id, x, y, z, *(f"{n:.6g}" for n in reversed(um)), text, note.created])
    return written.getvalue()


def _lock(tomogram: Tomogram) -> FileLock:
    return FileLock(tomogram.folder / f".{_NAME}.lock")


def _read(tomogram: Tomogram) -> tuple[list[PointNote], int | None]:
    """Return the notes, and the id that follows; None for it if the file is damaged."""
    path = tomogram.folder / _NAME
    content = read_json(path)
    if content is None:
        return [], None if path.exists() else 1
    with suppress(KeyError, TypeError, ValueError):
        notes = []
        for row in content["notes"]:
            z, y, x = (int(n) for n in row["at"])
            notes.append(
                PointNote(int(row["id"]), (z, y, x), str(row["text"]), str(row["created"]))
            )
        return notes, int(content["following"])
    return [], None


def _require_whole(tomogram: Tomogram) -> tuple[list[PointNote], int]:
    notes, following = _read(tomogram)
    if following is None:
        raise DeepSXTError(
            f"The notes in '{tomogram.folder / _NAME}' are damaged. Move the file elsewhere to "
            "begin anew."
        )
    return notes, following


def _write(tomogram: Tomogram, notes: Sequence[PointNote], following: int) -> None:
    access.require_write()
    content = {"following": following, "notes": [asdict(note) for note in notes]}
    write_json(tomogram.folder / _NAME, content)
