"""HTTP routes for how far a surface lies from another one, for its colours.

::

    GET /api/tomograms/<id>/surfaces/<result>/distances/<other>/<mesh>

The mesh is one of those of the 3D view. See `deepsxt_core.workspace.differences`.
"""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.web.responses import AS_IT_IS, ASK_AGAIN, Waiting, answer
from deepsxt_core.workspace import Result, Tomogram, Workspace
from deepsxt_core.workspace.differences import distances_file

_making = Waiting(4)


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    of = "/api/tomograms/{tomogram}/surfaces/{result}/distances/{other}/{mesh}"
    return [Route(of, answer(_distances, _making))]


def distances_address(tomogram: Tomogram, surface: Result, other: str) -> str:
    """Return where a browser finds the distances, less the name of the mesh."""
    return f"api/tomograms/{tomogram.id}/surfaces/{surface.id}/distances/{other}/"


def _distances(request: Request) -> Response:
    asked = request.path_params
    tomogram = Workspace().tomogram(asked["tomogram"])
    result = tomogram.result("surfaces", asked["result"])
    path = distances_file(tomogram, result, asked["mesh"], asked["other"])
    return FileResponse(path, headers=ASK_AGAIN | AS_IT_IS)
