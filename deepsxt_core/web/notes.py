"""HTTP routes for notes at places of a tomogram.

::

    GET    /api/tomograms/<id>/notes             all of them
    POST   /api/tomograms/<id>/notes             {"at": [z, y, x], "text"}: one more
    DELETE /api/tomograms/<id>/notes/<number>
    GET    /api/tomograms/<id>/notes.csv

Each but the last answers with all notes there are then. A change needs the token of the app's own
pages.
"""

from dataclasses import asdict
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.web.asked_planes import number_in
from deepsxt_core.web.own_pages import from_our_page
from deepsxt_core.web.responses import ASK_AGAIN, answer, body_of, object_in
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.point_notes import (
    add_point_note,
    point_notes,
    point_notes_csv,
    remove_point_note,
)

_MOST_BODY_BYTES = 1 << 14


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    notes = "/api/tomograms/{tomogram}/notes"
    return [
        Route(notes, answer(_told), methods=["GET"]),
        Route(notes, answer(from_our_page(_added)), methods=["POST"]),
        Route(f"{notes}/{{number}}", answer(from_our_page(_removed)), methods=["DELETE"]),
        Route(f"{notes}.csv", answer(_table)),
    ]


def notes_address(tomogram: Tomogram) -> str:
    """Return where the notes of a tomogram are, relative to the app's root."""
    return f"api/tomograms/{tomogram.id}/notes"


def _told(request: Request) -> Response:
    return _all_of(_tomogram(request))


async def _added(request: Request) -> Response:
    content = await body_of(request, _MOST_BODY_BYTES)

    def add() -> Response:
        told, tomogram = object_in(content), _tomogram(request)
        at, text = told.get("at"), told.get("text")
        if not (isinstance(at, list) and all(type(n) is int for n in at) and isinstance(text, str)):
            raise InvalidParameterError(
                "A note has a place, at, of three whole numbers, and a text."
            )
        add_point_note(tomogram, at, text)
        return _all_of(tomogram)

    return await run_in_threadpool(add)


async def _removed(request: Request) -> Response:
    def remove() -> Response:
        tomogram = _tomogram(request)
        remove_point_note(tomogram, number_in("number", request.path_params))
        return _all_of(tomogram)

    return await run_in_threadpool(remove)


def _table(request: Request) -> Response:
    tomogram = _tomogram(request)
    table = point_notes_csv(point_notes(tomogram), tomogram.volume().voxel_size_nm)
    stem = Path(tomogram.name).stem.encode("ascii", "replace").decode().replace('"', "")
    headers = ASK_AGAIN | {"Content-Disposition": f'attachment; filename="{stem}_notes.csv"'}
    return Response(table, media_type="text/csv", headers=headers)


def _tomogram(request: Request) -> Tomogram:
    return Workspace().tomogram(request.path_params["tomogram"])


def _all_of(tomogram: Tomogram) -> Response:
    notes = [asdict(note) for note in point_notes(tomogram)]
    return JSONResponse({"notes": notes}, headers=ASK_AGAIN)
