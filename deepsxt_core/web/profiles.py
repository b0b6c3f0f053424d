"""Values along a line in a plane, for a plot and a table.

::

    GET /api/tomograms/<id>/profile/<axis>/<index>?from=&to=&score=

``from`` and ``to`` are ``row,column``, in voxels from the edge of the plane; ``score`` is the id of
a result. The answer has columns of equal length: the distance (``distance_um``, or ``distance_px``
where the voxel size is not known), ``x``, ``y``, ``z`` (whole numbers are the centres of voxels),
``value`` and ``score``, null where there is none.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io.pyramid import AXES, Axis
from deepsxt_core.preprocessing.profiles import line_through, values_along
from deepsxt_core.volume import SCORE_LEVELS
from deepsxt_core.web.asked_planes import number_in, require_plane
from deepsxt_core.web.planes import axis_of
from deepsxt_core.web.responses import ASK_AGAIN, answer
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.plane_sources import Source, grey_source, index_in, score_source

_DIGITS = 7


def routes() -> list[BaseRoute]:
    """Return the route."""
    return [Route("/api/tomograms/{tomogram}/profile/{axis}/{index}", answer(_profile))]


def _profile(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    axis, index = axis_of(request), number_in("index", request.path_params)
    inside = [n for n, name in enumerate(AXES) if name != axis]
    grey = grey_source(tomogram)
    require_plane(grey.volume.shape[AXES.index(axis)], axis, index)
    start, end = (pair_in(name, request.query_params) - 0.5 for name in ("from", "to"))
    size = grey.volume.voxel_size_nm
    edges = [1.0, 1.0] if size is None else [size[n] / 1000 for n in inside]
    plane = grey.plane(axis, index)
    distance, places = line_through(start, end, edges)
    at = np.full((len(places), 3), float(index))
    at[:, inside] = places
    columns = {
        "distance_px" if size is None else "distance_um": distance,
        **{name: at[:, AXES.index(name)] for name in ("x", "y", "z")},
        "value": values_along(plane, places),
    }
    result_id = request.query_params.get("score")
    if result_id is not None:
        scored = score_source(tomogram, result_id)
        columns["score"] = _scores(scored, axis, index, at[:, inside], inside)
    told = {name: _plain(values) for name, values in columns.items()}
    return JSONResponse(told, headers=ASK_AGAIN)


def _scores(
    source: Source,
    axis: Axis,
    index: int,
    places: NDArray[np.float64],
    inside: list[int],
) -> NDArray[np.float64]:
    """Return the score at places of a plane of the tomogram, NaN where nothing was scored."""
    first, step = source.place["first"], source.place["bin"]
    there = index_in(source.place, source.volume, axis, index)
    if there is None:
        return np.full(len(places), np.nan)
    own = (places + 0.5 - [first[n] for n in inside]) / step - 0.5
    return values_along(source.plane(axis, there), own) * (2 / SCORE_LEVELS) - 1


def pair_in(name: str, query: Any) -> NDArray[np.float64]:
    """Return two numbers from a part of an address.

    Raises
    ------
    InvalidParameterError
        If it is something else.
    """
    text = query.get(name, "")
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != 2 or not all(map(math.isfinite, found)):
        raise InvalidParameterError(f"{name} must be two numbers, row,column: got '{text[:40]}'.")
    return np.array(found)


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    rounded = (float(f"{value:.{_DIGITS}g}") for value in values)
    return [value if math.isfinite(value) else None for value in rounded]
