"""What runs in the browser, as files."""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# Parts of the front end that browsers load; its tests and tools lie beside them.
_SERVED = {"downloads", "manual", "planes", "shared", "surface", "upload", "vendor", "viewer"}


class FrontEnd(StaticFiles):
    """Scripts and styles; browsers ask each time whether theirs is still the current one."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, if it is of a part that browsers load."""
        if path.split("/")[0] not in _SERVED:
            raise HTTPException(404)
        return await super().get_response(path, scope)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Answer with a file that may be kept, and is asked for again."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response
