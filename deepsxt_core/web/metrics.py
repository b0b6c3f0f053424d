"""Figures of the server for Prometheus, where a token for them is set (``DEEPSXT_METRICS_TOKEN``).

``GET /metrics`` answers who bears the token with numbers alone: nothing tells of a person, a
tomogram or a file. Where several people use the server the numbers are of all of them together,
which is why no login gives them. The format is that of text, version 0.0.4:
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import hmac
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import psutil
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepsxt_core import settings
from deepsxt_core.jobs.store import list_jobs
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.room import used_bytes
from deepsxt_core.web.responses import answer
from deepsxt_core.workspace import Workspace

_MEDIA_TYPE = "text/plain; version=0.0.4"
# To count all files takes a while, and nobody needs to know it to the second.
_COUNTED_S = 300.0
_OF_A_TOMOGRAM = frozenset(
    ("annotations", "bundles", "display", "figure", "films", "measurements", "notes", "planes")
) | {"profile", "reports", "scores", "slices", "surfaces"}
_OF_STREAMLIT = frozenset(("_stcore", "static", "component", "media", "oauth2callback"))

_lock = threading.Lock()
_answered: Counter[tuple[str, str]] = Counter()


class Counted:
    """Middleware that counts what is answered, by kind of route and status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                with _lock:
                    _answered[route_class(scope["path"]), str(message["status"])] += 1
            await send(message)

        await self._app(scope, receive, counting)


def routes(workspaces: Callable[[], Sequence[Workspace]]) -> list[BaseRoute]:
    """Return the route of the figures of these workspaces; none without a token."""
    if settings.metrics_token() is None:
        return []

    def figures(request: Request) -> Response:
        told = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(told, f"Bearer {settings.metrics_token()}".encode()):
            return PlainTextResponse("A token is needed.", 401, {"WWW-Authenticate": "Bearer"})
        text = "".join(f"{line}\n" for line in _lines(workspaces()))
        return Response(text, media_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    return [Route("/metrics", answer(figures))]


def route_class(path: str) -> str:
    """Return what an address is for, as one of few words: never a part that names something."""
    first, second, *rest = [*path.strip("/").split("/"), "", ""]
    if first == "api" and second == "tomograms":
        kind = rest[1] if len(rest) > 1 else ""
        return kind if kind in _OF_A_TOMOGRAM else "tomograms"
    if first == "api":
        return second if second == "uploads" else "api"
    if first in _OF_STREAMLIT:
        return "streamlit"
    return first if first in ("ui", "metrics") else "pages"


def _lines(workspaces: Sequence[Workspace]) -> Iterator[str]:
    jobs = [job for workspace in workspaces for job in list_jobs(workspace)]
    states: Counter[tuple[str, str]] = Counter()
    worked_s: dict[str, float] = {}
    for job in jobs:
        kind: str = job.kind if job.kind in TASKS else "unknown"
        states[kind, job.state] += 1
        if job.status.started and job.status.updated:
            worked = job.status.updated - job.status.started
            worked_s[kind] = worked_s.get(kind, 0.0) + worked.total_seconds()
    yield from _family("deepsxt_jobs", "gauge", "Jobs that are not cleaned up yet.")
    for (kind, state), count in sorted(states.items()):
        yield f'deepsxt_jobs{{kind="{kind}",state="{state}"}} {count}'
    yield from _family("deepsxt_jobs_waiting", "gauge", "Jobs that wait for their turn.")
    yield f"deepsxt_jobs_waiting {sum(job.is_waiting for job in jobs)}"
    yield from _family("deepsxt_jobs_worked_seconds", "gauge", "How long those jobs have worked.")
    for kind, seconds in sorted(worked_s.items()):
        yield f'deepsxt_jobs_worked_seconds{{kind="{kind}"}} {seconds:.3f}'
    yield from _family("deepsxt_requests_total", "counter", "Answered requests.")
    with _lock:
        answered = sorted(_answered.items())
    for (route, status), count in answered:
        yield f'deepsxt_requests_total{{route="{route}",status="{status}"}} {count}'
    yield from _family("process_resident_memory_bytes", "gauge", "Memory of the server's process.")
    yield f"process_resident_memory_bytes {psutil.Process().memory_info().rss}"
    yield from _family("deepsxt_workspaces", "gauge", "Workspaces.")
    yield f"deepsxt_workspaces {len(workspaces)}"
    yield from _family("deepsxt_workspaces_bytes", "gauge", "What all workspaces take on the disk.")
    taken = sum(used_bytes(workspace.folder, _COUNTED_S) for workspace in workspaces)
    yield f"deepsxt_workspaces_bytes {taken}"


def _family(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"
