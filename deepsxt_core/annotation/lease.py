"""One editor at a time: who edits an annotation, since when, and whether it still does."""

import getpass
import os
import platform
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import psutil
from filelock import FileLock

from deepsxt_core.annotation.durable import replace_json
from deepsxt_core.errors import LeaseError
from deepsxt_core.files import read_json

STALE_AFTER_S = 30.0
BEAT_EVERY_S = 5.0

_NAME = "editor.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who edits.

    Attributes
    ----------
    owner : str
        In words for people.
    token : str
        Known to the editor alone.
    since, last_beat : float
        Seconds since 1970.
    host, process : str, int
        Where it runs.
    """

    owner: str
    token: str
    since: float
    last_beat: float
    host: str
    process: int

    def is_gone(self, now: float) -> bool:
        """Return whether its process ended, or was not heard of for `STALE_AFTER_S`."""
        ended = self.host == platform.node() and not psutil.pid_exists(self.process)
        return ended or now - self.last_beat > STALE_AFTER_S


def holder_of(folder: Path) -> Holder | None:
    """Return who edits the annotation, or did last without ending it; None if nobody."""
    content = read_json(folder / _NAME)
    if content is None:
        return None
    try:
        return Holder(
            str(content["owner"]),
            str(content["token"]),
            float(content["since"]),
            float(content["last_beat"]),
            str(content["host"]),
            int(content["process"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


class Lease:
    """The right to edit an annotation.

    Parameters
    ----------
    folder : Path
        Of the annotation.
    holder : Holder
    clock : callable
        Returns the seconds since 1970.
    """

    def __init__(self, folder: Path, holder: Holder, clock: Callable[[], float]) -> None:
        self.folder = folder
        self.holder = holder
        self._clock = clock

    @classmethod
    def take(
        cls,
        folder: Path,
        owner: str,
        *,
        take_over: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Become the editor.

        Raises
        ------
        LeaseError
            If somebody else is, whose process runs and was heard of within `STALE_AFTER_S`, and
            `take_over` is not set.
        """
        with _lock(folder):
            other, now = holder_of(folder), clock()
            if other is not None and not other.is_gone(now) and not take_over:
                since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(other.since))
                raise LeaseError(
                    f"'{folder.name}' is edited by {other.owner} since {since}. Watch it, take it "
                    f"over, or wait: {STALE_AFTER_S:g} s after the last sign of life it is free."
                )
            token = secrets.token_hex(16)
            holder = Holder(owner, token, now, now, platform.node(), os.getpid())
            replace_json(folder / _NAME, asdict(holder))
        return cls(folder, holder, clock)

    def beat(self) -> None:
        """Say that the editor is still there; writes at most once in `BEAT_EVERY_S`.

        Raises
        ------
        LeaseError
            If somebody else has taken over.
        """
        with _lock(self.folder):
            other = holder_of(self.folder)
            if other is None or other.token != self.holder.token:
                by = "" if other is None else f" by {other.owner}"
                raise LeaseError(
                    f"The editing of '{self.folder.name}' was taken over{by}. Open it again to "
                    "go on."
                )
            now = self._clock()
            if now - self.holder.last_beat >= BEAT_EVERY_S:
                self.holder = replace(other, last_beat=now)
                replace_json(self.folder / _NAME, asdict(self.holder))

    def end(self) -> None:
        """Let others edit; does nothing if somebody has taken over."""
        with _lock(self.folder):
            other = holder_of(self.folder)
            if other is not None and other.token == self.holder.token:
                (self.folder / _NAME).unlink(missing_ok=True)


def own_name() -> str:
    """Return who this process is, in words for people."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # A container's user may have no name.
        user = "somebody"
    return f"{user} on {platform.node()} (process {os.getpid()})"


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / ".editor.lock")
