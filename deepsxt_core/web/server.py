"""The process that serves the app, and gives its port back when it is told to end."""

import asyncio
import errno
import importlib.util
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError

HEADER_TIMEOUT_S = 20.0
"""How long a connection may take to say what it wants."""

_EVERY_ADDRESS = ("0.0.0.0", "::")
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
# Of the 5 s in which the port is to be free; open pages and downloads get this long.
_GRACE_S = 3
_MOST_CONNECTIONS = 1000
_MESSAGE_BYTES = 64 * 10**6
_PING_S = 30


def serve(port: int, address: str, told: Callable[[str], None]) -> NoReturn:
    """Serve the app until a signal (SIGTERM, SIGINT) ends this process; never return.

    Parameters
    ----------
    port : int
        0 for any that is free.
    address : str
        To listen at. It is one of the names under which browsers may reach the app; those of
        ``0.0.0.0`` are in ``DEEPSXT_ALLOWED_HOSTS``.
    told : callable
        Called with a line for people once connections are accepted.

    Raises
    ------
    DeepSXTError
        If the port is taken, or there is no such address here.
    """
    sockets = _listening(port, address)
    # The first process of a container is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, _end)
    port = sockets[0].getsockname()[1]
    _prepare(port, address)
    server = uvicorn.Server(
        uvicorn.Config(
            _load_app(settings.installation_folder()),
            http=_Timed,
            ws="websockets-sansio",
            ws_max_size=_MESSAGE_BYTES,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            ws_per_message_deflate=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
            log_level="warning",
            access_log=False,
            server_header=False,
        )
    )
    # Streamlit sets levels and handlers of these logs itself.
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).addFilter(lambda record: record.levelno >= logging.WARNING)
    shown = "localhost" if address in _EVERY_ADDRESS else address
    told(f"DeepSXT runs at http://{shown}:{port} (Ctrl+C ends it)")
    failed = False
    try:
        server.run(sockets=sockets)
        failed = not server.started
    except KeyboardInterrupt:
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads that still draw a page or read a file must not hold the process.
        os._exit(int(failed))


def _end(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    sys.exit(0)


def _prepare(port: int, address: str) -> None:
    """Tell what is imported from now on where it is, through the environment."""
    folder = settings.installation_folder()
    # From here, before the folder changes.
    people = settings.people_folder()
    if people is None:
        os.environ.setdefault("DEEPSXT_HOME", str(settings.workspace_folder()))
    else:
        os.environ["DEEPSXT_PEOPLE"] = str(people)
        os.environ["DEEPSXT_LOGIN"] = str(settings.login_file())
    if address not in _EVERY_ADDRESS:
        name = f"[{address}]" if ":" in address else address
        named = [os.environ.get("DEEPSXT_ALLOWED_HOSTS", ""), name]
        os.environ["DEEPSXT_ALLOWED_HOSTS"] = ",".join(filter(None, named))
    os.environ["STREAMLIT_SERVER_PORT"] = str(port)
    # Streamlit reads its settings from the folder it is started in.
    os.chdir(folder)
    sys.path.insert(0, str(folder / "pages"))


def _load_app(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("deepsxt_app", folder / "app.py")
    if spec is None or spec.loader is None:
        raise DeepSXTError(f"There is no app in '{folder}'. Install DeepSXT again.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def _listening(port: int, address: str) -> list[socket.socket]:
    """Return sockets that listen at every address of that name, all at one port."""
    try:
        places = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise DeepSXTError(
            f"There is no address '{address}'. Use localhost, 0.0.0.0 or one of this computer."
        ) from error
    # IPv4 first: the port that it gets must be free there, as most programs ask there.
    places.sort(key=lambda place: place[0] != socket.AF_INET)
    found: list[socket.socket] = []
    for family, kind, protocol, _, (host, *_) in places:
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name != "nt":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind((host, found[0].getsockname()[1] if found else port))
            listening.listen(2048)
        except OSError as error:
            listening.close()
            if error.errno in _NOT_HERE:
                continue
            for other in found:
                other.close()
            raise DeepSXTError(
                f"Port {port} at {address} cannot be had ({error.strerror}). Another program, or "
                "another DeepSXT, may use it: give another one with --port."
            ) from error
        listening.setblocking(False)
        found.append(listening)
    if not found:
        raise DeepSXTError(f"'{address}' is no address of this computer. Use localhost or 0.0.0.0.")
    return found


class _Timed(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """HTTP whose connections are closed if they do not say in time what they want."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        else:
            self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        # A WebSocket has taken the connection over, where one was asked for.
        if self.transport.get_protocol() is self and not self.transport.is_closing():
            self.transport.abort()
