"""Planes as pictures for a paper, drawn from the file's values.

::

    GET /api/tomograms/<id>/figure/<axis>/<index>.png?view=&score=&annotation=&caption=&…
    GET /api/tomograms/<id>/figure/<axis>/<index>.svg?…

``view`` is the part in sight, ``row,column,row,column`` in voxels from the edge; ``score`` and
``annotation`` are ids; ``hidden`` are numbers of objects that are not drawn, with commas between,
and ``only`` the one that is. ``caption=0`` leaves the caption out. All else are the fields of
`FigureParams`.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.slice_figure import FigureFormat, draw_figure
from deepsxt_core.export.slice_figure_params import FigureParams, FigurePlane
from deepsxt_core.io.pyramid import AXES, Axis
from deepsxt_core.parameters import declared
from deepsxt_core.volume import Volume
from deepsxt_core.web.desks import desk_of
from deepsxt_core.web.label_planes import plane_of
from deepsxt_core.web.plane_sources import (
    grey_source,
    index_in,
    looked_at,
    number_in,
    place_of,
    score_source,
)
from deepsxt_core.web.planes import axis_of
from deepsxt_core.web.responses import ASK_AGAIN, HttpError, Waiting, answer
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.annotations import annotation

_NAMES: dict[str, str] = {"z": "XY", "y": "XZ", "x": "YZ"}
_MEDIA = {"png": "image/png", "svg": "image/svg+xml"}
_THREADS = 2
_LONGEST_NUMBER = 32


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
    source = grey_source(tomogram)
    grey = source.plane(axis, index)
    seen = looked_at(tomogram, source.shown.version)[1]
    params = _params(query, {"black": seen.low, "white": seen.high})
    size = source.volume.voxel_size_nm
    inside = [n for n, name in enumerate(AXES) if name != axis]
    caption = [_place_words(tomogram, source.volume, axis, index), _window_words(params)]
    codes = labels = None
    colours: dict[int, str] = {}
    if "score" in query:
        scored = score_source(tomogram, query["score"])
        codes = np.full(grey.shape, np.nan)
        there = index_in(scored.place, scored.volume, axis, index)
        if there is not None:
            _put(codes, scored.plane(axis, there), scored.place, inside)
        caption.append(_score_words(tomogram, query["score"], params))
        if np.isnan(codes).any():
            caption.append("Darker: not scored.")
    if "annotation" in query:
        desk = desk_of(annotation(tomogram, query["annotation"]))
        place = place_of(desk.kept.volume(), desk.kept.region)
        labels = np.zeros(grey.shape, np.int32)
        there = index_in(place, desk.annotation.labels, axis, index)
        if there is not None:
            ids = plane_of(desk.annotation, AXES.index(axis), there, 0, {})
            _put(labels, ids, place, inside)
        colours = _colours(desk.annotation.objects, np.unique(labels), query)
        caption.append(f"Objects of the annotation “{desk.kept.name}”.")
    plane = FigurePlane(
        grey=grey,
        edges_nm=None if size is None else (size[inside[0]], size[inside[1]]),
        codes=codes,
        labels=labels,
        colours=colours,
        view=_view(query),
    )
    format: FigureFormat = "svg" if ending == "svg" else "png"
    drawn = draw_figure(plane, params, caption if query.get("caption") != "0" else (), format)
    stem = re.sub(r"[^\w.-]+", "_", Path(tomogram.name).stem, flags=re.ASCII)
    name = f"{stem}_{_NAMES[axis]}_{index + 1}.{ending}"
    headers = ASK_AGAIN | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(drawn, media_type=_MEDIA[ending], headers=headers)


def _params(query: Mapping[str, str], window: Mapping[str, float]) -> FigureParams:
    values: dict[str, Any] = dict(window)
    for each in declared(FigureParams):
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


def _put(into: NDArray, values: NDArray, place: dict[str, Any], inside: list[int]) -> None:
    """Put a plane of a part of the tomogram, binned or not, where it lies in the whole plane."""
    step, (row, column) = place["bin"], (place["first"][n] for n in inside)
    fine = values.repeat(step, axis=0).repeat(step, axis=1)
    part = into[row : row + fine.shape[0], column : column + fine.shape[1]]
    part[...] = fine[: part.shape[0], : part.shape[1]]


def _colours(table: ObjectTable, there: NDArray, query: Mapping[str, str]) -> dict[int, str]:
    hidden = {int(text) for text in re.findall("[0-9]{1,5}", query.get("hidden", ""))}
    only = number_in("only", query, 0)
    rows = {number: table.get(number) for number in there.tolist() if number}
    return {
        number: row.colour
        for number, row in rows.items()
        if row is not None and number not in hidden and only in (0, number)
    }


def _place_words(tomogram: Tomogram, volume: Volume, axis: Axis, index: int) -> str:
    across, size = AXES.index(axis), volume.voxel_size_nm
    words = f"{tomogram.name}. {_NAMES[axis]}, slice {index + 1} of {volume.shape[across]}"
    if size is None:
        return f"{words}; the voxel size is not known."
    z, y, x = (f"{edge:g}" for edge in size)
    edges = f"{x} nm" if x == y == z else f"{x} × {y} × {z} nm (x, y, z)"
    return f"{words} ({axis} = {index * size[across] / 1000:.3f} µm); voxel {edges}."


def _window_words(params: FigureParams) -> str:
    words = f"Grey values from {params.black:g} (black) to {params.white:g} (white)"
    return f"{words}, displayed inverted." if params.invert else f"{words}."


def _score_words(tomogram: Tomogram, result_id: str, params: FigureParams) -> str:
    model = tomogram.result("scores", result_id).run["model"]["name"]
    if params.style == "score":
        return f"Score of the model {model}, from -1 (blue) to 1 (red)."
    faint = "" if params.low is None else f", lighter above {params.low:.2f}"
    return f"Orange: score of the model {model} above {params.threshold:.2f}{faint}."
