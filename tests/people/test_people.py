"""Who comes in, what they may do there, and that nobody may do anything unless that is known."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from deepsxt_core import access, jobs, room, settings
from deepsxt_core.access import Access
from deepsxt_core.child_process import child_environment
from deepsxt_core.cli.main import main
from deepsxt_core.errors import (
    BusyError,
    DeepSXTError,
    InvalidParameterError,
    NoRoomError,
    NotAllowedError,
)
from deepsxt_core.files import write_json
from deepsxt_core.jobs import InstallRequest, sharing
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job
from deepsxt_core.jobs.tasks.task import Device
from deepsxt_core.network import import_model, list_models, remove_model
from deepsxt_core.people import guests
from deepsxt_core.people.entry import access_for, claimed_id, place_of_guest, place_of_project
from deepsxt_core.people.registry import People, people_of, person_id
from deepsxt_core.training import kept_sets
from deepsxt_core.workspace import Workspace, trash, truths, uploads
from deepsxt_core.workspace.annotations import add_annotation, remove_annotation, rename_annotation
from deepsxt_core.workspace.point_notes import add_point_note
from deepsxt_core.workspace.remarks import write_remarks
from tests.results import add_score, ball

ISSUER = "https://login.example"
SHAPE = (6, 16, 16)


def claims(name: str, **other):
    usual = {"iss": ISSUER, "sub": name, "email": f"{name}@lab.example", "email_verified": True}
    return usual | other


@pytest.fixture
def people(tmp_path, monkeypatch) -> People:
    folder = tmp_path / "people"
    monkeypatch.setenv("DEEPSXT_PEOPLE", str(folder))
    people = People(folder)
    for name in ("ann", "bob"):
        people.allow(f"{name}@lab.example")
        people.remember(person_id(ISSUER, name), f"{name}@lab.example")
    return people


def tomogram_of(people: People, name: str, folder: Path):
    path = folder / f"{name}.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    return Workspace(people.person_folder(person_id(ISSUER, name))).add_file(path)


def content_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


def test_without_somebody_there_is_no_workspace(people):
    for ask in (settings.workspace_folder, Workspace, list_models, settings.quota_bytes):
        with pytest.raises(NotAllowedError, match="Sign in"):
            ask()
    # Nor in a thread that nobody told.
    found = []
    ann = access_for(people, claims("ann"), "")
    with access.given(ann):
        assert Workspace().folder == people.person_folder(person_id(ISSUER, "ann"))
        thread = threading.Thread(target=lambda: found.append(access.found()))
        thread.start()
        thread.join()
    assert found == [None]


def test_only_who_was_let_in_comes_in_and_each_into_a_workspace_of_their_own(people):
    ann, bob = (access_for(people, claims(name), "") for name in ("ann", "bob"))
    assert ann.folder != bob.folder
    assert ann.may_write and ann.name == "ann@lab.example"
    refused = [
        None,
        {},
        claims("eve"),
        {"email": "ann@lab.example", "email_verified": True},
        claims("eve", email="ann@lab.example", email_verified=False),
        claims("eve", email="ann@lab.example", email_verified="true"),
        claims("eve", email=["ann@lab.example"]),
        claims("eve", sub=["ann"]),
    ]
    assert [access_for(people, each, "") for each in refused] == [None] * len(refused)
    # Another who has the same address is somebody else.
    other = access_for(people, claims("ann", iss="https://other.example"), "")
    assert other.folder != ann.folder
    people.refuse("ann@lab.example")
    assert access_for(people, claims("ann"), "") is None
    people.allow("@lab.example")
    assert access_for(people, claims("ann"), "").folder == ann.folder
    people.allow(claimed_id(claims("eve")))
    assert access_for(people, claims("eve", email_verified=False), "").name.endswith(")")


def test_no_name_from_outside_is_part_of_a_path(people):
    people.allow("*")
    for name in ("../../x", "/etc", "a\0b", "..", "x" * 9999, "ä/ö"):
        folder = access_for(people, claims(name, iss=name), "").folder
        assert folder.parent == people.folder / "persons" and len(folder.name) == 32
    for place in (
        "project-../persons/x",
        "project-",
        "guest-../x",
        "guest-x.y",
        "\ud800",
    ):
        known = access_for(people, claims("ann"), place)
        assert known is None or known.folder == access_for(people, claims("ann"), "").folder


def test_a_damaged_list_lets_nobody_in_and_is_not_written_over(people):
    (people.folder / "people.json").write_text("{")
    assert access_for(people, claims("ann"), "") is None
    with pytest.raises(DeepSXTError, match="damaged"):
        people.allow("*")
    (people.folder / "secret").touch()
    with pytest.raises(DeepSXTError, match="damaged"):
        people.secret()


def test_a_project_is_for_its_members_and_some_may_only_read(people):
    project = people.add_project("Beamline")
    place = place_of_project(project.id)
    assert access_for(people, claims("ann"), place) is None
    people.share(people.project("Beamline"), people.find("ann@lab.example"), "write")
    people.share(people.project("Beamline"), people.find("bob@lab.example"), "read")
    ann, bob = (access_for(people, claims(name), place) for name in ("ann", "bob"))
    assert ann.folder == bob.folder == people.project_folder(project.id)
    assert ann.may_write and not bob.may_write
    assert access_for(people, claims("eve"), place) is None
    assert access_for(people, claims("ann"), place_of_project("Beamline")) is None
    people.share(people.project("Beamline"), people.find("ann@lab.example"), None)
    assert access_for(people, claims("ann"), place) is None
    with pytest.raises(DeepSXTError, match="Nobody"):
        people.find("eve@lab.example")


def test_who_may_only_read_changes_nothing(people, tmp_path):
    tomogram = tomogram_of(people, "ann", tmp_path)
    workspace = Workspace(tomogram.folder.parents[1])
    with access.given(access_for(people, claims("ann"), "")):
        kept = add_annotation(tomogram, "Mine")
    job = create_job(workspace, InstallRequest(name="x"), "ab" * 10, Status(state="done"))
    before = content_of(people.folder)
    forbidden = [
        lambda: workspace.add_file(tomogram.source),
        lambda: workspace.add_sample(),
        lambda: workspace.adopt(tomogram.source, "ab" * 9, name="x", sha256=""),
        lambda: workspace.rename(tomogram.id, "x"),
        lambda: workspace.remove(tomogram.id),
        lambda: tomogram.update(invert=True),
        lambda: trash.discard(workspace, tomogram),
        lambda: trash.restore(workspace, "ab" * 9),
        lambda: trash.erase(workspace, "ab" * 9),
        lambda: jobs.discard_tomogram(workspace, tomogram.id),
        lambda: write_remarks(tomogram.folder, ["x"], "x"),
        lambda: add_point_note(tomogram, (0, 0, 0), "x"),
        lambda: add_annotation(tomogram, "x"),
        lambda: rename_annotation(kept, "x"),
        lambda: remove_annotation(kept),
        lambda: truths.keep_truth(tomogram, tomogram.id),
        lambda: uploads.begin(workspace, "x.tif", 1),
        lambda: jobs.submit(workspace, InstallRequest(name="x")),
        lambda: jobs.resume(workspace, job.id),
        lambda: jobs.cancel(workspace, job.id),
        lambda: jobs.clean(workspace),
        lambda: import_model(tomogram.source, name="x"),
        lambda: remove_model("deepsxt-compact"),
        lambda: kept_sets.add_files("x", []),
        lambda: kept_sets.remove_set("x"),
        lambda: guests.invite(people, tomogram, 1),
    ]
    with access.given(Access(folder=workspace.folder, person="ab")):
        for change in forbidden:
            with pytest.raises(NotAllowedError):
                change()
    assert content_of(people.folder) == before


def test_a_guest_sees_what_was_set_aside_until_the_link_is_over(people, tmp_path, monkeypatch):
    tomogram = tomogram_of(people, "ann", tmp_path)
    scores = [add_score(tomogram, ball(SHAPE, radius)) for radius in (2, 3)]
    with access.given(access_for(people, claims("ann"), "")):
        add_annotation(tomogram, "Mine")
    add_point_note(tomogram, (0, 0, 0), "private")
    write_remarks(tomogram.folder, ["private"], "private")
    link, token = guests.invite(people, tomogram, 3, [scores[0].id])
    guest = access_for(people, None, place_of_guest(token))
    assert guest.is_guest and not guest.may_write
    seen = Workspace(guest.folder)
    assert [each.id for each in seen.tomograms()] == [tomogram.id]
    shown = seen.tomogram(tomogram.id)
    assert [each.id for each in shown.results("scores")] == [scores[0].id]
    assert np.array_equal(shown.volume().read(0, 6), tomogram.volume().read(0, 6))
    assert not any(b"private" in data for data in content_of(guest.folder).values())
    # What the guest's server makes for them stays there, and what ann changes is not shown.
    tomogram.update(name="changed")
    assert seen.tomogram(tomogram.id).name != "changed"
    assert guests.links_of(people, tomogram) == [link]

    seal = token.partition(".")[2]
    other, _ = guests.invite(people, tomogram, 3)
    for wrong in (link.id, f"{link.id}.", f"{link.id}.{seal[:-1]}", f"{other.id}.{seal}", seal):
        assert access_for(people, None, place_of_guest(wrong)) is None
    # Who changes the list can make a link longer, and not use the old token for it.
    told = json.loads((people.folder / "people.json").read_text())
    told["guests"][link.id]["until"] = (datetime.now(UTC) + timedelta(days=99)).isoformat()
    write_json(people.folder / "people.json", told)
    assert access_for(people, None, place_of_guest(token)) is None

    _, token = guests.invite(people, tomogram, 3)
    monkeypatch.setattr("deepsxt_core.people.records.Link.is_over", True)
    assert access_for(people, None, place_of_guest(token)) is None
    assert len(guests.sweep(people)) == 3
    assert list((people.folder / "guests").iterdir()) == []
    assert tomogram.score(scores[0].id).volume.read(0, 6).shape == SHAPE
    with pytest.raises(InvalidParameterError, match="days"):
        guests.invite(people, tomogram, 0)


def test_what_is_beyond_the_quota_is_refused_before_it_is_written(people, tmp_path):
    tomogram = tomogram_of(people, "ann", tmp_path)
    workspace = Workspace(tomogram.folder.parents[1])
    people.set_quota(people.find("ann@lab.example"), 0.002)
    (workspace.folder / "large").write_bytes(bytes(1_500_000))
    room._counted.clear()
    ann = access_for(people, claims("ann"), "")
    assert ann.quota_bytes == 2_000_000
    assert access_for(people, claims("bob"), "").quota_bytes == 200e9
    with access.given(ann):
        assert uploads.begin(workspace, "small.tif", 300_000)
        before = content_of(workspace.folder)
        # What was promised counts, too.
        with pytest.raises(NoRoomError, match=r"0\.5 MB are left of the 2 MB .* needs 0\.6 MB"):
            uploads.begin(workspace, "large.tif", 300_000)
        assert content_of(workspace.folder) == before
        variables = child_environment()
        assert variables["DEEPSXT_HOME"] == str(workspace.folder)
        assert not variables["DEEPSXT_PEOPLE"] and float(variables["DEEPSXT_QUOTA_GB"]) == 0.002
        (workspace.folder / "more").write_bytes(bytes(1_000_000))
        room._counted.clear()
        with pytest.raises(NoRoomError, match="left of the 2 MB"):
            jobs.submit(workspace, InstallRequest(name="published"))
    # A process that nobody is behind has no workspace that it was not told.
    assert child_environment()["DEEPSXT_PEOPLE"] == str(people.folder)


def test_devices_are_shared_fairly_and_nobody_fills_the_queue(people):
    ann, bob = (Workspace(people.person_folder(person_id(ISSUER, n))) for n in ("ann", "bob"))

    def wait(workspace):
        return create_job(workspace, InstallRequest(name="x"), "ab" * 10, Status())

    first = [wait(ann) for _ in range(3)]
    late = wait(bob)
    both = sharing.workspaces(ann)
    assert [each.folder for each in both] == sorted([ann.folder, bob.folder])
    assert sharing.locks_folder(ann) == sharing.locks_folder(bob)
    assert sharing.next_turns(both) == [first[0].folder]
    assert sharing.worker_variables(bob.folder)["DEEPSXT_HOME"] == str(bob.folder)
    # One of ann's has its turn: the next is bob's, who came last.
    two = SimpleNamespace(device=Device("line", slots=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "task_of", lambda _: two)
        assert sharing.next_turns(both) == [first[0].folder, late.folder]
    assert [job.id for job in jobs.list_jobs(bob)] == [late.id]
    for _ in range(sharing.MOST_ACTIVE - 3):
        wait(ann)
    with pytest.raises(BusyError, match="20 of your jobs"):
        sharing.require_turn(ann)
    sharing.require_turn(bob)
    assert people_of(Workspace(people.folder.parent / "alone").folder) is None


def test_models_of_the_administrator_are_for_all(people, tmp_path, monkeypatch):
    bundled = next(folder for folder in (settings.assets_folder() / "models").iterdir())
    folder = tmp_path / "models" / "of-all"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.weights.h5"):
        (folder / name).write_bytes((bundled / name).read_bytes())
    monkeypatch.setenv("DEEPSXT_MODELS", str(folder.parent))
    with access.given(access_for(people, claims("ann"), "")):
        assert "of-all" in {model.name for model in list_models()}
        with pytest.raises(DeepSXTError, match="cannot be removed"):
            remove_model("of-all")
    assert folder.is_dir()


def test_files_that_all_may_open_are_apart_from_the_workspaces(people, monkeypatch):
    for root in (people.folder, people.folder.parent, people.folder / "persons"):
        root.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(root))
        with pytest.raises(InvalidParameterError, match="apart"):
            settings.check()
    with pytest.raises(InvalidParameterError, match="go together"):
        settings.login_file()


def test_the_administrator_sees_and_shares(people, tmp_path, capsys):
    tomogram = tomogram_of(people, "ann", tmp_path)
    ann = person_id(ISSUER, "ann")

    def told(*arguments):
        assert main(["people", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    told("project", "Beamline")
    told("share", "Beamline", "ann@lab.example", "read")
    told("quota", "5", "Beamline")
    told("quota", "7")
    link = told("link", "ann@lab.example", tomogram.id, "--days", "2")
    rows = {row["name"]: row for row in told("list")["workspaces"]}
    assert rows["ann@lab.example"]["tomograms"] == 1 and rows["ann@lab.example"]["quota_gb"] == 7
    assert rows["Beamline"]["quota_gb"] == 5
    assert people.project("Beamline").members == {ann: "read"}
    assert access_for(people, None, "guest-" + link["address"].rpartition("/")[2]) is not None
    told("revoke", link["id"])
    assert access_for(people, None, "guest-" + link["address"].rpartition("/")[2]) is None
    told("unshare", "Beamline", ann)
    assert people.project("Beamline").members == {}
    told("refuse", "bob@lab.example")
    assert told("list")["allowed"] == ["ann@lab.example"]
    assert told("clean", "--older-than", "1")["discarded"] == []
    future = datetime.now(UTC) + timedelta(days=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepsxt_core.cli.people._now", lambda: future)
        assert told("clean", "--older-than", "1")["discarded"] == [tomogram.id]
    assert [each.tomogram_id for each in trash.discarded(Workspace(people.person_folder(ann)))] == [
        tomogram.id
    ]
    assert main(["jobs", "list"]) == 1
    assert "Sign in" in capsys.readouterr().err
