"""What the routes of planes share: numbers in addresses, planes that are not there, a survey."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.web.pictures import Survey, survey
from deepsxt_core.web.responses import HttpError
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.display import Preparation

_KEPT = 8
_RETRY = {"Retry-After": "2"}
_NUMBER = re.compile("[0-9]{1,9}")


def looked_at(tomogram: Tomogram, version: str) -> Survey:
    """Return a survey of the grey values of a version of a tomogram."""
    return _looked_at(tomogram.folder, tomogram.id, version)


@lru_cache(maxsize=_KEPT)
def _looked_at(folder: Path, tomogram_id: str, version: str) -> Survey:  # noqa: ARG001
    return survey(Workspace(folder.parents[1]).tomogram(tomogram_id).volume())


def unprepared(how_far: Preparation) -> HttpError:
    """Return the answer for a plane whose pyramid is not there."""
    if how_far.state == "failed":
        return HttpError(404, how_far.problem)
    return HttpError(503, f"The planes are {how_far.progress:.0%} prepared. Ask again.", _RETRY)


def require_plane(count: int, axis: str, index: int) -> None:
    """Do nothing if there is a plane of that index.

    Raises
    ------
    HttpError
        If there is none.
    """
    if index >= count:
        raise HttpError(404, f"There are planes 0 to {count - 1} across {axis}.")


def number_in(name: str, given: Any, default: int | None = None) -> int:
    """Return a whole number from a part of an address.

    Raises
    ------
    InvalidParameterError
        If it is something else, or not there and there is no default.
    """
    text = given.get(name, default if default is None else str(default))
    if text is None or _NUMBER.fullmatch(text) is None:
        shown = "nothing" if text is None else f"'{text[:40]}'"
        raise InvalidParameterError(f"{name} must be a whole number from 0: got {shown}.")
    return int(text)
