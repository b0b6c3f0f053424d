"""Uploads over HTTP: whole, in parts, broken off, and those that must not get in."""

import hashlib
import io
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from deepsxt_core.errors import BusyError, DeepSXTError
from deepsxt_core.io import limited
from deepsxt_core.web import own_pages, receiving
from deepsxt_core.web.guard import Guard
from deepsxt_core.workspace import Workspace, uploads

SHAPE = (12, 20, 16)


def token():
    return {"X-DeepSXT-Token": own_pages.token()}


@pytest.fixture
def client():
    app = Starlette(routes=receiving.routes(), middleware=[Middleware(Guard)])
    with TestClient(app, base_url="http://localhost:8501", headers=token()) as client:
        yield client


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(1000, 50, SHAPE).astype(np.uint16)


@pytest.fixture
def tiff(array):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, imagej=True, metadata={"axes": "ZYX"})
    return buffer.getvalue()


def begin(client, size, name="cell.tif", kind="tomogram", **options):
    params = {"name": name, "size": size, "kind": kind}
    return client.post("/api/uploads", params=params, **options)


def send(client, upload, content, offset=0, **options):
    headers = {"Upload-Offset": str(offset)} | options.pop("headers", {})
    return client.patch(f"/api/uploads/{upload}", content=content, headers=headers, **options)


def sent(client, content, name="cell.tif"):
    return send(client, begin(client, len(content), name).json()["id"], content)


def left_behind():
    files = {path for path in Workspace().folder.rglob("*") if path.is_file()}
    return files - {Workspace().folder / "page-token"}


def test_a_file_becomes_a_tomogram(client, tiff, array):
    answer = sent(client, tiff, "Zelle ä.tif")
    assert answer.status_code == 201
    tomogram = Workspace().tomogram(answer.json()["id"])
    assert tomogram.name == "Zelle ä.tif"
    assert np.array_equal(tomogram.volume().read(0, SHAPE[0]), array)
    assert answer.json()["sha256"] == hashlib.sha256(tiff).hexdigest()
    assert not list(Workspace().uploads_folder.iterdir())


def test_pieces_of_any_size_give_the_same_file(client, tiff, monkeypatch):
    monkeypatch.setattr(receiving, "_PIECE_BYTES", 100)
    pieces = (tiff[start : start + 33] for start in range(0, len(tiff), 33))
    upload = begin(client, len(tiff)).json()["id"]
    tomogram = Workspace().tomogram(send(client, upload, pieces).json()["id"])
    assert tomogram.source.read_bytes() == tiff
    assert tomogram.input_sha256() == hashlib.sha256(tiff).hexdigest()


def test_an_upload_goes_on_where_it_stopped(client, tiff):
    upload = begin(client, len(tiff)).json()["id"]
    whole = {"id": upload, "size": len(tiff)}
    assert send(client, upload, tiff[:1000]).json() == whole | {"offset": 1000}
    assert client.get(f"/api/uploads/{upload}").json() == whole | {"offset": 1000}
    wrong = send(client, upload, tiff, offset=0)
    assert (wrong.status_code, "1000 bytes have arrived" in wrong.text) == (409, True)
    answer = send(client, upload, tiff[1000:], offset=1000)
    assert Workspace().tomogram(upload).source.read_bytes() == tiff
    assert answer.json()["sha256"] == hashlib.sha256(tiff).hexdigest()


def test_an_answer_that_got_lost_is_given_again(client, tiff):
    first = sent(client, tiff)
    upload = first.json()["id"]
    assert client.get(f"/api/uploads/{upload}").json()["offset"] == len(tiff)
    assert send(client, upload, b"", offset=len(tiff)).json() == first.json()


class Connection:
    """A request whose body comes when the test wants, straight to the application."""

    def __init__(self, app, upload, offset):
        self.messages, self.inbox = anyio.create_memory_object_stream(10)
        self.answer = None
        headers = token() | {"Host": "localhost", "Upload-Offset": str(offset)}
        self.scope = {
            "type": "http",
            "method": "PATCH",
            "path": f"/api/uploads/{upload}",
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        self.app = app

    async def run(self):
        async def keep(message):
            self.answer = self.answer or message.get("status")

        with self.inbox:
            await self.app(self.scope, self.inbox.receive, keep)

    async def send(self, body, *, more=True):
        await self.messages.send({"type": "http.request", "body": body, "more_body": more})

    async def hang_up(self):
        await self.messages.send({"type": "http.disconnect"})


def test_what_came_before_the_connection_broke_is_kept(client, tiff):
    upload = begin(client, len(tiff)).json()["id"]

    async def break_off():
        connection = Connection(client.app, upload, 0)
        with connection.messages:
            await connection.send(tiff[:500])
            await connection.hang_up()
            await connection.run()

    anyio.run(break_off)
    assert client.get(f"/api/uploads/{upload}").json()["offset"] == 500
    assert not Workspace().tomograms()
    send(client, upload, tiff[500:], offset=500)
    assert Workspace().tomogram(upload).source.read_bytes() == tiff


def test_a_connection_that_does_not_know_it_is_dead_adds_nothing(client, tiff, monkeypatch):
    monkeypatch.setattr(receiving, "_PIECE_BYTES", 1)
    upload = begin(client, len(tiff)).json()["id"]

    async def two_at_once():
        old = Connection(client.app, upload, 0)
        with old.messages:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(old.run)
                await old.send(tiff[:500])
                while (
                    Workspace().uploads_folder / upload / "content" / "cell.tif"
                ).stat().st_size < 500:
                    await anyio.lowlevel.checkpoint()
                new = Connection(client.app, upload, 500)
                with new.messages:
                    await new.send(tiff[500:], more=False)
                    await new.run()
                await old.send(b"x" * 100)
        assert (old.answer, new.answer) == (409, 201)

    anyio.run(two_at_once)
    assert Workspace().tomogram(upload).source.read_bytes() == tiff


def test_a_cancelled_upload_is_deleted(client, tiff):
    upload = begin(client, len(tiff)).json()["id"]
    send(client, upload, tiff[:1000])
    assert client.delete(f"/api/uploads/{upload}").status_code == 204
    assert client.get(f"/api/uploads/{upload}").status_code == 404
    assert not left_behind()


@pytest.mark.parametrize("name", ["../../evil.tif", "C:\\evil.tif", "/etc/evil.tif"])
def test_a_name_cannot_leave_the_workspace(client, tiff, name):
    tomogram = Workspace().tomogram(sent(client, tiff, name).json()["id"])
    assert tomogram.source.is_relative_to(tomogram.folder)


@pytest.mark.parametrize("upload", ["..", "%2e%2e", "0" * 18, "x", "..%2f..%2fetc"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_upload_is_not_found(client, upload, method):
    answer = client.request(method, f"/api/uploads/{upload}", headers={"Upload-Offset": "0"})
    assert answer.status_code in (404, 405)


@pytest.mark.parametrize(
    ("size", "name", "status", "message"),
    [(0, "a.tif", 422, "empty"), (9, " ", 422, "name"), ("x", "a.tif", 400, "size")],
)
def test_what_cannot_be_used_is_not_begun(client, size, name, status, message):
    answer = begin(client, size, name)
    assert (answer.status_code, message in answer.text) == (status, True)


def test_what_is_no_tomogram_is_refused_and_leaves_nothing(client):
    answer = sent(client, b"no tomogram" * 100, "a.tif")
    assert (answer.status_code, "a.tif" in answer.text) == (422, True)
    assert not left_behind()


def test_a_file_over_the_limit_is_refused(client, tiff, monkeypatch):
    monkeypatch.setenv("DEEPSXT_MAX_UPLOAD_GB", "1e-6")
    answer = begin(client, len(tiff))
    assert (answer.status_code, "1e-06 GB" in answer.text) == (413, True)
    upload = begin(client, 1000).json()["id"]
    assert send(client, upload, tiff).status_code == 400
    assert client.get(f"/api/uploads/{upload}").json()["offset"] <= 1000


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8501"}, 201),
        ({"Origin": "http://localhost:8502"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
        ({"X-DeepSXT-Token": "guessed"}, 403),
        ({"X-DeepSXT-Token": ""}, 403),
    ],
)
def test_only_our_own_pages_may_upload(client, tiff, headers, status):
    upload = begin(client, len(tiff)).json()["id"]
    assert begin(client, len(tiff), headers=headers).status_code == status
    assert send(client, upload, tiff, headers=headers).status_code == status
    if status == 403:
        assert client.delete(f"/api/uploads/{upload}", headers=headers).status_code == 403


class TestFiles:
    """What is no tomogram: models, labelled slices."""

    def test_a_file_waits_until_it_is_taken(self, client):
        content = b"no tomogram at all"
        upload = begin(client, len(content), "weights.h5", kind="file").json()["id"]
        with pytest.raises(DeepSXTError, match=r"weights\.h5.*as a whole"):
            uploads.whole(Workspace(), upload)
        answer = send(client, upload, content)
        assert answer.status_code == 201
        assert answer.json()["sha256"] == hashlib.sha256(content).hexdigest()
        assert send(client, upload, b"", offset=len(content)).json() == answer.json()
        arrived = uploads.whole(Workspace(), upload)
        assert (arrived.name, arrived.path.read_bytes()) == ("weights.h5", content)
        assert not Workspace().tomograms()
        uploads.discard(Workspace(), upload)
        assert not left_behind()

    def test_a_tomogram_on_its_way_is_no_file_to_take(self, client, tiff):
        upload = begin(client, len(tiff)).json()["id"]
        with pytest.raises(DeepSXTError):
            uploads.whole(Workspace(), upload)

    def test_another_kind_is_refused(self, client):
        assert begin(client, 9, kind="folder").status_code == 422


class TestManyAtOnce:
    def test_all_that_are_on_their_way_have_room(self, client, monkeypatch):
        room = shutil.disk_usage(Workspace().folder.parent).free
        monkeypatch.setenv("DEEPSXT_MAX_UPLOAD_GB", "1e9")
        first = begin(client, room * 2 // 3)
        assert first.status_code == 201
        second = begin(client, room * 2 // 3)
        assert (second.status_code, "GB left" in second.text) == (413, True)
        client.delete(f"/api/uploads/{first.json()['id']}")
        assert begin(client, room * 2 // 3).status_code == 201

    def test_only_so_many_are_on_their_way(self, client, monkeypatch):
        monkeypatch.setattr(uploads, "MOST_PENDING", 3)
        begun = [begin(client, 9) for _ in range(3)]
        assert begin(client, 9).status_code == 503
        hour_ago = time.time() - 3601
        path = uploads.find(Workspace(), begun[0].json()["id"]).path
        os.utime(path, (hour_ago, hour_ago))
        assert begin(client, 9).status_code == 201
        assert client.get(f"/api/uploads/{begun[0].json()['id']}").status_code == 404
        assert client.get(f"/api/uploads/{begun[1].json()['id']}").status_code == 200

    def test_a_busy_computer_loses_nothing(self, client, tiff, monkeypatch):
        def busy(*_):
            raise BusyError("This computer is too busy.")

        upload = begin(client, len(tiff)).json()["id"]
        with monkeypatch.context() as patch:
            patch.setattr("deepsxt_core.workspace.library.probe", busy)
            answer = send(client, upload, tiff)
            assert (answer.status_code, answer.text) == (503, "This computer is too busy.")
        assert client.get(f"/api/uploads/{upload}").json()["offset"] == len(tiff)
        assert send(client, upload, b"", offset=len(tiff)).status_code == 201
        assert Workspace().tomogram(upload).source.read_bytes() == tiff

    @pytest.mark.probe
    @pytest.mark.slow
    def test_six_that_are_costly_to_open_are_all_accepted(self, client, monkeypatch):
        """Each takes about the time that it may take; two are looked at, the others wait.

        Where this computer has no time for them the sender is told so, and asks again.
        """
        script = (
            "import json, pathlib, sys, time\n"
            "begun = time.process_time()\n"
            "while time.process_time() < begun + 1.5: pass\n"
            "print(json.dumps({'shape': [1, 1, 1]}))\n"
        )
        monkeypatch.setattr("deepsxt_core.io.probe.COMMAND", (sys.executable, "-c", script))
        limits = limited.ProcessLimits(seconds=2)
        monkeypatch.setattr("deepsxt_core.io.probe.ProcessLimits", lambda: limits)

        def arrived(n):
            upload = begin(client, 505, f"{n}.tif").json()["id"]
            answer = send(client, upload, bytes(505))
            while answer.status_code == 503:
                answer = send(client, upload, b"", offset=505)
            return answer.status_code

        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(arrived, range(6))) == [201] * 6
        assert len(Workspace().tomograms()) == 6


@pytest.mark.parametrize("size", ["9" * 5000, "-" + "9" * 5000])
def test_a_size_of_thousands_of_digits_is_refused(client, size):
    assert begin(client, size).status_code == 400
