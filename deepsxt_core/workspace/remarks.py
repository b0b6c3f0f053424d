"""What people write down about a tomogram: tags to find it by, and notes.

They stand in ``remarks.json`` in its folder, apart from what is needed to read it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.files import read_json, write_json

REMARKS_NAME = "remarks.json"

_LONGEST_TAG = 40
_MOST_TAGS = 30
_LONGEST_NOTES = 5000


@dataclass(frozen=True, slots=True)
class Remarks:
    """Tags and notes of a tomogram.

    Attributes
    ----------
    tags : tuple of str
        Each once, sorted as people do.
    notes : str
        Free text; may have several lines.
    """

    tags: tuple[str, ...] = ()
    notes: str = ""


def remarks_of(folder: Path) -> Remarks:
    """Return what was written down about the tomogram in `folder`; nothing if it is unreadable."""
    content = read_json(folder / REMARKS_NAME) or {}
    tags, notes = content.get("tags"), content.get("notes")
    return Remarks(
        _tidy(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        notes if isinstance(notes, str) else "",
    )


def write_remarks(folder: Path, tags: Iterable[str], notes: str) -> Remarks:
    """Keep tags and notes of the tomogram in `folder`; return them as they were kept.

    Tags lose what cannot be printed and are shortened to 40 characters, notes to 5000.
    """
    access.require_write()
    remarks = Remarks(_tidy(tags), notes.strip()[:_LONGEST_NOTES])
    write_json(folder / REMARKS_NAME, {"tags": remarks.tags, "notes": remarks.notes})
    return remarks


def _tidy(tags: Iterable[str]) -> tuple[str, ...]:
    shown = ("".join(char for char in tag if char.isprintable()).strip() for tag in tags)
    kept = {tag[:_LONGEST_TAG] for tag in shown if tag}
    return tuple(sorted(kept, key=lambda tag: (tag.casefold(), tag))[:_MOST_TAGS])
