import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.chromium import chromium
from tests.waiting import wait_until

# A busy machine is no failure.
expect.set_options(timeout=60_000)

ROOT = Path(__file__).resolve().parents[2]
VIEWPORT = {"width": 1200, "height": 800}


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory):
    """The workspace, the log and the address of an app that runs while all tests do."""
    folder = tmp_path_factory.mktemp("shared app")
    home, log = folder / "workspace", folder / "server.log"
    with running_app(home, log) as address:
        yield home, log, address


@pytest.fixture
def workspace_home(request, workspace_home, monkeypatch):
    """The shared app's workspace for tests that use that app, else an empty one of the test's."""
    if "server" not in request.fixturenames:
        return workspace_home
    home, _, _ = request.getfixturevalue("shared_app")
    monkeypatch.setenv("DEEPSXT_HOME", str(home))
    return home


@pytest.fixture
def server(shared_app):
    """The address of an app whose workspace holds what tests before left there."""
    _, log, address = shared_app
    begun = log.stat().st_size
    yield address
    assert b"Traceback" not in log.read_bytes()[begun:]


@pytest.fixture(scope="package")
def browser():
    """One for all tests of this folder."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def context(browser):
    """One for all: scripts that were fetched and translated for one test are so for the next."""
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A tab; at its end no request may have left this computer and no script may have failed.

    What it has kept in the browser is forgotten, but for what answers allow a cache to keep.
    """
    page = context.new_page()
    asked, failures = [], []
    page.on("request", lambda request: asked.append(urlsplit(request.url)))
    page.on("websocket", lambda websocket: asked.append(urlsplit(websocket.url)))
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    session = context.new_cdp_session(page)
    for origin in {f"{url.scheme}://{url.netloc}" for url in asked if url.scheme == "http"}:
        kinds = {"origin": origin, "storageTypes": "cookies,local_storage,indexeddb"}
        session.send("Storage.clearDataForOrigin", kinds)
    context.clear_permissions()
    for each in context.pages:
        each.close()
    assert {url.hostname for url in asked} <= {"localhost", None}
    assert not failures


@pytest.fixture
def violations(page):
    """What the policy made the browser refuse."""
    found = []
    page.on(
        "console",
        lambda message: found.append(message.text) if "Security Policy" in message.text else None,
    )
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_app(workspace_home, log, port=None):
    """Yield the address of an app that runs meanwhile; it is killed without a traceback of it."""
    port = port or free_port()
    address = f"http://localhost:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deepsxt_core.cli", "app", "--port", str(port)],
            cwd=ROOT,
            env={"DEEPSXT_ENGINE": "keras"} | os.environ | {"DEEPSXT_HOME": str(workspace_home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _healthy(address, process), 60)
        yield address
        assert "Traceback" not in log.read_text(errors="replace")
    finally:
        process.kill()
        process.wait(30)


def _healthy(address: str, process: subprocess.Popen) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
