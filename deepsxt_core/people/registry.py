"""What a server of several people knows of them.

::

    <DEEPSXT_PEOPLE>/
      people.json        who may sign in, quotas, projects, links of guests
      people.lock        held while that changes
      secret             what the links of guests are signed with
      persons/<id>/      a workspace, see `deepsxt_core.workspace.library`
      projects/<id>/     a workspace that several people share
      guests/<id>/       a workspace that holds what one link shows

The id of a person is a hash of who vouches for them and of the name that they have there: nothing
that comes from outside is part of a path. A file that is missing or damaged lets nobody in.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import delete_folder, read_json, shown_name, write_json, written_beside
from deepsxt_core.people.records import Link, Person, Project, Right
from deepsxt_core.workspace import Workspace, is_id

FILE_NAME = "people.json"
DEFAULT_QUOTA_GB = 200.0

_ID_BYTES = 9
_SECRET_BYTES = 32
_EVERYBODY = "*"


class People:
    """All that is known of the people of a server.

    Parameters
    ----------
    folder : Path
        That of all (`settings.people_folder`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def allowed(self) -> list[str]:
        """Return who may sign in: ids, e-mail addresses, ``@domain``, or ``*`` for everybody."""
        return [str(each) for each in self._read().get("allowed", [])]

    def allow(self, whom: str) -> None:
        """Let somebody sign in."""
        self._change("allowed", lambda known: sorted({*known, whom.strip().lower()}), [])

    def refuse(self, whom: str) -> None:
        """Let somebody not sign in any more, from now on; what they made stays."""
        self._change("allowed", lambda known: [e for e in known if e != whom.strip().lower()], [])

    def lets_in(self, person_id: str, email: str | None) -> bool:
        """Return whether somebody may come in; `email` is one that was verified."""
        names = {_EVERYBODY, person_id}
        if email is not None:
            names |= {email.lower(), "@" + email.lower().rpartition("@")[2]}
        return not names.isdisjoint(self.allowed())

    def persons(self) -> list[Person]:
        """Return all who have signed in."""
        return [Person(id=key, **told) for key, told in self._known("persons")]

    def remember(self, person_id: str, name: str) -> None:
        """Keep what somebody who has signed in is called, where that is new."""
        known = dict(self._known("persons")).get(person_id)
        if known is None or known.get("name") != name:
            told = {**(known or {}), "name": name}
            self._change("persons", lambda kept: {**kept, person_id: told}, {})

    def find(self, name: str) -> Person:
        """Return who has this id or name.

        Raises
        ------
        DeepSXTError
            If nobody has, or several.
        """
        found = [each for each in self.persons() if name.lower() in (each.id, each.name.lower())]
        if len(found) != 1:
            count = "Nobody" if not found else f"{len(found)} people"
            raise DeepSXTError(
                f"{count} of the name '{name[:100]}' signed in before. Name somebody by the id "
                "that `deepsxt people list` tells."
            )
        return found[0]

    def projects(self) -> list[Project]:
        """Return all projects."""
        return [Project(id=key, **told) for key, told in self._known("projects")]

    def project(self, project_id: str) -> Project:
        """Return a project by its id or name.

        Raises
        ------
        DeepSXTError
            If there is none.
        """
        for each in self.projects():
            if project_id in (each.id, each.name):
                return each
        raise DeepSXTError(f"There is no project '{project_id[:100]}'.")

    def add_project(self, name: str) -> Project:
        """Begin a project that nobody belongs to yet.

        Raises
        ------
        DeepSXTError
            If there is one of that name.
        """
        name = shown_name(name, "Project")
        if any(each.name == name for each in self.projects()):
            raise DeepSXTError(f"There is a project '{name}' already.")
        project = Project(id=secrets.token_hex(_ID_BYTES), name=name, members={})
        self._keep("projects", project)
        return project

    def share(self, project: Project, person: Person, right: Right | None) -> Project:
        """Let a person read or write in a project, or neither, and return its new state."""
        members = {each: of for each, of in project.members.items() if each != person.id}
        if right is not None:
            members[person.id] = right
        changed = replace(project, members=members)
        self._keep("projects", changed)
        return changed

    def quota_bytes(self, folder: Path) -> int:
        """Return what a workspace may take."""
        known: dict[str, Person | Project] = {
            **{f"persons/{each.id}": each for each in self.persons()},
            **{f"projects/{each.id}": each for each in self.projects()},
        }
        its = known.get(folder.relative_to(self.folder).as_posix())
        own = None if its is None else its.quota_gb
        return round((self.default_quota_gb if own is None else own) * 1e9)

    @property
    def default_quota_gb(self) -> float:
        """What a workspace may take that has no quota of its own, in GB."""
        return float(self._read().get("quota_gb", DEFAULT_QUOTA_GB))

    def set_quota(self, of: Person | Project | None, quota_gb: float | None) -> None:
        """Set the quota of a person or a project, or that of all others; None for the usual."""
        if of is None:
            usual = DEFAULT_QUOTA_GB if quota_gb is None else quota_gb
            self._change("quota_gb", lambda _: usual, None)
        else:
            kind = "persons" if isinstance(of, Person) else "projects"
            self._keep(kind, replace(of, quota_gb=quota_gb))

    def links(self) -> list[Link]:
        """Return what guests may look at, also what is over and was not swept yet."""
        return [Link(id=key, **told) for key, told in self._known("guests")]

    def add_link(self, link: Link) -> None:
        """Let guests look at something."""
        self._keep("guests", link)

    def revoke(self, link_id: str) -> None:
        """End a link now, and delete what it showed.

        Raises
        ------
        DeepSXTError
            If there is none of that id.
        """
        if link_id not in dict(self._known("guests")):
            raise DeepSXTError(f"There is no link '{link_id[:64]}' for guests.")
        self._change("guests", lambda kept: {k: v for k, v in kept.items() if k != link_id}, {})
        delete_folder(self.folder / "guests" / link_id)

    def secret(self) -> bytes:
        """Return what the links of guests are signed with, made on first use."""
        path = self.folder / "secret"
        with self._locked():
            if not path.is_file():
                with written_beside(path) as beside:
                    beside.touch(0o600)
                    beside.write_bytes(secrets.token_bytes(_SECRET_BYTES))
        kept = path.read_bytes()
        if len(kept) < _SECRET_BYTES:
            raise DeepSXTError(f"'{path}' is damaged. Delete it: links of guests end then.")
        return kept

    def workspaces(self) -> list[Workspace]:
        """Return the workspaces of all persons and projects."""
        folders = [
            folder
            for kind in ("persons", "projects")
            if (self.folder / kind).is_dir()
            for folder in sorted((self.folder / kind).iterdir())
        ]
        return [Workspace(folder) for folder in folders if is_id(folder.name)]

    def person_folder(self, person_id: str) -> Path:
        """Return the workspace of a person."""
        return self.folder / "persons" / person_id

    def project_folder(self, project_id: str) -> Path:
        """Return the workspace of a project."""
        return self.folder / "projects" / project_id

    def _known(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        return [(key, told) for key, told in self._read().get(kind, {}).items() if is_id(key)]

    def _keep(self, kind: str, record: Person | Project | Link) -> None:
        told = asdict(record)
        key = told.pop("id")
        self._change(kind, lambda kept: {**kept, key: told}, {})

    def _read(self) -> Mapping[str, Any]:
        return read_json(self.folder / FILE_NAME) or {}

    def _change(self, key: str, change: Callable[[Any], Any], empty: Any) -> None:
        with self._locked():
            told = dict(self._read())
            if not told and (self.folder / FILE_NAME).exists():
                raise DeepSXTError(
                    f"'{self.folder / FILE_NAME}' is damaged, and nobody can sign in. Put back "
                    "what a backup has."
                )
            told[key] = change(told.get(key, empty))
            write_json(self.folder / FILE_NAME, told)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.folder / "people.lock"):
            yield


def person_id(issuer: str, subject: str) -> str:
    """Return the id of somebody whom `issuer` knows as `subject`."""
    return hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()[:32]


def people_of(folder: Path) -> People | None:
    """Return those whose server keeps the workspace in `folder`; None where it is one's own."""
    above = folder.resolve().parent
    known = above.name in ("persons", "projects") and (above.parent / FILE_NAME).is_file()
    return People(above.parent) if known else None
