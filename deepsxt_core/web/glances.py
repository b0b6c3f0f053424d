"""Small pictures of tomograms, for the library.

::

    GET /api/tomograms/<id>/glance.png?v=      the middle slice, made when it is first asked for

They wait for each other in threads of their own: a page of pictures holds up nothing else.
"""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.web.responses import ASK_AGAIN, FOR_EVER, Waiting, answer
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.glance import picture, version_of

_THREADS = 2


def routes() -> list[BaseRoute]:
    """Return the routes."""
    address = "/api/tomograms/{tomogram}/glance.png"
    return [Route(address, answer(_glance, Waiting(_THREADS)))]


def glance_address(tomogram: Tomogram, version: str) -> str:
    """Return the address of the picture of a version, relative to the app's root."""
    return f"api/tomograms/{tomogram.id}/glance.png?v={version}"


def _glance(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    current = request.query_params.get("v") == version_of(tomogram)
    return FileResponse(picture(tomogram), headers=FOR_EVER if current else ASK_AGAIN)
