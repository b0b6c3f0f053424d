"""Which version of an annotation something was made from: told by the edits that are in force."""

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

from deepsxt_core.annotation.creation import JOURNAL
from deepsxt_core.annotation.journal import MAGIC, Entry, Journal
from deepsxt_core.errors import AnnotationError

_MOST_KNOWN = 64


@dataclass(frozen=True, slots=True)
class Version:
    """Labels and table as they are after some entries of the journal.

    Attributes
    ----------
    entries : int
        How many the journal holds: edits, undos and redos, and the making.
    digest : str
        Of two versions of one annotation, equal where the same edits are in force: what was
        edited and taken back entirely is the same again.
    """

    entries: int
    digest: str


@dataclass(slots=True)
class _Followed:
    """A journal as far as it was read."""

    end: int = len(MAGIC)
    entries: int = 0
    file: tuple[int, int] = (0, 0)
    in_force: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)

    def note(self, entry: Entry) -> None:
        self.end, self.entries = entry.end, self.entries + 1
        if "undo" in entry.head:
            self.taken_back.append(self.in_force.pop())
        elif "redo" in entry.head:
            self.in_force.append(self.taken_back.pop())
        else:
            # Place and time: a journal that was restored from a copy may go on differently.
            self.in_force.append(f"{entry.start} {entry.head.get('when')}")
            self.taken_back.clear()


_lock = threading.Lock()
_known: dict[Path, _Followed] = {}


def version_of(folder: Path) -> Version:
    """Return the version of the annotation in a folder; reads what was written since the last time.

    Raises
    ------
    AnnotationError
        If it has no journal, or one that is damaged.
    """
    journal = Journal(folder / JOURNAL)
    with _lock:
        followed = _known.pop(folder, _Followed())
        try:
            stat = journal.path.stat()
            if followed.file != (stat.st_dev, stat.st_ino) or stat.st_size < followed.end:
                followed = _Followed(file=(stat.st_dev, stat.st_ino))
            for entry in journal.entries(followed.end, growing=True):
                followed.note(entry)
        except OSError as error:
            raise AnnotationError(
                f"'{folder.name}' lacks its journal ({error.strerror})."
            ) from None
        except IndexError:
            raise AnnotationError(f"The journal of '{folder.name}' is damaged.") from None
        _known[folder] = followed
        while len(_known) > _MOST_KNOWN:
            del _known[next(iter(_known))]
        digest = hashlib.sha256("\n".join(followed.in_force).encode()).hexdigest()
        return Version(followed.entries, digest[:20])
