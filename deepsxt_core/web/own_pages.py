"""Only the app's own pages may change anything: they know a token that nobody else can read."""

import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from deepsxt_core.web.responses import HttpError
from deepsxt_core.workspace import Workspace

_NAME = "page-token"
_TOKEN_BYTES = 24
_OF_THIS_START = secrets.token_urlsafe(_TOKEN_BYTES)


def token() -> str:
    """Return what the app's own pages have to show.

    It stays the same from start to start, so that a page that was open meanwhile can go on.
    """
    path = Workspace().folder / _NAME
    with suppress(OSError, UnicodeError):
        if kept := path.read_text(encoding="ascii"):
            return kept
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of several that write at once, the first is right for all.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{_NAME}.") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES).encode())
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
        return path.read_text(encoding="ascii") or _OF_THIS_START
    except (OSError, UnicodeError):
        return _OF_THIS_START  # Nothing can be written now.


def from_our_page(
    work: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Refuse what does not know the token; other sites' pages do not get past the guard."""

    @wraps(work)
    async def checked(request: Request) -> Response:
        shown = request.headers.get("x-deepsxt-token", "")
        known = await run_in_threadpool(token)
        if not secrets.compare_digest(shown.encode(), known.encode()):
            raise HttpError(403, "This page is out of date. Reload it, then do it once more.")
        return await work(request)

    return checked
