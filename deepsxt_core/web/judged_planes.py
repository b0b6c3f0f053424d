"""HTTP routes for what an annotation tells, as planes that are compared with a result.

::

    GET /api/tomograms/<id>/annotations/<a>/judged/display
    GET /api/tomograms/<id>/annotations/<a>/judged/planes/<axis>/<index>?level=&v=

As `deepsxt_core.web.planes` has them, with the codes of a truth: 255 an object, 1 not judged.
"""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.annotation.judged import judged_codes
from deepsxt_core.io.coding import Coding
from deepsxt_core.io.pyramid import AXES, level_shapes
from deepsxt_core.volume import NOT_JUDGED_CODE
from deepsxt_core.web.asked_planes import number_in
from deepsxt_core.web.desks import desk_of
from deepsxt_core.web.label_planes import plane_of
from deepsxt_core.web.planes import axis_of
from deepsxt_core.web.responses import ASK_AGAIN, answer, plane_response
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation, annotation
from deepsxt_core.workspace.plane_sources import place_of


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    of = "/api/tomograms/{tomogram}/annotations/{annotation}/judged"
    return [
        Route(f"{of}/display", answer(_display)),
        Route(f"{of}/planes/{{axis}}/{{index}}", answer(_plane)),
    ]


def judged_address(tomogram: Tomogram, annotation_id: str) -> str:
    """Return where a browser learns about these planes, relative to the app's root."""
    return f"api/tomograms/{tomogram.id}/annotations/{annotation_id}/judged/display"


def _kept(request: Request) -> KeptAnnotation:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    return annotation(tomogram, request.path_params["annotation"])


def _display(request: Request) -> Response:
    kept = _kept(request)
    shown, volume = desk_of(kept).annotation, kept.volume()
    shown.refresh()
    shapes = level_shapes(shown.shape)
    told = {
        "version": f"{shown.entries}",
        "shape": shown.shape,
        "voxel": volume.voxel_size_nm,
        "levels": [{"shape": shape, "factor": 2**n} for n, shape in enumerate(shapes)],
        "coding": asdict(Coding("uint8")) | {"exact": True},
        "place": place_of(volume, kept.region),
        "unjudged": NOT_JUDGED_CODE,
        "state": "ready",
        "progress": 1.0,
        "problem": "",
    }
    return JSONResponse(told, headers=ASK_AGAIN)


def _plane(request: Request) -> Response:
    axis, index = axis_of(request), number_in("index", request.path_params)
    shown = desk_of(_kept(request)).annotation
    level = number_in("level", request.query_params, 0)
    before = shown.entries
    labels = plane_of(shown, AXES.index(axis), index, level, {})
    codes = judged_codes(shown.objects)[labels]
    # A change that is just being carried out may be seen in part.
    kept = before is not None and request.query_params.get("v") == str(before) == str(shown.entries)
    return plane_response(codes, kept=kept)
