"""Persons, projects they share, and what guests may look at."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Right = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has signed in.

    Attributes
    ----------
    id : str
    name : str
        What people call them: an e-mail address, mostly.
    quota_gb : float or None
        Their own; None for that of all.
    """

    id: str
    name: str
    quota_gb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A workspace that several people share.

    Attributes
    ----------
    id, name : str
    members : dict
        Ids of persons, and whether they may "read" or "write".
    quota_gb : float or None
        Its own; None for that of all.
    """

    id: str
    name: str
    members: dict[str, Right]
    quota_gb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a guest may look at.

    Attributes
    ----------
    id : str
    workspace : str
        That it is of, relative to the folder of all: ``persons/<id>``.
    tomogram, name : str
        Id and name of the tomogram.
    until : str
        When it ends, in UTC.
    """

    id: str
    workspace: str
    tomogram: str
    name: str
    until: str

    @property
    def is_over(self) -> bool:
        """Whether its time has passed."""
        return datetime.fromisoformat(self.until) <= datetime.now(UTC)
