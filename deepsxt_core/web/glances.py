"""Small pictures of tomograms and of their results, for lists.

::

    GET /api/tomograms/<id>/glance.png?v=      the middle slice, made when it is first asked for
    GET …/scores/<result>/glance.png?threshold=&v=      with what lies above a threshold

They wait for each other in threads of their own: a page of pictures holds up nothing else.
"""

from pathlib import Path
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.web.responses import ASK_AGAIN, FOR_EVER, Waiting, answer, threshold_of
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.glance import picture, result_picture, version_of

_THREADS = 2


def routes() -> list[BaseRoute]:
    """Return the routes."""
    waiting, tomogram = Waiting(_THREADS), "/api/tomograms/{tomogram}"
    return [
        Route(f"{tomogram}/glance.png", answer(_glance, waiting)),
        Route(f"{tomogram}/scores/{{result}}/glance.png", answer(_result_glance, waiting)),
    ]


def glance_address(tomogram: Tomogram, version: str) -> str:
    """Return the address of the picture of a version, relative to the app's root."""
    return f"api/tomograms/{tomogram.id}/glance.png?v={version}"


def result_address(tomogram: Tomogram, score_id: str, threshold: float) -> str:
    """Return the address of the picture of a score, relative to the app's root."""
    asked = urlencode({"threshold": threshold, "v": version_of(tomogram)})
    return f"api/tomograms/{tomogram.id}/scores/{score_id}/glance.png?{asked}"


def _glance(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    return _answered(request, tomogram, picture(tomogram))


def _result_glance(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    threshold = threshold_of(request)
    return _answered(
        request, tomogram, result_picture(tomogram, request.path_params["result"], threshold)
    )


def _answered(request: Request, tomogram: Tomogram, path: Path) -> Response:
    current = request.query_params.get("v") == version_of(tomogram)
    return FileResponse(path, headers=FOR_EVER if current else ASK_AGAIN)
