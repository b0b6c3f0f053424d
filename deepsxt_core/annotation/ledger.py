"""Labels, table and journal of an annotation, kept so that they never contradict each other.

An entry goes into the journal first, and counts from then on. Labels and table follow. A
checkpoint says up to which entry they surely have: what comes after it is carried out again when
the annotation is opened, which changes nothing where it was carried out already.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.creation import CHECKPOINT, ID_INDEX, JOURNAL, LABELS, OBJECTS
from deepsxt_core.annotation.durable import replace_json
from deepsxt_core.annotation.journal import MAGIC, Entry, Journal
from deepsxt_core.annotation.objects import ObjectTable, TableChange
from deepsxt_core.annotation.runs import Runs, gathered
from deepsxt_core.annotation.store import Cell, LabelStore
from deepsxt_core.errors import AnnotationError, InvalidParameterError
from deepsxt_core.files import read_json
from deepsxt_core.geometry import Shape

_CHECKPOINT_EVERY = 32
_RUNS_AT_ONCE = 1 << 19


@dataclass(frozen=True, slots=True)
class Applied:
    """What an operation, an undo or a redo has changed.

    Attributes
    ----------
    entry : int or None
        Number of its entry in the journal; None if nothing changed, and there is none.
    box : Box or None
        Holds all changed voxels; None if there are none.
    chunks : tuple of (z, y, x)
        The changed cubes, counted in cubes.
    runs, voxels : int
        How many changed.
    objects, classes : tuple
        Ids and names whose rows in the table changed.
    """

    entry: int | None = None
    box: Box | None = None
    chunks: tuple[Cell, ...] = ()
    runs: int = 0
    voxels: int = 0
    objects: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(slots=True)
class History:
    """Which entries are in force, each by where it starts in the journal.

    Attributes
    ----------
    next_number, end : int
        Of the entry that will be next.
    done, undone : list of int
        What can be undone, and done again, the next at the end.
    """

    next_number: int = 0
    end: int = len(MAGIC)
    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    def note(self, entry: Entry) -> None:
        """Count an entry in.

        Raises
        ------
        AnnotationError
            If it is not the next one.
        """
        if entry.number != self.next_number or entry.start != self.end:
            raise AnnotationError(
                f"The journal is damaged: entry {entry.number} stands where {self.next_number} "
                "should. Restore the annotation from a copy."
            )
        self.next_number, self.end = entry.number + 1, entry.end
        if "undo" in entry.head:
            self.undone.append(self.done.pop())
        elif "redo" in entry.head:
            self.done.append(self.undone.pop())
        elif "operation" in entry.head:
            self.done.append(entry.start)
            self.undone.clear()


class Ledger:
    """The state of an annotation on disk. Who writes holds the lock of the annotation.

    Parameters
    ----------
    folder : Path
    shape : (z, y, x)
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.labels = LabelStore(folder / LABELS, shape)
        self.journal = Journal(folder / JOURNAL)
        self.table = ObjectTable()
        self.history = History()
        self._checkpoint = 0

    def load(self, *, recovering: bool) -> None:
        """Read all; with `recovering`, also carry out what a process that died did not.

        Raises
        ------
        AnnotationError
            If a file is missing or damaged.
        """
        content = read_json(self.folder / OBJECTS)
        if content is None or not self.journal.path.is_file():
            raise AnnotationError(f"'{self.folder}' lacks its journal or its table of objects.")
        self.table, self.history = ObjectTable.from_json(content), History()
        checkpoint = read_json(self.folder / CHECKPOINT) or {}
        self._checkpoint = int(checkpoint.get("entries", 0))
        if recovering:
            self._clean()
            # What comes after it is carried out below, and noted.
            self.labels.load_index(self.folder / ID_INDEX, self._checkpoint)
        for entry in self.journal.entries(growing=not recovering):
            if recovering and entry.number >= self._checkpoint:
                self._carry_out(entry)
            self.history.note(entry)
        if self.history.next_number < max(self._checkpoint, 1):
            raise AnnotationError(
                f"The journal of '{self.folder}' ends before its labels: entries are lost. "
                "Restore the annotation from a copy."
            )
        if recovering:
            self.journal.cut(self.history.end)
            if self.history.next_number > self._checkpoint:
                self.save_checkpoint()

    def is_behind(self) -> bool:
        """Return whether the journal holds more than is known here."""
        return self.journal.path.stat().st_size != self.history.end

    def catch_up(self) -> None:
        """Carry out what another process wrote, or what could not be carried out before."""
        for entry in self.journal.entries(self.history.end):
            self._carry_out(entry)
            self.history.note(entry)
        self.journal.cut(self.history.end)

    def record(
        self, head: dict[str, Any], parts: Iterable[Runs], table: list[TableChange]
    ) -> Applied:
        """Write an operation into the journal, then carry it out.

        Parameters
        ----------
        head : dict
        parts : iterable of Runs
        table : list of TableChange
            Complete once the parts are taken.
        """
        sums: dict[str, Any] = {"runs": 0, "voxels": 0, "box": None}

        def counted() -> Iterator[Runs]:
            # Together, so that a cube is written once.
            for runs in gathered(parts, _RUNS_AT_ONCE):
                sums["runs"] += len(runs)
                sums["voxels"] += runs.voxels
                boxes = (runs.box(self.labels.shape), sums["box"])
                sums["box"] = Box.union(box for box in boxes if box is not None)
                yield runs

        entry = self.journal.append(self.history.next_number, head, counted(), table, sums)
        return Applied() if entry is None else self._follow(entry)

    def undo(self, head: dict[str, Any]) -> Applied:
        """Take back the last operation in force.

        Raises
        ------
        InvalidParameterError
            If there is none.
        """
        if not self.history.done:
            raise InvalidParameterError("There is nothing to undo.")
        return self._repeat("undo", self.history.done[-1], head)

    def redo(self, head: dict[str, Any]) -> Applied:
        """Do again what was undone last.

        Raises
        ------
        InvalidParameterError
            If nothing was undone since the last operation.
        """
        if not self.history.undone:
            raise InvalidParameterError("There is nothing to do again.")
        return self._repeat("redo", self.history.undone[-1], head)

    def changes_since(self, kind: str) -> Iterator[Runs]:
        """Yield what is in force of all after the last operation of a kind, the latest first."""
        for start in reversed(self.history.done):
            entry = self.journal.entry_at(start)
            if entry.head["operation"]["kind"] == kind:
                return
            yield from self.journal.runs(entry)

    def repeat_from(self, other: Journal) -> None:
        """Carry out all that another journal of the same annotation holds.

        Raises
        ------
        AnnotationError
            If the labels are not those that the other was written for.
        """
        for entry in other.entries():
            if entry.number >= self.history.next_number:
                other.copy(entry, self.journal)
                own = self.journal.entry_at(self.history.end)
                self._carry_out(own, checked=True)
                self.history.note(own)
        self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Note that labels and table have all entries so far."""
        self.labels.sync()
        self.labels.save_index(self.folder / ID_INDEX, self.history.next_number)
        replace_json(self.folder / CHECKPOINT, {"entries": self.history.next_number})
        self._checkpoint = self.history.next_number

    def _clean(self) -> None:
        """Delete what a process that died was about to write."""
        self.labels.clean()
        for name in (OBJECTS, CHECKPOINT, ID_INDEX):
            for leftover in self.folder.glob(f".{Path(name).stem}.*"):
                leftover.unlink(missing_ok=True)

    def _repeat(self, what: str, start: int, head: dict[str, Any]) -> Applied:
        target = self.journal.entry_at(start)
        head = {**head, what: target.number}
        entry = self.journal.append(self.history.next_number, head, (), [], target.sums)
        return self._follow(entry) if entry is not None else Applied()

    def _follow(self, entry: Entry) -> Applied:
        chunks, table = self._carry_out(entry)
        self.history.note(entry)
        if self.history.next_number - self._checkpoint >= _CHECKPOINT_EVERY:
            self.save_checkpoint()
        box = entry.sums["box"]
        keys = [change.key for change in table]
        return Applied(
            entry=entry.number,
            box=None if box is None else Box(*box),
            chunks=tuple(sorted(chunks)),
            runs=entry.sums["runs"],
            voxels=entry.sums["voxels"],
            objects=tuple(key for key in keys if isinstance(key, int)),
            classes=tuple(key for key in keys if isinstance(key, str)),
        )

    def _carry_out(
        self, entry: Entry, *, checked: bool = False
    ) -> tuple[set[Cell], list[TableChange]]:
        """Change labels and table as an entry says, before it is noted in the history."""
        source, backwards = entry, "undo" in entry.head
        if backwards:
            source = self.journal.entry_at(self.history.done[-1])
        elif "redo" in entry.head:
            source = self.journal.entry_at(self.history.undone[-1])
        chunks: set[Cell] = set()
        for runs in self.journal.runs(source):
            chunks |= self.labels.change(runs.backwards() if backwards else runs, checked=checked)
        table = list(source.table)
        if backwards:
            table = [change.backwards() for change in reversed(table)]
        if table:
            self.table.change(table)
            replace_json(self.folder / OBJECTS, self.table.to_json())
        return chunks, table
