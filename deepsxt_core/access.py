"""Whose workspace is worked in, and what may be done there, where several people use one server.

Without ``DEEPSXT_PEOPLE`` nobody is asked: there is one workspace, that of the user. With it there
is none unless an `Access` says so: of a request by `given`, of the run of a page by what was handed
to `ask`. Whatever comes from elsewhere, such as a thread that nobody told, gets an error.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from deepsxt_core.errors import NotAllowedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What somebody may do.

    Attributes
    ----------
    folder : Path
        The workspace, absolute.
    place : str
        What people call it; empty for one's own.
    person : str
        Id of who is signed in; empty for a guest.
    name : str
        What people call them; empty for a guest.
    may_write : bool
        Whether anything may be changed.
    quota_bytes : int or None
        What the workspace may take; None without a limit.
    """

    folder: Path
    place: str = ""
    person: str = ""
    name: str = ""
    may_write: bool = False
    quota_bytes: int | None = None

    @property
    def is_guest(self) -> bool:
        """Whether they came by a link, and are not signed in."""
        return not self.person


_given: ContextVar[Access | None] = ContextVar("access", default=None)
_asked: list[Callable[[], Access | None]] = []


@contextmanager
def given(found: Access | None) -> Iterator[None]:
    """Have what is done in this context be done by them."""
    token = _given.set(found)
    try:
        yield
    finally:
        _given.reset(token)


def ask(whom: Callable[[], Access | None]) -> None:
    """Have `whom` tell who is there where no request does: in the run of a page."""
    _asked[:] = [whom]


def found() -> Access | None:
    """Return who is there; None if nobody is, or there is one user alone."""
    known = _given.get()
    return known if known is not None else next((whom() for whom in _asked), None)


def current() -> Access:
    """Return who is there.

    Raises
    ------
    NotAllowedError
        If nobody is.
    """
    known = found()
    if known is None:
        raise NotAllowedError("Sign in first: this server keeps a workspace for each person.")
    return known


def author() -> str:
    """Return what people call who works in a workspace that several share; empty in one's own.

    A process that works for somebody has it in ``DEEPSXT_AUTHOR``.
    """
    known = found()
    if known is None:
        return os.environ.get("DEEPSXT_AUTHOR", "")
    return known.name if known.place else ""


def require_write() -> None:
    """Do nothing if changes are allowed; call it before anything that a user would call one.

    Raises
    ------
    NotAllowedError
        If they may only look.
    """
    known = found()
    if known is not None and not known.may_write:
        raise NotAllowedError("You may look at this, and not change it.")
