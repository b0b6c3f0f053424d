"""HTTP routes for films.

::

    GET /api/tomograms/<id>/films/<result>/film.mp4       and film.gif
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core.web.responses import AS_IT_IS, ASK_AGAIN, answer
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.films import FILM_FILES


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    of = "/api/tomograms/{tomogram}/films/{result}"
    return [Route(f"{of}/{name}", answer(_film)) for name in FILM_FILES]


def _film(request: Request) -> Response:
    tomogram = Workspace().tomogram(request.path_params["tomogram"])
    made = tomogram.result("films", request.path_params["result"])
    path = made.folder / request.url.path.rpartition("/")[2]
    return FileResponse(
        path,
        media_type=FILM_FILES[path.name],
        filename=f"{Path(tomogram.name).stem}_{path.name}",
        headers=ASK_AGAIN | AS_IT_IS,
    )
