"""``deepsxt people``: for whoever runs a server of several people."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from deepsxt_core import jobs, settings
from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.errors import DeepSXTError, InvalidParameterError
from deepsxt_core.people import guests
from deepsxt_core.people.records import Person, Project, Right
from deepsxt_core.people.registry import People
from deepsxt_core.room import used_bytes
from deepsxt_core.workspace import Workspace, trash

APP = App(name="people")
_MOST_DAYS = 36525

Days = Annotated[float, Parameter(validator=Number(gt=0, lte=_MOST_DAYS))]


@APP.command(name="list")
@command
def list_them() -> Outcome:
    """List persons and projects with what they take, who may sign in, and links of guests."""
    people = _people()
    kept: list[Person | Project] = [*people.persons(), *people.projects()]
    rows = [_facts(people, each) for each in kept]
    lines = [
        f"{row['id']}  {row['bytes'] / 1e9:7.2f} of {row['quota_gb']:g} GB  "
        f"{row['tomograms']:4} tomograms  {row['active_jobs']:2} jobs  {row['name']}"
        for row in rows
    ]
    links = [link for link in people.links() if not link.is_over]
    lines += [f"{link.id}  a guest sees {link.name} until {link.until[:16]}" for link in links]
    lines += [f"may sign in: {', '.join(people.allowed()) or 'nobody'}"]
    report = {
        "workspaces": rows,
        "links": [{"id": link.id, "until": link.until} for link in links],
        "allowed": people.allowed(),
    }
    return Outcome(lines, report)


@APP.command
@command
def allow(whom: str, /) -> Outcome:
    """Let somebody sign in: an e-mail address, @domain, an id, or * for all with an account."""
    return _allowed(lambda people: people.allow(whom))


@APP.command
@command
def refuse(whom: str, /) -> Outcome:
    """Let somebody not in any more, from now on; what they made stays."""
    return _allowed(lambda people: people.refuse(whom))


@APP.command
@command
def quota(
    gigabytes: Annotated[float, Parameter(validator=Number(gte=0))], whose: str | None = None, /
) -> Outcome:
    """Set what a person or project may take, or what all others may.

    Parameters
    ----------
    gigabytes
        Of all their files.
    whose
        A person or a project.
    """
    people = _people()
    of = None if whose is None else _person_or_project(people, whose)
    people.set_quota(of, gigabytes)
    return Outcome([f"{whose or 'Each'} may take {gigabytes:g} GB."], {"quota_gb": gigabytes})


@APP.command
@command
def project(name: str, /) -> Outcome:
    """Begin a workspace that several people share."""
    made = _people().add_project(name)
    return Outcome([f"{made.id}  {made.name}"], {"id": made.id, "name": made.name})


@APP.command
@command
def share(project: str, person: str, /, right: Right = "write") -> Outcome:
    """Let a person who has signed in once read or write in a project.

    Parameters
    ----------
    right
        What they may do there.
    """
    people = _people()
    changed = people.share(people.project(project), people.find(person), right)
    return Outcome([f"{person} may {right} in {changed.name}."], {"members": changed.members})


@APP.command
@command
def unshare(project: str, person: str, /) -> Outcome:
    """Let a person not into a project any more."""
    people = _people()
    changed = people.share(people.project(project), people.find(person), None)
    return Outcome([f"{person} is not in {changed.name}."], {"members": changed.members})


@APP.command
@command
def link(whose: str, tomogram: str, /, *, days: Days = 14, result: str | None = None) -> Outcome:
    """Make the address by which guests look at a tomogram; it is told once.

    Parameters
    ----------
    days
        How long it holds.
    result
        Id of the one result that is shown, instead of all.
    """
    people = _people()
    workspace = _workspace(people, _person_or_project(people, whose))
    shown = workspace.tomogram(tomogram)
    made, token = guests.invite(people, shown, days, None if result is None else [result])
    address = f"/guest/{token}"
    return Outcome([f"{address}  until {made.until[:16]}"], {"id": made.id, "address": address})


@APP.command
@command
def revoke(id: str, /) -> Outcome:
    """End a link of guests now."""
    _people().revoke(id)
    return Outcome([f"{id} is over."], {"id": id})


@APP.command
@command
def clean(*, older_than: Days | None = None) -> Outcome:
    """Delete what guests' links that are over showed, old jobs, and what lies long in the trash.

    Parameters
    ----------
    older_than
        Besides, move tomograms into the trash of whose files none was changed in so many days;
        those that somebody works on stay. For good they go 14 days later.
    """
    people = _people()
    over = guests.sweep(people)
    age = timedelta(days=older_than or 30)
    forgotten, discarded = 0, []
    for workspace in people.workspaces():
        forgotten += len(jobs.clean(workspace, older_than=age))
        for tomogram in workspace.tomograms() if older_than is not None else []:
            if trash.last_change(tomogram) < _now() - age:
                discarded += _discarded(workspace, tomogram.id)
    lines = [
        f"{len(discarded)} tomograms lie in the trash now, {forgotten} jobs are forgotten, "
        f"{len(over)} links are swept."
    ]
    return Outcome(
        lines, {"discarded": discarded, "forgotten": forgotten, "links": [e.id for e in over]}
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _discarded(workspace: Workspace, tomogram_id: str) -> list[str]:
    try:
        return [jobs.discard_tomogram(workspace, tomogram_id).tomogram_id]
    except DeepSXTError:
        return []  # Somebody works on it.


def _people() -> People:
    folder = settings.people_folder()
    if folder is None:
        raise InvalidParameterError(
            "Name the folder of the workspaces in DEEPSXT_PEOPLE. See docs/server.md."
        )
    return People(folder)


def _allowed(change: Any) -> Outcome:
    people = _people()
    change(people)
    names = people.allowed()
    return Outcome([f"may sign in: {', '.join(names) or 'nobody'}"], {"allowed": names})


def _person_or_project(people: People, name: str) -> Person | Project:
    try:
        return people.project(name)
    except DeepSXTError:
        return people.find(name)


def _workspace(people: People, of: Person | Project) -> Workspace:
    folder: Path = (
        people.person_folder(of.id) if isinstance(of, Person) else people.project_folder(of.id)
    )
    return Workspace(folder)


def _facts(people: People, of: Person | Project) -> dict[str, Any]:
    workspace = _workspace(people, of)
    return {
        "id": of.id,
        "name": of.name,
        "bytes": used_bytes(workspace.folder),
        "quota_gb": people.quota_bytes(workspace.folder) / 1e9,
        "tomograms": len(workspace.tomograms()),
        "active_jobs": sum(job.active for job in jobs.list_jobs(workspace)),
    }
