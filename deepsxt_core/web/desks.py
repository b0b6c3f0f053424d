"""Annotations that are open in this server: one desk each, at which one tab edits at a time.

Who edits is told by the lease of the annotation itself, so that other processes are respected
too; here it is only kept which tab of a browser holds it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from deepsxt_core.annotation import Annotation, Holder
from deepsxt_core.errors import LeaseError
from deepsxt_core.workspace.annotations import KeptAnnotation

T = TypeVar("T")

_MOST_OPEN = 8

_lock = threading.Lock()
_desks: "OrderedDict[Path, Desk]" = OrderedDict()


class Desk:
    """An open annotation.

    Parameters
    ----------
    kept : KeptAnnotation
    """

    def __init__(self, kept: KeptAnnotation) -> None:
        self.annotation: Annotation = kept.open()
        """What is shown; exchanged when another tab becomes the editor."""
        self.kept = kept
        self._session: str | None = None
        self._lock = threading.RLock()

    def is_of(self, session: str) -> bool:
        """Return whether a tab is the editor."""
        return self._session == session and self.annotation.is_editor

    @property
    def editor(self) -> Holder | None:
        """Who edits now, in this server or elsewhere; None if nobody does."""
        holder = self.annotation.editor
        return None if holder is None or holder.is_gone(time.time()) else holder

    def edit(self, session: str, owner: str, work: Callable[[Annotation], T]) -> T:
        """Have a tab do something; it becomes the editor if nobody is.

        Raises
        ------
        LeaseError
            If somebody else edits.
        """
        with self._lock:
            self._sit_down(session, owner)
            return work(self.annotation)

    def between(self, work: Callable[[Annotation], T]) -> T:
        """Do something while nothing changes."""
        with self._lock:
            return work(self.annotation)

    def beat(self, session: str) -> None:
        """Say that the tab is still there, if it is the editor."""
        if self.is_of(session):
            self.annotation.beat()

    def take(self, session: str, owner: str) -> None:
        """Make a tab the editor, whoever is it now."""
        with self._lock:
            self._open(session, owner)
            self.annotation.take_over()

    def leave(self, session: str) -> None:
        """End the editing of a tab, if it is the editor."""
        with self._lock:
            if self.is_of(session):
                self.annotation.close()

    def close(self) -> None:
        """End the editing."""
        with self._lock:
            self.annotation.close()

    def _sit_down(self, session: str, owner: str) -> None:
        holder = self.editor
        if holder is not None and not self.is_of(session):
            raise LeaseError(f"{holder.owner} edits this annotation. Watch it, or take it over.")
        # Once it was lost, to another tab or process, the same annotation does not get it back.
        if not self.is_of(session):
            self._open(session, owner)

    def _open(self, session: str, owner: str) -> None:
        self.annotation.close()
        self.annotation = self.kept.open(owner=owner)
        self._session = session


def desk_of(kept: KeptAnnotation) -> Desk:
    """Return the desk of an annotation; it is opened if it is not yet.

    Raises
    ------
    DeepSXTError
        If the annotation is damaged, or its tomogram's file is gone.
    """
    with _lock:
        desk = _desks.pop(kept.folder, None)
        if desk is not None and _differs(desk.kept, kept):
            desk.close()
            desk = None
        desk = desk or Desk(kept)
        _desks[kept.folder] = desk
        for folder, other in list(_desks.items())[: max(0, len(_desks) - _MOST_OPEN)]:
            if other.editor is None:
                del _desks[folder]
        return desk


def close_desk(kept: KeptAnnotation) -> None:
    """End the editing of an annotation in this server, before it is deleted."""
    with _lock:
        desk = _desks.pop(kept.folder, None)
    if desk is not None:
        desk.close()


def _differs(one: KeptAnnotation, other: KeptAnnotation) -> bool:
    """Return whether the grey values are of another file than before."""
    return (one.tomogram.source, one.tomogram.dataset) != (
        other.tomogram.source,
        other.tomogram.dataset,
    )
