"""Uploads over HTTP, streamed in pieces and resumed after a broken connection.

::

    POST   /api/uploads?name=&size=&kind=   prepare; answers {"id": …, "offset": 0}
    GET    /api/uploads/<id>          how much has arrived: {"id": …, "offset": …, "size": …}
    PATCH  /api/uploads/<id>          the bytes from the header Upload-Offset on, as the body
    DELETE /api/uploads/<id>          give up

The answer to the last byte is 201 with the tomogram, or with the file that waits to be taken:
{"id": …, "name": …, "sha256": …}. Asking again after it got lost gives the same answer. All but
GET need the token that the app's own pages get, in the header X-DeepSXT-Token. Nothing here holds
more than one piece of a file in memory; the hash is computed while the pieces arrive.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.web.own_pages import from_our_page
from deepsxt_core.web.responses import HttpError, Waiting, answer
from deepsxt_core.workspace import Tomogram, Workspace, uploads
from deepsxt_core.workspace.uploads import Upload

_PIECE_BYTES = 4 * 2**20


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Turn:
    """Which request may add to an upload: the latest."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    owner: object = None


_looking = Waiting(8)

# Those of requests that are at work.
_turns: WeakValueDictionary[Path, _Turn] = WeakValueDictionary()


def routes() -> list[BaseRoute]:
    """Return the routes of uploads."""
    one = "/api/uploads/{upload}"
    return [
        Route("/api/uploads", answer(from_our_page(_begin)), methods=["POST"]),
        Route(one, answer(_tell), methods=["GET"]),
        Route(one, answer(from_our_page(_receive)), methods=["PATCH"]),
        Route(one, answer(from_our_page(_discard)), methods=["DELETE"]),
    ]


async def _begin(request: Request) -> Response:
    query = request.query_params
    try:
        size = int(query.get("size", ""))
    except ValueError:
        raise HttpError(400, "The size of the file is missing.") from None
    name, kind = query.get("name", "").strip(), query.get("kind", "tomogram")
    upload = await run_in_threadpool(uploads.begin, Workspace(), name, size, kind)
    return JSONResponse({"id": upload.id, "offset": 0}, 201)


def _tell(request: Request) -> Response:
    upload_id, workspace = request.path_params["upload"], Workspace()
    done = _finished(workspace, upload_id)
    if done is not None:
        size = done.source.stat().st_size
        return _so_far(upload_id, size, size)
    upload = uploads.find(workspace, upload_id)
    return _so_far(upload_id, upload.received, upload.size)


async def _receive(request: Request) -> Response:
    upload_id, workspace = request.path_params["upload"], Workspace()
    turn = _turns.setdefault(workspace.uploads_folder / upload_id, _Turn())
    # An earlier request, whose connection broke, may not have noticed yet.
    turn.owner = me = object()
    async with _held(turn, me):
        done = await run_in_threadpool(_finished, workspace, upload_id)
        if done is not None:
            return _arrived(done)
        upload = await run_in_threadpool(uploads.find, workspace, upload_id)
        offset = request.headers.get("upload-offset", "")
        if offset != str(upload.received):
            raise HttpError(
                409, f"{upload.received} bytes have arrived; these begin at '{offset}'."
            )
        arrival = await run_in_threadpool(uploads.Arrival, upload.path)
    with arrival:
        await _add(request, upload, arrival, lambda: _held(turn, me))
    if arrival.n_bytes < upload.size:
        return _so_far(upload_id, arrival.n_bytes, upload.size)
    async with _held(turn, me):
        if upload.kind == "file":
            told = {"id": upload.id, "name": upload.name, "sha256": arrival.sha256}
            return JSONResponse(told, 201)
        tomogram = await _looking.run(uploads.accept, workspace, upload, arrival.sha256)
    return _arrived(tomogram)


async def _add(
    request: Request,
    upload: Upload,
    arrival: uploads.Arrival,
    held: Callable[[], AbstractAsyncContextManager[None]],
) -> None:
    """Append the body of the request, as far as it comes."""
    piece = bytearray()

    async def keep() -> None:
        async with held():
            await run_in_threadpool(arrival.add, piece)

    try:
        async for chunk in request.stream():
            if arrival.n_bytes + len(piece) + len(chunk) > upload.size:
                raise HttpError(
                    400, f"'{upload.name}' was announced with {upload.size} bytes, and has more."
                )
            piece += chunk
            if len(piece) >= _PIECE_BYTES:
                await keep()
                piece = bytearray()
    except ClientDisconnect:
        # What came before the connection broke counts, too.
        await keep()
        raise
    await keep()


@asynccontextmanager
async def _held(turn: _Turn, owner: object) -> AsyncIterator[None]:
    async with turn.lock:
        if turn.owner is not owner:
            raise HttpError(409, "The upload goes on in another request.")
        yield


async def _discard(request: Request) -> Response:
    upload_id, workspace = request.path_params["upload"], Workspace()
    turn = _turns.setdefault(workspace.uploads_folder / upload_id, _Turn())
    turn.owner = None
    async with turn.lock:
        await run_in_threadpool(uploads.discard, workspace, upload_id)
    return Response(status_code=204)


def _finished(workspace: Workspace, upload_id: str) -> Tomogram | None:
    try:
        return workspace.tomogram(upload_id)
    except DeepSXTError:
        return None


def _arrived(tomogram: Tomogram) -> Response:
    sha256 = tomogram.input_sha256()
    return JSONResponse({"id": tomogram.id, "name": tomogram.name, "sha256": sha256}, 201)


def _so_far(upload_id: str, offset: int, size: int) -> Response:
    told = {"id": upload_id, "offset": offset, "size": size}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})
