"""Who is answered, and what the answers let a browser do."""

import re

import anyio
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from deepsxt_core.web import guard
from deepsxt_core.web.guard import Guard


async def body(request):
    return PlainTextResponse(f"{len(await request.body())}")


async def greet(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


ROUTES = [
    Route("/page", body, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    Route("/component/part/index.html", body),
    WebSocketRoute("/stream", greet),
]


@pytest.fixture
def client():
    app = Starlette(routes=ROUTES, middleware=[Middleware(Guard)])
    with TestClient(app, base_url="http://localhost:8501") as client:
        yield client


LOCAL = ["localhost:8501", "localhost", "LOCALHOST:8501", "localhost.:8501", "127.0.0.1", "[::1]:9"]
FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "localhost@evil.example",
    "127.0.0.1.nip.example:8501",
    "192.168.0.7",
    "::1",
    "",
]


@pytest.mark.parametrize("host", LOCAL)
def test_this_computer_is_answered_under_its_local_names(client, host):
    assert client.get("/page", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_points_here_is_not_answered(client, host, method):
    answer = client.request(method, "/page", headers={"Host": host})
    assert (answer.status_code, "DEEPSXT_ALLOWED_HOSTS" in answer.text) == (421, True)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_server_has_the_names_that_it_was_given(client, monkeypatch):
    monkeypatch.setenv("DEEPSXT_ALLOWED_HOSTS", "beamline.example, Other")
    for host in ("beamline.example:80", "other", "localhost"):
        assert client.get("/page", headers={"Host": host}).status_code == 200
    assert client.get("/page", headers={"Host": "evil.example"}).status_code == 421


SAME = ["http://localhost:8501", "HTTP://LOCALHOST:8501"]
OTHER = [
    "http://localhost:8502",
    "http://localhost",
    "http://127.0.0.1:8501",
    "http://evil.example:8501",
    "file://localhost:8501",
    "localhost:8501",
    "null",
    "",
]


def handshake(client, **headers):
    with client.websocket_connect("ws://localhost:8501/stream", headers=headers) as websocket:
        return websocket.receive_text()


@pytest.mark.parametrize("origin", SAME)
def test_the_own_pages_may_change_things(client, origin):
    assert client.post("/page", headers={"Origin": origin}).status_code == 200
    assert handshake(client, origin=origin) == "hello"


@pytest.mark.parametrize("origin", OTHER)
def test_pages_of_another_host_or_port_may_not(client, origin):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/page", headers={"Origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect):
        handshake(client, origin=origin)


def test_a_rebound_name_gets_no_websocket(client):
    host = "evil.example:8501"
    with pytest.raises(WebSocketDisconnect):
        handshake(client, host=host, origin=f"http://{host}")
    with pytest.raises(WebSocketDisconnect):
        handshake(client, host=host)


def test_default_ports_need_not_be_spelt_out(client, monkeypatch):
    monkeypatch.setenv("DEEPSXT_ALLOWED_HOSTS", "beamline.example")
    headers = {"Host": "beamline.example", "Origin": "https://beamline.example:443"}
    assert client.post("/page", headers=headers).status_code == 200
    assert (
        client.post("/page", headers=headers | {"Host": "beamline.example:80"}).status_code == 403
    )


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_here_and_nothing_else(client, site):
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/page", headers=link).status_code == 200
    assert client.post("/page", headers=link).status_code == 403
    for other in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors"}):
        assert client.get("/page", headers=link | other).status_code == 403


@pytest.mark.parametrize("path", ["/page", "/no-such-page", "/component/part/index.html"])
def test_every_answer_carries_the_policy(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    allowed = re.sub(r"wss?://localhost:8501", "", policy)
    assert "://" not in allowed
    assert " * " not in f" {allowed} "
    framed = path.startswith("/component/")
    assert ("frame-ancestors 'self'" if framed else "frame-ancestors 'none'") in policy
    assert headers["x-frame-options"] == ("SAMEORIGIN" if framed else "DENY")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_who_stops_sending_has_left(monkeypatch):
    monkeypatch.setattr(guard, "BODY_PAUSE_S", 0.05)
    told = []

    async def app(scope, receive, send):  # noqa: ARG001
        while (message := await receive())["type"] != "http.disconnect":
            told.append(message["body"])

    async def run():
        send, receive = anyio.create_memory_object_stream(1)
        scope = {"type": "http", "method": "PUT", "path": "/", "headers": [(b"host", b"localhost")]}
        with send, receive:
            await send.send({"type": "http.request", "body": b"part", "more_body": True})
            with anyio.fail_after(10):
                await Guard(app)(scope, receive.receive, None)

    anyio.run(run)
    assert told == [b"part"]
