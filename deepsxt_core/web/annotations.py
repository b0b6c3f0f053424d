"""HTTP routes for annotations: what they hold, and what a browser does to them.

::

    GET  /api/tomograms/<id>/annotations/<a>                          what it is, who edits it
    GET  …/planes/<axis>/<index>?level=&v=&rows=&columns=             ids of a plane, uint16
    GET  …/objects                                                    table of objects and classes
    GET  …/objects/<number>                                           size and place of an object
    GET  …/files/<name>                                               labels and table, to keep
    GET  …/review?kind=&queue=                                        how far it is, what comes next
    POST …/operations   {"session", "owner", "operation"}             see docs/annotation.md
    POST …/undo, …/redo {"session", "owner"}
    POST …/preview      {"operation", "planes": {axis: index}}        what it would change there
    POST …/beat, …/leave {"session"}       …/take {"session", "owner"}

A change is answered with its box, what rows and classes are now (null for none), and the version.

``v`` is the number of entries in the journal: a plane of it never changes. ``rows`` and ``columns``
cut a part out (``first:end``, in pixels of the level). A change is answered once the journal has it
on the disk, with the box that it lies in. Of a session, which is a tab, the first change makes it
the editor; others get 423. All that is posted needs the token of the app's own pages.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.annotation import (
    Annotation,
    Applied,
    Box,
    MergeResult,
    Runs,
    extent_of,
    operation_from_json,
)
from deepsxt_core.errors import InvalidParameterError, LeaseError
from deepsxt_core.geometry import Shape
from deepsxt_core.io.pyramid import AXES, level_shapes
from deepsxt_core.web.asked_planes import number_in
from deepsxt_core.web.desks import Desk, desk_of
from deepsxt_core.web.label_planes import plane_of
from deepsxt_core.web.own_pages import from_our_page
from deepsxt_core.web.planes import axis_of
from deepsxt_core.web.responses import (
    AS_IT_IS,
    ASK_AGAIN,
    Endpoint,
    HttpError,
    Waiting,
    answer,
    body_of,
    object_in,
    plane_response,
)
from deepsxt_core.web.reviews import review_told
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.annotation_files import annotation_file
from deepsxt_core.workspace.annotations import annotation
from deepsxt_core.workspace.plane_sources import place_of

_MOST_BODY_BYTES = 16 << 20
_MOST_RUNS = 200_000
_LONGEST_NAME = 80

_working = Waiting(16)


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    one = "/api/tomograms/{tomogram}/annotations/{annotation}"
    changes: dict[str, Callable[[Desk, dict[str, Any]], Any]] = {
        "operations": _operate,
        "undo": lambda desk, told: _applied(desk, _edit(desk, told, Annotation.undo)),
        "redo": lambda desk, told: _applied(desk, _edit(desk, told, Annotation.redo)),
        "preview": _preview,
        "beat": _beat,
        "take": _take,
        "leave": _leave,
    }
    return [
        Route(one, answer(_state, _working)),
        Route(f"{one}/planes/{{axis}}/{{index}}", answer(_plane)),
        Route(f"{one}/objects", answer(_objects, _working)),
        Route(f"{one}/objects/{{number}}", answer(_object, _working)),
        Route(f"{one}/files/{{name}}", answer(_file, _working)),
        Route(f"{one}/review", answer(_review, _working)),
        *(
            Route(f"{one}/{name}", _posted(work), methods=["POST"])
            for name, work in changes.items()
        ),
    ]


def annotation_address(tomogram: Tomogram, annotation_id: str) -> str:
    """Return where a browser learns about an annotation, relative to the app's root."""
    return f"api/tomograms/{tomogram.id}/annotations/{annotation_id}"


def _desk(request: Request) -> Desk:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    return desk_of(annotation(tomogram, request.path_params["annotation"]))


def _posted(work: Callable[[Desk, dict[str, Any]], Any]) -> Endpoint:
    """Return the endpoint of what comes as JSON; a change is answered when it is on the disk."""

    async def endpoint(request: Request) -> Response:
        content = await body_of(request, _MOST_BODY_BYTES)
        return await _working.run(_done, request, content, work)

    return answer(from_our_page(endpoint))


def _done(
    request: Request, content: bytes, work: Callable[[Desk, dict[str, Any]], Any]
) -> Response:
    told = object_in(content)
    try:
        return JSONResponse(work(_desk(request), told), headers=ASK_AGAIN)
    except LeaseError as error:
        raise HttpError(423, str(error)) from None


def _name(told: dict[str, Any], key: str) -> str:
    name = told.get(key)
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidParameterError(
            f"{key} must be a text of 1 to {_LONGEST_NAME} letters: got {name!r:.90}."
        )
    return name


def _edit(desk: Desk, told: dict[str, Any], work: Callable[[Annotation], Applied]) -> Applied:
    return desk.edit(_name(told, "session"), _name(told, "owner"), work)


def _operate(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    operation = _operation(told)
    return _applied(desk, _edit(desk, told, lambda annotation: annotation.apply(operation)))


def _operation(told: dict[str, Any]) -> Any:
    content = told.get("operation")
    if not isinstance(content, dict):
        raise InvalidParameterError("The operation is missing.")
    operation = operation_from_json(content)
    if isinstance(operation, MergeResult):
        raise InvalidParameterError("A browser may not name files of the server.")
    return operation


def _applied(desk: Desk, applied: Applied) -> dict[str, Any]:
    table = desk.annotation.objects
    rows = {number: table.get(number) for number in applied.objects}
    return {
        **_history(desk.annotation),
        "box": applied.box,
        "voxels": applied.voxels,
        "rows": {number: row and asdict(row) for number, row in rows.items()},
        "classes": {name: table.classes.get(name) for name in applied.classes},
    }


def _history(annotation: Annotation) -> dict[str, Any]:
    return {
        "version": annotation.entries,
        "undo": annotation.can_undo,
        "redo": annotation.can_redo,
    }


def _preview(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    operation, wanted = _operation(told), told.get("planes", {})
    if not isinstance(wanted, dict) or not set(wanted) <= set(AXES):
        raise InvalidParameterError("planes must name slices by the axes z, y and x.")
    indices = {axis: number_in(axis, {axis: str(index)}) for axis, index in wanted.items()}
    changed = desk.annotation.preview(operation)
    shape = desk.annotation.shape
    return {
        "voxels": sum(runs.voxels for runs in changed),
        "box": Box.union(box for box in (runs.box(shape) for runs in changed) if box is not None),
        "planes": {axis: _cut(changed, axis, index, shape) for axis, index in indices.items()},
    }


def _cut(changed: Sequence[Runs], axis: str, index: int, shape: Shape) -> list[list[int]]:
    """Return runs in a plane as row, first column, length and new id."""
    found: list[NDArray] = []
    for runs in changed:
        z, y, x = runs.places(shape)
        if axis == "x":
            here = (x <= index) & (index < x + runs.length)
            columns, length = y[here], np.ones(int(here.sum()), np.int64)
        else:
            here = (z if axis == "z" else y) == index
            columns, length = x[here], runs.length[here]
        rows = (y if axis == "z" else z)[here]
        found.append(np.stack([rows, columns, length, runs.new[here]], axis=1))
    joined = np.concatenate(found) if found else np.empty((0, 4), np.int64)
    return joined[:_MOST_RUNS].tolist()


def _beat(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    session = _name(told, "session")
    desk.beat(session)
    return _told(desk, session)


def _take(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    session = _name(told, "session")
    desk.take(session, _name(told, "owner"))
    return _told(desk, session)


def _leave(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    session = _name(told, "session")
    desk.leave(session)
    return _told(desk, session)


def _state(request: Request) -> Response:
    return JSONResponse(_told(_desk(request), None), headers=ASK_AGAIN)


def _told(desk: Desk, session: str | None) -> dict[str, Any]:
    annotation, kept, editor = desk.annotation, desk.kept, desk.editor
    annotation.refresh()
    return {
        "id": kept.id,
        "name": kept.name,
        **_history(annotation),
        "shape": annotation.shape,
        "levels": [
            {"shape": shape, "factor": 2**n}
            for n, shape in enumerate(level_shapes(annotation.shape))
        ],
        "place": place_of(kept.volume(), kept.region),
        "scored": kept.score is not None,
        "editor": editor
        and {
            "owner": editor.owner,
            "since": editor.since,
            "you": session is not None and desk.is_of(session),
        },
    }


def _objects(request: Request) -> Response:
    content = _desk(request).between(lambda annotation: annotation.objects.to_json())
    return JSONResponse(content, headers=ASK_AGAIN)


def _object(request: Request) -> Response:
    annotation = _desk(request).annotation
    number = number_in("number", request.path_params)
    annotation.objects.require([number], unlocked=False)
    return JSONResponse(asdict(extent_of(annotation, number)), headers=ASK_AGAIN)


def _file(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    kept = annotation(tomogram, request.path_params["annotation"])
    path = annotation_file(kept, request.path_params["name"])
    shown = f"{Path(tomogram.name).stem}_{path.name}"
    return FileResponse(path, filename=shown, headers=ASK_AGAIN | AS_IT_IS)


def _review(request: Request) -> Response:
    annotation = _desk(request).annotation
    return JSONResponse(review_told(annotation, request.query_params), headers=ASK_AGAIN)


def _plane(request: Request) -> Response:
    axis, index = axis_of(request), number_in("index", request.path_params)
    annotation = _desk(request).annotation
    level = number_in("level", request.query_params, 0)
    before = annotation.entries
    labels = plane_of(annotation, AXES.index(axis), index, level, request.query_params)
    version = request.query_params.get("v")
    # A change that is just being carried out may be seen in part.
    kept = before is not None and version == str(before) and annotation.entries == before
    return plane_response(labels, kept=kept)
