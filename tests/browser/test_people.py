"""Two users and a guest on one server: what each tries with what is another's.

The login is that of the server: these tests know the secret by which it signs, as they have written
the file that holds it, and sign what a provider would say. There is no other way in.
"""

import hashlib
import http.client
import itertools
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from deepsxt_core.jobs import InstallRequest
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job
from deepsxt_core.network import models
from deepsxt_core.people import guests
from deepsxt_core.people.entry import PLACE_COOKIE, claimed_id
from deepsxt_core.people.registry import People
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import own_pages
from deepsxt_core.workspace import Tomogram, Workspace, trash, uploads
from deepsxt_core.workspace.annotations import add_annotation
from deepsxt_core.workspace.point_notes import add_point_note
from tests.browser.conftest import free_port, running_app
from tests.results import add_measurement, add_score, add_surface, ball

pytestmark = pytest.mark.browser

SHOWN = ["Review", "Surface", "Measure", "Export", "Help"]
SECRET = "of this test alone, 32 letters or more"
LOGIN = """
[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "{secret}"
client_id = "deepsxt"
client_secret = "none"
server_metadata_url = "http://localhost:1/.well-known/openid-configuration"
"""


def signed(address: str, name: str, secret: str = SECRET, **other) -> str:
    """Return the cookie of who has signed in, as Streamlit makes it."""
    claims = {
        "iss": "https://login.example",
        "sub": name,
        "is_logged_in": True,
        "origin": address,
        "email": f"{name}@lab.example",
        "email_verified": True,
        **other,
    }
    return create_signed_value(secret, "_streamlit_user", json.dumps(claims)).decode()


def claims_of(name: str) -> dict[str, str]:
    return {"iss": "https://login.example", "sub": name}


def with_results(path: Path, name: str) -> Tomogram:
    """Return a small tomogram of that name with a score, a surface and a measurement."""
    shape = (8, 48, 48)
    grey = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace().add_file(path, name=name)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    add_measurement(tomogram, add_surface(tomogram, add_score(tomogram, ball(shape, 3))))
    return tomogram


def copied(tomogram: Tomogram, name: str) -> Tomogram:
    """Return a tomogram of another name and id with the same results."""
    tomogram_id = secrets.token_hex(9)
    shutil.copytree(tomogram.folder, tomogram.folder.with_name(tomogram_id))
    return Workspace(tomogram.folder.parents[1]).rename(tomogram_id, name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server with what is ann's, of which a guest may see one tomogram, and with bob."""
    folder, port = tmp_path_factory.mktemp("people"), free_port()
    address = f"http://localhost:{port}"
    people = People(folder / "people")
    ann, bob = (people.person_folder(claimed_id(claims_of(name))) for name in ("ann", "bob"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepsxt_core.workspace.library.probe", lambda *_: None)
        patch.setenv("DEEPSXT_ENGINE", "keras")
        patch.setenv("DEEPSXT_HOME", str(bob))
        tokens = [own_pages.token()]
        patch.setenv("DEEPSXT_HOME", str(ann))
        tokens.append(own_pages.token())
        private = with_results(folder / "cell.tif", "private cell")
        shown = copied(private, "shown to guests")
        gone = copied(private, "private and gone")
        trash.discard(Workspace(), gone)
        kept = add_annotation(private, "private annotation")
        add_point_note(private, (0, 0, 0), "private note")
        upload = uploads.begin(Workspace(), "private.tif", 100)
        create_job(Workspace(), InstallRequest(name="private"), "ab" * 10, Status(state="done"))
        bundled = models.find_model(models.DEFAULT_MODEL).folder
        shutil.copytree(bundled, ann / "models" / "private-model")
        patch.delenv("DEEPSXT_HOME")
        for name in ("ann", "bob"):
            people.allow(f"{name}@lab.example")
        _, token = guests.invite(people, shown, 1)
        (folder / "login.toml").write_text(LOGIN.format(address=address, secret=SECRET))
        patch.setenv("DEEPSXT_PEOPLE", str(people.folder))
        patch.setenv("DEEPSXT_LOGIN", str(folder / "login.toml"))
        with running_app(folder / "nowhere", folder / "server.log", port):
            yield Shared(
                *(address, port, people, shown, private, gone, kept.id, upload.id),
                *(f"guest-{token}", people.add_project("Beamline").id, tokens),
            )
        assert not (folder / "nowhere").exists()


@dataclass(frozen=True)
class Shared:
    address: str
    port: int
    people: People
    shown: Tomogram
    private: Tomogram
    gone: Tomogram
    annotation: str
    upload: str
    guest: str
    project: str
    tokens: list[str]


def ask(shared, method: str, path: str, cookies: dict[str, str], token: str = "", body=b""):
    """Return the status and the content of an answer; the path is sent as it is."""
    connection = http.client.HTTPConnection("localhost", shared.port, timeout=60)
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-DeepSXT-Token": token,
        "Upload-Offset": "0",
    }
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def state_of(shared: Shared) -> dict[str, str]:
    """Return a hash of each file that ann has; what is made to show them is left out."""
    folder = shared.private.folder.parents[1]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not {"display", "glance", "exports"} & set(path.parts)
        if path.suffix != ".lock"
    }


def reads(shared: Shared) -> list[str]:
    """Return where what is ann's alone can be read."""
    of = f"/api/tomograms/{shared.private.id}"
    score, surface, measured = (
        f"{of}/{kind}/{shared.private.results(kind)[0].id}"
        for kind in ("scores", "surfaces", "measurements")
    )
    annotation = f"{of}/annotations/{shared.annotation}"
    names = ("display", "planes/z/0", "slices/0", "glance.png", "notes", "notes.csv")
    return [
        *(f"{of}/{name}" for name in (*names, "value?z=0&y=0&x=0", "profile/z/0?from=0,0&to=5,5")),
        f"{of}/figure/z/plane.png?index=0",
        f"{of}/display.ome.zarr/zarr.json",
        *(f"{score}/{name}" for name in ("coarse.bin", "display", "planes/z/0", "score.mrc")),
        *(f"{surface}/{name}" for name in ("view-coarse.bin", "view-full.bin", "surface.stl")),
        f"{measured}/objects.csv",
        *(annotation, f"{annotation}/objects", f"{annotation}/planes/z/0", f"{annotation}/review"),
        f"{annotation}/files/labels.tif",
        f"{annotation}/judged/display",
        f"/api/uploads/{shared.upload}",
    ]


def changes(shared) -> list[tuple[str, str, bytes]]:
    """Return how what is ann's can be changed by ann."""
    of = f"/api/tomograms/{shared.private.id}"
    who = {"session": "s", "owner": "o"}
    stroke = {"kind": "stroke", "runs": [[0, 0, 0, 4]], "id": 1}
    posts = {
        "operations": who | {"operation": stroke},
        "undo": who,
        "redo": who,
        "take": who,
        "beat": who,
        "leave": who,
    }
    return [
        *(
            ("POST", f"{of}/annotations/{shared.annotation}/{name}", json.dumps(told).encode())
            for name, told in posts.items()
        ),
        ("POST", f"{of}/notes", b'{"at": [0, 0, 0], "text": "hello"}'),
        ("DELETE", f"{of}/notes/1", b""),
        ("PATCH", f"/api/uploads/{shared.upload}", b"x"),
        ("DELETE", f"/api/uploads/{shared.upload}", b""),
    ]


def actors(shared) -> dict[str, dict[str, str]]:
    """Return the cookies of all who try."""
    bob, address = {"_streamlit_user": signed(shared.address, "bob")}, shared.address
    ann = claimed_id(claims_of("ann"))
    link, _, seal = shared.guest.removeprefix("guest-").partition(".")
    users = {
        "another secret": signed(address, "ann", "of another server, 32 letters or more"),
        "another address": signed("http://localhost:1", "ann"),
        "not signed in": signed(address, "ann", is_logged_in=False),
        "who has no account here": signed(address, "eve"),
        "an address that nobody verified": signed(
            address, "eve", email="ann@lab.example", email_verified=False
        ),
        "another login": signed(address, "ann", iss="https://evil.example"),
        "no cookie": "ann",
    }
    return {
        "nobody": {},
        "bob": bob,
        "the guest": {PLACE_COOKIE: shared.guest},
        "bob as a guest": bob | {PLACE_COOKIE: shared.guest},
        "bob in a project": bob | {PLACE_COOKIE: f"project-{shared.project}"},
        "bob in ann's place": bob | {PLACE_COOKIE: f"project-../persons/{ann}"},
        "a forged link": {PLACE_COOKIE: f"guest-{link}.{'0' * len(seal)}"},
        **{name: {"_streamlit_user": cookie} for name, cookie in users.items()},
    }


def test_nobody_reads_or_changes_what_is_anothers(shared):
    """Of 300 and more attempts none succeeds; the same as ann do."""
    ann = {"_streamlit_user": signed(shared.address, "ann")}
    # Ann herself reads them, but for what it takes a process to make.
    made = (".mrc", ".stl", ".tif", ".json", ".png?index=0", "judged/display")
    for path in (path for path in reads(shared) if not path.endswith(made)):
        status, content = ask(shared, "GET", path, ann)
        assert status in (200, 503) and content, (path, status, content)
    before = state_of(shared)
    attempts = 0
    tries = [("GET", path, b"") for path in reads(shared)] + changes(shared)
    for (name, cookies), (method, path, body) in itertools.product(actors(shared).items(), tries):
        # Who has got hold of the token of ann's own page has nothing by it.
        status, content = ask(shared, method, path, cookies, shared.tokens[1], body)
        assert status in (401, 403, 404), (name, method, path, status, content)
        assert b"private" not in content.lower(), (name, method, path)
        attempts += 1
    assert attempts > 300
    assert state_of(shared) == before
    # Ann's own page can.
    method, path, body = changes(shared)[6]
    assert ask(shared, method, path, ann, shared.tokens[0], body)[0] == 403
    assert ask(shared, method, path, ann, shared.tokens[1], body)[0] == 200


def test_paths_lead_nowhere_else(shared):
    ann = claimed_id(claims_of("ann"))
    cookies = {"_streamlit_user": signed(shared.address, "bob")}
    inside = f"persons/{ann}/tomograms/{shared.private.id}"
    up = [f"{'../' * n}{inside}" for n in (1, 2, 3)]
    forms = [
        *up,
        *(path.replace("../", "..%2f") for path in up),
        *(path.replace("../", "%2e%2e/") for path in up),
        *(path.replace("../", "..\\") for path in up),
        str(shared.private.folder),
        shared.private.id.upper(),
        shared.private.id + "%00",
        f"../../{ann}/tomograms/{shared.private.id}",
        f"../../trash/{shared.gone.id}",
        shared.gone.id,
    ]
    before = state_of(shared)
    ends = ("notes", "slices/0", "glance.png", "display.ome.zarr/zarr.json")
    for form, end in itertools.product(forms, ends):
        status, content = ask(shared, "GET", f"/api/tomograms/{form}/{end}", cookies)
        # Streamlit answers what is no route with its own page, which holds nothing.
        assert status in (400, 404) or b"<title>" in content, (form, end, status)
        assert b"private" not in content
    places = (f"/place/{ann}", f"/guest/{shared.guest}x", "/guest/../../people.json")
    for place in places:
        assert ask(shared, "GET", place, cookies)[0] in (400, 404), place
    assert state_of(shared) == before


def test_the_guest_sees_what_is_shown_and_can_change_nothing(shared):
    cookies = {PLACE_COOKIE: shared.guest}
    of = f"/api/tomograms/{shared.shown.id}"
    assert ask(shared, "GET", f"{of}/slices/0", cookies)[0] == 200
    surface = shared.shown.results("surfaces")[0].id
    assert ask(shared, "GET", f"{of}/surfaces/{surface}/view-coarse.bin", cookies)[0] == 200
    note = b'{"at": [0, 0, 0], "text": "hello"}'
    for token in shared.tokens:
        assert ask(shared, "POST", f"{of}/notes", cookies, token, note)[0] == 403
        assert ask(shared, "POST", "/api/uploads?name=x.tif&size=9", cookies, token)[0] == 403


def test_in_browsers_each_sees_what_is_theirs(shared, browser):
    tabs = {}
    for name in ("ann", "bob", "guest"):
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(60_000)
        if name != "guest":
            cookie = {"name": "_streamlit_user", "value": signed(shared.address, name)}
            context.add_cookies([cookie | {"url": shared.address, "httpOnly": True}])
        tabs[name] = context.new_page()
    ann, bob, guest = tabs.values()

    def settled(page):
        main = page.get_by_test_id("stMain")
        expect(main.get_by_role("heading").first).to_be_visible()
        app = page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        shown = main.inner_text() + page.get_by_test_id("stSidebar").inner_text()
        return shown.replace("\u2060", "")  # Keeps addresses from being links.

    ann.goto(shared.address)
    expect(ann.get_by_test_id("stMain")).to_contain_text("private cell")
    assert "ann@lab.example" in settled(ann)
    for name in ("", "slices", "batch", "jobs", "train", "models"):
        bob.goto(f"{shared.address}/{name}?t={shared.private.id}")
        text = settled(bob)
        assert "bob@lab.example" in text
        assert not any(word in text for word in ("private", "shown to guests", "ann@")), name

    guest.goto(f"{shared.address}/slices?t={shared.private.id}")
    expect(guest.get_by_role("button", name="Sign in")).to_be_visible()
    guest.goto(f"{shared.address}/{shared.guest.replace('-', '/', 1)}")
    text = settled(guest)
    assert "shown to guests" in text and "You look as a guest" in text
    links = guest.get_by_test_id("stSidebarNavLink")
    assert [text.split()[-1] for text in links.all_inner_texts()] == SHOWN
    for name in ("models", f"?t={shared.private.id}"):
        guest.goto(f"{shared.address}/{name}")
        assert "private" not in settled(guest).replace(shared.private.id, "")
    people = shared.people
    people.share(people.project("Beamline"), people.find("bob@lab.example"), "read")
    bob.goto(shared.address)
    bob.get_by_role("link", name="Beamline").click()
    expect(bob.get_by_test_id("stSidebar")).to_contain_text("Beamline (to look at)")
    bob.get_by_role("button", name="Open the sample").click()
    expect(bob.get_by_text("You may look at this, and not change it.")).to_be_visible()
    for link in people.links():
        people.revoke(link.id)
    guest.goto(shared.address)
    expect(guest.get_by_role("button", name="Sign in")).to_be_visible()
    for page in tabs.values():
        page.context.close()
