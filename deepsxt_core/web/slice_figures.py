"""Planes as pictures for a paper, drawn from the file's values.

::

    GET /api/tomograms/<id>/figure/<axis>/<index>.png?view=&first=&other=&annotation=&caption=&…
    GET /api/tomograms/<id>/figure/<axis>/<index>.svg?…

``view`` is the part in sight, ``row,column,row,column`` in voxels from the edge; ``first`` is what
is shown over it and ``other`` what that is compared with, as `deepsxt_core.workspace.stages` names
them; ``annotation`` is an id; ``hidden`` are numbers of objects that are not drawn, with commas
between, and ``only`` the one that is. ``caption=0`` leaves the caption out. All else are the fields
of `FigureParams`.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.shots import PlaneShot
from deepsxt_core.export.slice_figure import draw_figure
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.io.pyramid import AXES, PLANE_NAMES, Axis
from deepsxt_core.parameters import declared
from deepsxt_core.web.asked_planes import looked_at, number_in, require_plane
from deepsxt_core.web.desks import desk_of
from deepsxt_core.web.planes import axis_of
from deepsxt_core.web.responses import ASK_AGAIN, HttpError, Waiting, answer
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.display import grey_display
from deepsxt_core.workspace.stages import stage_of

_MEDIA = {"png": "image/png", "svg": "image/svg+xml"}
_THREADS = 2
_LONGEST_NUMBER = 32
_SHOWN = {"view", "first", "other", "annotation", "hidden", "only", "caption"}


def routes() -> list[BaseRoute]:
    """Return the route."""
    address = "/api/tomograms/{tomogram}/figure/{axis}/{name}"
    return [Route(address, answer(_figure, Waiting(_THREADS)))]


def _figure(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    axis, query = axis_of(request), request.query_params
    number, _, ending = request.path_params["name"].partition(".")
    if ending not in _MEDIA:
        raise HttpError(404, "A picture is a PNG or an SVG.")
    index = number_in("index", {"index": number})
    stage = stage_of(tomogram, lambda kept: desk_of(kept).annotation)
    require_plane(stage.shape[AXES.index(axis)], axis, index)
    shot = _shot(query, tomogram, axis, index)
    plane, words = stage.show(shot)
    caption = words if query.get("caption") != "0" else ()
    drawn = draw_figure(plane, shot.look, caption, "svg" if ending == "svg" else "png")
    stem = re.sub(r"[^\w.-]+", "_", Path(tomogram.name).stem, flags=re.ASCII)
    name = f"{stem}_{PLANE_NAMES[axis]}_{index + 1}.{ending}"
    headers = ASK_AGAIN | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(drawn, media_type=_MEDIA[ending], headers=headers)


def _shot(query: Mapping[str, str], tomogram: Tomogram, axis: Axis, index: int) -> PlaneShot:
    seen = looked_at(tomogram, grey_display(tomogram).version)
    return PlaneShot(
        axis=axis,
        index=index,
        view=_view(query),
        look=_params(query, {"black": seen.low, "white": seen.high}),
        first=query.get("first"),
        other=query.get("other"),
        annotation=query.get("annotation"),
        hidden=tuple(int(text) for text in re.findall("[0-9]{1,5}", query.get("hidden", ""))),
        only=number_in("only", query, 0),
    )


def _params(query: Mapping[str, str], window: Mapping[str, float]) -> FigureParams:
    values: dict[str, Any] = dict(window)
    known = declared(FigureParams)
    unknown = query.keys() - _SHOWN - {each.name for each in known}
    if unknown:
        raise InvalidParameterError(f"A picture has no '{min(unknown)[:_LONGEST_NUMBER]}'.")
    for each in known:
        text = query.get(each.name)
        if text is not None:
            values[each.name] = _value(each.name, each.type, text[:_LONGEST_NUMBER])
    params = FigureParams(**values)
    if params.black > params.white:
        raise InvalidParameterError("black must not be above white.")
    return params


def _value(name: str, wanted: Any, text: str) -> Any:
    if wanted is bool:
        return text == "1"
    if wanted not in (int, float):
        return text
    try:
        return wanted(text)
    except ValueError:
        raise InvalidParameterError(f"{name} must be a number: got '{text}'.") from None


def _view(query: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    text = query.get("view")
    if text is None:
        return None
    try:
        r0, c0, r1, c1 = (float(part) for part in text.split(","))
    except ValueError:
        r0 = c0 = r1 = c1 = math.nan
    if not all(map(math.isfinite, (r0, c0, r1, c1))):
        raise InvalidParameterError(f"view must be four numbers: got '{text[:80]}'.")
    return r0, c0, r1, c1
