"""Who may talk to the server, and what its pages may do in a browser.

A site that a user visits can have its name point to this computer (DNS rebinding), send requests
from its own pages, or show the app in a frame of its own. Every request, of a page, of Streamlit's
WebSocket and of our routes alike, therefore passes here: its host has to be one of
`deepsxt_core.settings.allowed_hosts`, its origin the host and port that it came to, and the answer
carries a policy that lets a page load from this server alone.

Where several people use the server, all below ``/api/`` is done as who the cookies say, or not at
all. The pages ask the same for themselves; what both need is the workspace, and there is none for
nobody (`deepsxt_core.access`).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepsxt_core import access, settings
from deepsxt_core.access import Access

BODY_PAUSE_S = 60.0
"""How long a sender may pause within the body of a request."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Streamlit shows components of its first generation in frames of their own, from here.
_FRAMED = "/component/"
# What Streamlit takes in from its own pages comes there.
_FOR_SOMEBODY = ("/api/", "/_stcore/upload_file/")

WhoIsThere = Callable[[Mapping[str, str]], Access | None]
"""Tells from cookies what somebody may do; None if that is nothing."""


class Guard:
    """Middleware in front of everything that the server answers.

    Parameters
    ----------
    app : callable
    who : callable, optional
        Asked where several people use the server (`settings.people_folder`).
    """

    def __init__(self, app: ASGIApp, who: WhoIsThere = lambda _: None) -> None:
        self._app, self._who = app, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = _refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal[1][:100]})
            else:
                await self._app(scope, receive, send)
            return
        host = "" if refusal else headers["host"]
        send = _with_headers(send, dict(_policies(scope["path"], host)))
        known = None
        if refusal is None and scope["path"].startswith(_FOR_SOMEBODY) and settings.people_folder():
            known = await run_in_threadpool(self._who, cookie_parser(headers.get("cookie", "")))
            refusal = _not_allowed(known, scope["method"])
            # Who uses the same browser after somebody gets nothing that it kept of them.
            send = _with_headers(send, {"Vary": "Cookie"})
        if refusal is not None:
            status, reason = refusal
            await PlainTextResponse(reason, status)(scope, receive, send)
        else:
            with access.given(known):
                await self._app(scope, _impatient(receive), send)


def _refusal(scope: Scope, headers: Headers) -> tuple[int, str] | None:
    """Return why a request is not answered, as a status and a sentence; None if it is."""
    hosts = headers.getlist("host")
    name, _ = _host_and_port(hosts[0]) if len(hosts) == 1 else ("", "")
    if name not in settings.allowed_hosts():
        return 421, (
            f"The app does not answer to the name '{name[:100]}'. Open it as localhost, or start "
            "it with this name in DEEPSXT_ALLOWED_HOSTS."
        )
    changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
    origin = headers.get("origin")
    if changes and origin is not None and not _same_origin(origin, hosts[0]):
        return 403, "Only the app's own pages may do this."
    site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
    # A link on another page may lead here; nothing else there may fetch from here.
    followed = mode == "navigate" and headers.get("sec-fetch-dest") == "document"
    if site not in (None, "same-origin", "none") and not (followed and not changes):
        return 403, "Only the app's own pages may do this."
    return None


def _not_allowed(known: Access | None, method: str) -> tuple[int, str] | None:
    if known is None:
        return 401, "Sign in first."
    if not known.may_write and method not in _SAFE_METHODS:
        return 403, "You may look at this, and not change it."
    return None


def _host_and_port(host: str) -> tuple[str, str]:
    """Split what a ``Host`` header says; the port is empty where there is none."""
    name, colon, port = host.strip().lower().rpartition(":")
    if not colon or not port.isdecimal():
        name, port = host.strip().lower(), ""
    return name.removesuffix("."), port


def _same_origin(origin: str, host: str) -> bool:
    scheme, separator, place = origin.lower().partition("://")
    if not separator or scheme not in _DEFAULT_PORTS:
        return False
    # A proxy that speaks TLS to the browser keeps the host, so the scheme is that of the origin.
    default = _DEFAULT_PORTS[scheme]
    (name, port), (own_name, own_port) = _host_and_port(place), _host_and_port(host)
    return (name, port or default) == (own_name, own_port or default)


def _policies(path: str, host: str) -> Iterator[tuple[str, str]]:
    framed = path.startswith(_FRAMED)
    # Some browsers do not count a WebSocket to the same server as 'self'.
    sockets = f" ws://{host} wss://{host}" if host else ""
    policy = {
        "default-src": "'self'",
        # Streamlit makes the scripts of components from text: modules at blob addresses. Scenes
        # of PyVista are pages within the page, whose scripts stand in them; the policy of a page
        # holds for those too.
        "script-src": "'self' 'unsafe-inline' blob: 'wasm-unsafe-eval'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": f"'self' data: blob:{sockets}",
        "worker-src": "'self' blob:",
        "frame-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'" if framed else "'none'",
    }
    yield "Content-Security-Policy", "; ".join(f"{name} {where}" for name, where in policy.items())
    yield "X-Frame-Options", "SAMEORIGIN" if framed else "DENY"
    yield "X-Content-Type-Options", "nosniff"
    yield "Referrer-Policy", "same-origin"
    yield "Cross-Origin-Resource-Policy", "same-origin"
    yield "Cross-Origin-Opener-Policy", "same-origin"


def _with_headers(send: Send, added: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(added)
        await send(message)

    return send_with_headers


def _impatient(receive: Receive) -> Receive:
    """Return a `receive` that takes a sender who pauses too long as one who has left."""
    complete = False

    async def receive_or_leave() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(BODY_PAUSE_S):
                message = await receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        complete = not message.get("more_body", False)
        return message

    return receive_or_leave
