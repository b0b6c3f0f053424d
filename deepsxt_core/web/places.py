"""HTTP routes by which a browser is told where its user wants to be, where several share a server.

::

    GET /guest/<token>     look at what a link shows
    GET /place/<project>   work in a project; "own" for one's own workspace

Each sets a cookie, which is a wish: with every request it is checked whether who asks may be there.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from deepsxt_core import settings
from deepsxt_core.people.entry import PLACE_COOKIE, place_of_guest, place_of_project
from deepsxt_core.people.guests import link_of
from deepsxt_core.people.registry import People
from deepsxt_core.web.responses import answer

_OWN = "own"


def routes() -> list[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/guest/{token}", answer(_guest)), Route("/place/{project}", answer(_place))]


def _guest(request: Request) -> Response:
    people, token = settings.people_folder(), request.path_params["token"]
    link = None if people is None else link_of(People(people), token)
    if link is None:
        return PlainTextResponse("This link is over, or was never one. Ask for another.", 404)
    return _led(request, f"/?t={link.tomogram}", place_of_guest(token))


def _place(request: Request) -> Response:
    # Another site must not lead anybody to where they work for others without noticing.
    if settings.people_folder() is None or request.headers.get("sec-fetch-site") != "same-origin":
        return PlainTextResponse("Choose the workspace on a page of the app.", 404)
    project = request.path_params["project"]
    return _led(request, "/", "" if project == _OWN else place_of_project(project))


def _led(request: Request, where: str, place: str) -> Response:
    response = RedirectResponse(where, 303, {"Cache-Control": "no-store"})
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    response.set_cookie(PLACE_COOKIE, place, httponly=True, samesite="lax", secure=secure)
    return response
