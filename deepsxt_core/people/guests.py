"""Links by which guests look at one tomogram: what they may see is set aside for them.

A guest has a workspace of their own that holds the tomogram and the results as they were when the
link was made, as further names of the same files where the disk can do that. Nothing that a guest
does reaches the workspace that it came from. Notes, tags and annotations are left out.
"""

import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deepsxt_core import access
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.people.records import Link
from deepsxt_core.people.registry import People
from deepsxt_core.workspace import ResultKind, Tomogram, Workspace
from deepsxt_core.workspace.maker import MAKER_NAME
from deepsxt_core.workspace.tomogram import HASH_NAME

MOST_DAYS = 365

_ID_BYTES = 9
_SHOWN = ("tomogram.json", HASH_NAME, "source", "glance", "display")
_KINDS: tuple[ResultKind, ...] = ("scores", "surfaces", "measurements")
# Made on demand, for each who asks.
_LEFT_OUT = ("exports", MAKER_NAME)


def invite(
    people: People, tomogram: Tomogram, days: float, results: Collection[str] | None = None
) -> tuple[Link, str]:
    """Let whoever knows a token look at a tomogram for some days.

    Parameters
    ----------
    people : People
    tomogram : Tomogram
        Of one of their workspaces.
    days : float
        Above 0, at most `MOST_DAYS`.
    results : collection of str, optional
        Ids of the results that are shown beside it. Default: all scores, surfaces and measurements.

    Returns
    -------
    (Link, str)
        And the token, which nobody else can make; it is kept nowhere.

    Raises
    ------
    InvalidParameterError
        If it is for no time, or for too long.
    NotAllowedError
        If who asks may only look themselves.
    """
    access.require_write()
    if not 0 < days <= MOST_DAYS:
        raise InvalidParameterError(f"A link lasts up to {MOST_DAYS} days: got {days:g}.")
    link_id = secrets.token_hex(_ID_BYTES)
    shown = people.folder / "guests" / link_id
    try:
        _set_aside(tomogram, Workspace(shown).folder / "tomograms" / tomogram.id, results)
        until = datetime.now(UTC) + timedelta(days=days)
        workspace = tomogram.folder.parents[1].relative_to(people.folder).as_posix()
        link = Link(
            id=link_id,
            workspace=workspace,
            tomogram=tomogram.id,
            name=tomogram.name,
            until=until.isoformat(),
        )
        people.add_link(link)
    except BaseException:
        shutil.rmtree(shown, ignore_errors=True)
        raise
    return link, f"{link_id}.{_seal(people, link)}"


def link_of(people: People, token: str) -> Link | None:
    """Return what a token leads to; None if it is none of ours, is over or was revoked."""
    link_id, _, seal = token.partition(".")
    link = next((each for each in people.links() if each.id == link_id), None)
    if (
        link is None
        or link.is_over
        or not hmac.compare_digest(_seal(people, link).encode(), seal.encode(errors="replace"))
    ):
        return None
    return link


def guest_folder(people: People, link: Link) -> Path:
    """Return the workspace of those who come by a link."""
    return people.folder / "guests" / link.id


def links_of(people: People, tomogram: Tomogram) -> list[Link]:
    """Return the links that lead to a tomogram and are not over."""
    workspace = tomogram.folder.parents[1]
    return [
        link
        for link in people.links()
        if link.tomogram == tomogram.id
        and people.folder / link.workspace == workspace
        and not link.is_over
    ]


def sweep(people: People) -> list[Link]:
    """Delete what links showed that are over; return them."""
    over = [link for link in people.links() if link.is_over]
    for link in over:
        with suppress(DeepSXTError, FileNotFoundError):
            people.revoke(link.id)
    return over


def _seal(people: People, link: Link) -> str:
    told = f"{link.id}\n{link.workspace}\n{link.tomogram}\n{link.until}"
    return hmac.new(people.secret(), told.encode(), hashlib.sha256).hexdigest()


def _set_aside(tomogram: Tomogram, target: Path, results: Collection[str] | None) -> None:
    target.mkdir(parents=True, mode=0o700)
    for name in _SHOWN:
        _link(tomogram.folder / name, target / name)
    for kind in _KINDS:
        for result in tomogram.results(kind):
            if results is None or result.id in results:
                _link(result.folder, target / "results" / kind / result.id)


def _link(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_file, ignore=_ignored)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _ignored(folder: str, names: list[str]) -> list[str]:
    links = [name for name in names if Path(folder, name).is_symlink()]
    return [*links, *(name for name in names if name.startswith(".") or name in _LEFT_OUT)]


def _link_file(source: str, target: str) -> None:
    # What a folder of a result holds is replaced as a whole and never changed within.
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
