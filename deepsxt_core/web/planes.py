"""HTTP routes for planes in all three directions, from display pyramids.

::

    GET /api/tomograms/<id>/display                            what it shows, and how far it is
    GET /api/tomograms/<id>/planes/<axis>/<index>?level=&v=    codes of a plane, little-endian
    GET /api/tomograms/<id>/value?z=&y=&x=                     the value of a voxel, as in the file
    GET /api/tomograms/<id>/display.ome.zarr/<file>            the pyramid, for other programs

The first two and the last exist below ``scores/<result>`` too, and below ``truths/<truth>``, which
may stand after ``scores/<result>`` if it is cut or binned like that; a truth may have ``-<label>``
at its end, the value where nobody has judged. Codes of a truth: 255 marked, 1 not judged. An
axis is z, y or x, the one that the plane lies across; an index counts voxels of the level.
``X-Shape`` has rows and columns, ``X-Dtype`` the type of a code. Asking for any of them has the
pyramid made; until it is there, planes across z come from the file, and the others answer 503.
"""

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Shape
from deepsxt_core.io.pyramid import AXES, Axis, halved, level_shapes, metadata
from deepsxt_core.web.asked_planes import looked_at, number_in, require_plane, unprepared
from deepsxt_core.web.responses import AS_IT_IS, ASK_AGAIN, HttpError, answer, plane_response
from deepsxt_core.workspace import Tomogram, Workspace, display
from deepsxt_core.workspace.plane_sources import (
    SLABS,
    Source,
    grey_source,
    opened,
    score_source,
    truth_source,
)
from deepsxt_core.workspace.truths import truth_name

_FILE = re.compile(r"zarr\.json|[0-9]{1,2}/zarr\.json|[0-9]{1,2}/c(/[0-9]{1,6}){3}")


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    found: list[BaseRoute] = []
    truth = "/truths/{truth}"
    for below in ("", "/scores/{result}", truth, f"/scores/{{result}}{truth}"):
        of = f"/api/tomograms/{{tomogram}}{below}"
        found += [
            Route(f"{of}/display", answer(_display)),
            Route(f"{of}/planes/{{axis}}/{{index}}", answer(_plane)),
            Route(f"{of}/display.ome.zarr/{{file:path}}", answer(_file)),
        ]
    return [*found, Route("/api/tomograms/{tomogram}/value", answer(_value))]


def display_address(tomogram: Tomogram, score_id: str | None = None) -> str:
    """Return where a browser learns about planes, relative to the app's root."""
    below = "" if score_id is None else f"scores/{score_id}/"
    return f"api/tomograms/{tomogram.id}/{below}display"


def truth_address(
    tomogram: Tomogram, truth: Path, score_id: str | None = None, ignore_label: int | None = None
) -> str:
    """Return where a browser learns about the planes of a truth, relative to the app's root.

    Parameters
    ----------
    score_id : str, optional
        The result in whose place it lies, as `shown_truths` tells it.
    ignore_label : int, optional
        The value where nobody has judged.
    """
    of = f"api/tomograms/{tomogram.id}" + ("" if score_id is None else f"/scores/{score_id}")
    return f"{of}/truths/{truth_name(truth, ignore_label)}/display"


def _source(request: Request) -> Source:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    result_id = request.path_params.get("result")
    if "truth" in request.path_params:
        return truth_source(tomogram, request.path_params["truth"], result_id)
    return grey_source(tomogram) if result_id is None else score_source(tomogram, result_id)


def _display(request: Request) -> Response:
    source = _source(request)
    how_far = display.prepare(source.shown)
    told = {
        "version": source.shown.version,
        "shape": source.volume.shape,
        "voxel": source.volume.voxel_size_nm,
        "levels": [
            {"shape": shape, "factor": 2**n}
            for n, shape in enumerate(level_shapes(source.volume.shape))
        ],
        "coding": asdict(source.coding) | {"exact": source.coding.scale == 1},
        "place": source.place,
        "unjudged": source.unjudged,
        **asdict(how_far),
    }
    if request.path_params.keys().isdisjoint({"result", "truth"}):
        tomogram = Workspace().tomogram(request.path_params["tomogram"])
        found = looked_at(tomogram, source.shown.version)
        told |= {"range": [found.low, found.high], "histogram": found.counts.tolist()}
    return JSONResponse(told, headers=ASK_AGAIN)


def _plane(request: Request) -> Response:
    axis, index = axis_of(request), number_in("index", request.path_params)
    source = _source(request)
    level = number_in("level", request.query_params, 0)
    shape = _level_shape(source.volume.shape, level)
    require_plane(shape[AXES.index(axis)], axis, index)
    how_far = display.prepare(source.shown)
    kept = request.query_params.get("v") == source.shown.version
    if how_far.state == "ready":
        codes = SLABS.plane(opened(source.shown), axis, index, level)
    elif axis != "z":
        raise unprepared(how_far)
    else:
        codes = _from_file(source, index, level)
        # Coarser ones are of one slice here, and of several in the pyramid.
        kept = kept and level == 0
    return plane_response(codes, kept=kept)


def _from_file(source: Source, index: int, level: int) -> NDArray:
    z = min(index << level, source.volume.shape[0] - 1)
    codes = source.coding.encode(source.volume.read(z, z + 1))
    for _ in range(level):
        codes = halved(codes, "grey" if source.unjudged is None else "labels")
    return codes[0]


def _level_shape(shape: Shape, level: int) -> Shape:
    shapes = level_shapes(shape)
    if level >= len(shapes):
        raise InvalidParameterError(f"There are levels 0 to {len(shapes) - 1}: got {level}.")
    return shapes[level]


def _value(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    volume = tomogram.volume()
    at = [number_in(axis, request.query_params) for axis in AXES]
    if any(index >= length for index, length in zip(at, volume.shape, strict=True)):
        raise HttpError(404, f"There is no such voxel; the tomogram has {volume.shape} (z, y, x).")
    z, y, x = at
    value = volume.read(z, z + 1)[0, y, x].item()
    return JSONResponse({"value": value if math.isfinite(value) else None}, headers=ASK_AGAIN)


def _file(request: Request) -> Response:
    name = request.path_params["file"]
    source = _source(request)
    if _FILE.fullmatch(name) is None:
        raise HttpError(404, "There is no such file.")
    how_far = display.prepare(source.shown)
    if how_far.state != "ready":
        raise unprepared(how_far)
    path = source.shown.path / name
    if name == "zarr.json":
        return JSONResponse(_described(source, path), headers=ASK_AGAIN)
    if not path.is_file():
        raise HttpError(404, "There is no such file.")
    return FileResponse(path, media_type="application/octet-stream", headers=ASK_AGAIN | AS_IT_IS)


def _described(source: Source, path: Path) -> dict[str, Any]:
    """Return the description of the pyramid, with the voxel size as it is known today."""
    told = json.loads(path.read_text(encoding="utf-8"))
    pyramid = opened(source.shown)
    shapes = [level.shape for level in pyramid.levels]
    told["attributes"] = metadata(source.volume, pyramid.kind, pyramid.coding, shapes)
    return told


def axis_of(request: Request) -> Axis:
    """Return the axis that the address names."""
    axis = request.path_params["axis"]
    if axis not in AXES:
        raise HttpError(404, "A plane lies across z, y or x.")
    return cast(Axis, axis)
