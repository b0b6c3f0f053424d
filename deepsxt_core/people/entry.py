"""Who comes in: from what a cookie says to what somebody may do.

Who somebody is comes from the login alone (`Claims`, signed by the server). Where they want to be
comes from a second cookie, which is only a wish: a project must have them as a member, and the
token of a guest must be one of ours.
"""

from collections.abc import Mapping
from typing import Any

from deepsxt_core.access import Access
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.people.guests import guest_folder, link_of
from deepsxt_core.people.registry import People, person_id

PLACE_COOKIE = "deepsxt_place"
_PROJECT, _GUEST = "project-", "guest-"

Claims = Mapping[str, Any]
"""What the login says of somebody: ``iss`` and ``sub``, mostly ``email`` and ``email_verified``."""


def place_of_project(project_id: str) -> str:
    """Return what the cookie holds of who works in a project."""
    return _PROJECT + project_id


def place_of_guest(token: str) -> str:
    """Return what the cookie holds of a guest."""
    return _GUEST + token


def claimed_id(claims: Claims | None) -> str | None:
    """Return the id of who has signed in; None if the login does not say who that is."""
    issuer, subject = (claims or {}).get("iss"), (claims or {}).get("sub")
    if not (isinstance(issuer, str) and isinstance(subject, str) and issuer and subject):
        return None
    return person_id(issuer, subject)


def access_for(people: People, claims: Claims | None, place: str) -> Access | None:
    """Return what somebody may do; None if that is nothing.

    Parameters
    ----------
    people : People
    claims : mapping or None
        Checked by whoever calls.
    place : str
        Where they want to be; not checked yet.
    """
    if place.startswith(_GUEST):
        link = link_of(people, place.removeprefix(_GUEST))
        if link is not None:
            return Access(folder=guest_folder(people, link), place=link.name)
    who = claimed_id(claims)
    if who is None or claims is None:
        return None
    email = claims.get("email")
    verified = email if isinstance(email, str) and claims.get("email_verified") is True else None
    if not people.lets_in(who, verified):
        return None
    # What was not verified must not pass for an address.
    name = verified or f"{str(claims.get('name', ''))[:100]} ({who[:8]})".strip()
    if place.startswith(_PROJECT):
        return _in_project(people, who, name, place.removeprefix(_PROJECT))
    folder = people.person_folder(who)
    quota = people.quota_bytes(folder)
    return Access(folder=folder, person=who, name=name, may_write=True, quota_bytes=quota)


def _in_project(people: People, who: str, name: str, project_id: str) -> Access | None:
    try:
        project = people.project(project_id)
    except DeepSXTError:
        return None
    right = project.members.get(who)
    if right is None or project.id != project_id:
        return None
    folder = people.project_folder(project.id)
    return Access(
        folder=folder,
        place=project.name,
        person=who,
        name=name,
        may_write=right == "write",
        quota_bytes=people.quota_bytes(folder),
    )
