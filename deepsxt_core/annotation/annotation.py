"""An annotation: labels and a table that are edited, and a journal in which nothing is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.creation import read_description
from deepsxt_core.annotation.frozen import freeze
from deepsxt_core.annotation.journal import Entry
from deepsxt_core.annotation.lease import Holder, Lease, holder_of, own_name
from deepsxt_core.annotation.ledger import Applied, Ledger
from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.annotation.operations import Operation, operation_from_json, operation_to_json
from deepsxt_core.annotation.resolving import changed_runs, resolve
from deepsxt_core.annotation.runs import Runs
from deepsxt_core.annotation.scene import Scene, SliceReader
from deepsxt_core.annotation.scenery import scenery
from deepsxt_core.errors import LeaseError
from deepsxt_core.geometry import Geometry, Shape
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.volume import Score, Volume

Wanted = Operation | dict[str, Any] | str

_BUSY_AFTER_S = 60.0
_OPEN_WAITS_S = 2.0


def open_annotation(
    path: str | Path,
    *,
    owner: str | None = None,
    tomogram: Volume | str | Path | None = None,
    score: Score | str | Path | None = None,
) -> "Annotation":
    """Open an annotation to watch or edit it; who changes it first becomes its editor.

    What the journal holds and the labels do not, because a process died, is made up for.

    Parameters
    ----------
    path : Path
        The folder.
    owner : str, optional
        Who edits, in words for people.
    tomogram : Volume or Path, optional
        Where it is no longer where it was.
    score : Score or Path, optional
        For limits by score; the one that the annotation was made from if it is left out.

    Raises
    ------
    AnnotationError
        If there is no annotation, or it is damaged.
    """
    return Annotation(Path(path), owner or own_name(), tomogram, score)


class Annotation:
    """See `open_annotation`."""

    def __init__(
        self,
        path: Path,
        owner: str,
        tomogram: Volume | str | Path | None,
        score: Score | str | Path | None,
    ) -> None:
        self.path = path
        self.description = read_description(path)
        self._owner = owner
        self._tomogram, self._score = tomogram, score
        self._ledger = Ledger(path, self.description.shape)
        self._lease: Lease | None = None
        self._thread_lock = threading.RLock()
        self._scenery: tuple[SliceReader | None, SliceReader | None] | None = None
        self._load()

    @property
    def shape(self) -> Shape:
        """Voxels along z, y, x."""
        return self.description.shape

    @property
    def geometry(self) -> Geometry:
        """Where the voxels lie in space."""
        return self.description.geometry

    @property
    def labels(self) -> Volume:
        """The ids, uint16 (z, y, x), read slab by slab as they are at that time."""
        return self._ledger.labels.volume(self.geometry)

    def read_box(self, box: Box) -> NDArray[np.uint16]:
        """Return the ids of a box, uint16 (z, y, x), 0 beyond the volume."""
        return self._ledger.labels.read(box)

    def boxes_of(self, number: int) -> list[Box]:
        """Return the cubes that hold voxels of an object, in the order z, y, x."""
        return self._ledger.labels.boxes_of([number])

    @property
    def entries(self) -> int | None:
        """How many entries of the journal the labels have; None while one is carried out."""
        return None if self._ledger.is_behind() else self._ledger.history.next_number

    @property
    def objects(self) -> ObjectTable:
        """The objects by id, and their classes."""
        return self._ledger.table

    @property
    def can_undo(self) -> int:
        """How many operations can be undone."""
        return len(self._ledger.history.done)

    @property
    def can_redo(self) -> int:
        """How many operations can be done again."""
        return len(self._ledger.history.undone)

    @property
    def editor(self) -> Holder | None:
        """Who edits, in this process or another, or did last; None if nobody."""
        return holder_of(self.path)

    @property
    def is_editor(self) -> bool:
        """Whether this is the one that edits."""
        held, editor = self._lease, self.editor
        return held is not None and editor is not None and editor.token == held.holder.token

    def apply(self, operation: Wanted, progress: Progress | None = None) -> Applied:
        """Carry out an operation; it is on the disk when this returns.

        Parameters
        ----------
        operation : Operation, dict or str
            Or the JSON of one.
        progress : Progress, optional

        Raises
        ------
        InvalidParameterError
            If it is no operation, or does not fit the annotation, which stays as it is.
        LeaseError
            If somebody else edits, or has taken over.
        """
        wanted = operation_from_json(operation) if isinstance(operation, dict | str) else operation
        with self._editing():
            scene = replace(self._scene(), progress=progress or NoProgress())
            resolution = resolve(wanted, scene)
            head = {**self._head(), "operation": operation_to_json(wanted)}
            return self._ledger.record(head, changed_runs(resolution, scene), resolution.table)

    def preview(self, operation: Wanted) -> list[Runs]:
        """Return the runs that an operation would change now, and change nothing.

        Raises
        ------
        InvalidParameterError
            As `apply` does.
        """
        wanted = operation_from_json(operation) if isinstance(operation, dict | str) else operation
        with self._thread_lock:
            self.refresh()
            scene = self._scene()
            return [runs for runs in changed_runs(resolve(wanted, scene), scene) if len(runs)]

    def undo(self) -> Applied:
        """Take back the last operation that is in force.

        Raises
        ------
        InvalidParameterError
            If there is none.
        LeaseError
            If somebody else edits, or has taken over.
        """
        with self._editing():
            return self._ledger.undo(self._head())

    def redo(self) -> Applied:
        """Do again what was undone last.

        Raises
        ------
        InvalidParameterError
            If nothing was undone since the last operation.
        LeaseError
            If somebody else edits, or has taken over.
        """
        with self._editing():
            return self._ledger.redo(self._head())

    def take_over(self) -> None:
        """Become the editor, whoever is it now."""
        with self._thread_lock:
            self._lease = Lease.take(self.path, self._owner, take_over=True)

    def beat(self) -> None:
        """Say that the editor is still there; to be called more often than each 30 s.

        Raises
        ------
        LeaseError
            If somebody else has taken over.
        """
        with self._thread_lock:
            if self._lease is not None:
                self._lease.beat()

    def refresh(self) -> None:
        """See what another process has changed since."""
        with self._thread_lock:
            if self._ledger.is_behind():
                with self._writing():
                    self._ledger.catch_up()

    def freeze(self, folder: Path) -> Path:
        """Keep this version of labels and table in `folder`, and return where; see `Frozen`.

        The name of the place is the version's digest; what is there already is taken.

        Raises
        ------
        LeaseError
            If a long operation is at work.
        """
        with self._thread_lock, self._writing():
            self._ledger.catch_up()
            return freeze(self.path, folder)

    def history(self) -> Iterator[Entry]:
        """Yield the entries of the journal, the oldest first."""
        return self._ledger.journal.entries(growing=True)

    def changes_since(self, kind: str) -> Iterator[Runs]:
        """Yield what is in force of all after the last operation of a kind, the latest first."""
        return self._ledger.changes_since(kind)

    def close(self) -> None:
        """End the editing, so that others may."""
        with self._thread_lock:
            if self._lease is None:
                return
            if self.is_editor:
                with self._writing():
                    self._ledger.catch_up()
                    self._ledger.save_checkpoint()
            self._lease.end()
            self._lease = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self) -> None:
        try:
            with self._writing(_OPEN_WAITS_S):
                self._ledger.load(recovering=True)
        except (LeaseError, PermissionError):
            # Somebody writes at length, and sees to it; or nobody can write here.
            self._ledger.load(recovering=False)

    @contextmanager
    def _editing(self) -> Iterator[None]:
        """Be the only one that writes, and know all that was written before."""
        with self._thread_lock:
            if self._lease is None:
                self._lease = Lease.take(self.path, self._owner)
            with self._writing():
                self._lease.beat()
                if self._ledger.is_behind():
                    self._ledger.catch_up()
                yield

    @contextmanager
    def _writing(self, timeout_s: float = _BUSY_AFTER_S) -> Iterator[None]:
        # Held for one change, unlike the lease: a change is never cut by another editor.
        try:
            with FileLock(self.path / ".writing.lock", timeout=timeout_s):
                yield
        except Timeout:
            raise LeaseError(
                f"'{self.path.name}' is being changed by a long operation. Try again later."
            ) from None

    def _head(self) -> dict[str, Any]:
        return {"when": datetime.now(UTC).isoformat(timespec="milliseconds"), "by": self._owner}

    def _scene(self) -> Scene:
        if self._scenery is None:
            self._scenery = scenery(self.description, self._tomogram, self._score)
        tomogram, score = self._scenery
        return Scene(
            labels=self._ledger.labels,
            table=self._ledger.table,
            geometry=self.geometry,
            tomogram=tomogram,
            score=score,
        )
