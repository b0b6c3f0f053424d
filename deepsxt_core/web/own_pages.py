"""Only the app's own pages may change anything: they know a token that nobody else can read."""

import secrets
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from deepsxt_core.web.responses import HttpError

TOKEN = secrets.token_urlsafe(24)
"""What the app's own pages have to show; a new one for each start of the server."""


def from_our_page(
    work: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Refuse what does not know the token; other sites' pages do not get past the guard."""

    @wraps(work)
    async def checked(request: Request) -> Response:
        token = request.headers.get("x-deepsxt-token", "")
        if not secrets.compare_digest(token.encode(), TOKEN.encode()):
            raise HttpError(403, "This page is out of date. Reload it, then do it once more.")
        return await work(request)

    return checked
