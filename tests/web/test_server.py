"""The process that serves the app: started, told to end, and what it does not wait for."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.web import server

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")

ROOT = Path(__file__).resolve().parents[2]
START = "from deepsxt_core.web import server; server.HEADER_TIMEOUT_S = 1; "
SERVE = START + "server.serve({port}, 'localhost', print)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(port: int, path: str = "/_stcore/health", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


@contextlib.contextmanager
def serving(*before: str):
    """Yield the port and the process of a server that is ready, started by the command before."""
    port = free_port()
    process = subprocess.Popen(
        [*before, sys.executable, "-c", SERVE.format(port=port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert f":{port} " in process.stdout.readline()
        yield port, process
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextlib.contextmanager
def busy(port: int):
    """Keep connections open: one that says nothing, one that reads nothing, one in a request."""
    with contextlib.ExitStack() as stack:
        for said in (b"", b"GET /", b"PUT /api/uploads/x HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(said)
        yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_frees_the_port(number):
    with serving() as (port, process), busy(port):
        assert status(port) == 200
        begun = time.monotonic()
        process.send_signal(number)
        assert process.wait(30) == 0
        assert time.monotonic() - begun < 5
        assert is_free(port)


def test_the_first_process_of_a_container_ends_too():
    unshare = shutil.which("unshare")
    command = [unshare, "--pid", "--fork", "--kill-child"]
    if unshare is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no process can be the first of its own here")
    with serving(*command) as (port, process):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        assert process.wait(5) == 0
        assert is_free(port)


def test_a_connection_that_does_not_say_what_it_wants_is_closed():
    with serving() as (port, _):
        for said in (b"", b"GET / HTTP/1.1\r\nHost: local"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(said)
                with contextlib.suppress(ConnectionResetError):
                    assert connection.recv(1) == b""
        assert status(port) == 200


def test_what_came_in_time_is_answered_however_long_it_takes():
    """A second request on a connection, and pauses longer than the limit between the two."""
    with serving() as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            for _ in range(2):
                connection.request("GET", "/_stcore/health")
                assert connection.getresponse().read()
                time.sleep(1.5)


def test_a_foreign_name_is_refused_by_the_running_app():
    with serving() as (port, _):
        assert status(port, "/", Host="evil.example") == 421
        assert status(port, "/", Host=f"localhost:{port}") == 200
        handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        handshake |= {"Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
        own, other = f"localhost:{port}", f"localhost:{port + 1}"
        for host, origin in ((own, own), (own, other), ("evil.example", "evil.example")):
            answer = status(
                port, "/_stcore/stream", Host=host, Origin=f"http://{origin}", **handshake
            )
            assert answer == (101 if (host, origin) == (own, own) else 403)


def test_a_port_that_is_taken_is_told():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DeepSXTError, match=f"Port {port} at localhost.*--port"):
            server.serve(port, "localhost", print)


def test_an_address_of_another_computer_is_told():
    with pytest.raises(DeepSXTError, match=r"192\.0\.2\.1"):
        server.serve(0, "192.0.2.1", print)
