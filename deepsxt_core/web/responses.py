"""What the HTTP routes share: expected errors become answers, blocking work leaves the loop."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from deepsxt_core.errors import DeepSXTError, InvalidParameterError, NoRoomError, VolumeError

Endpoint = Callable[[Request], Awaitable[Response]]


class HttpError(Exception):
    """An answer other than success, with a message for people."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer(work: Callable) -> Endpoint:
    """Run `work` off the event loop if it blocks, and turn expected errors into answers."""

    @wraps(work)
    async def endpoint(request: Request) -> Response:
        try:
            response = (
                await work(request)
                if inspect.iscoroutinefunction(work)
                else await run_in_threadpool(work, request)
            )
        except HttpError as error:
            response = PlainTextResponse(str(error), error.status)
        except NoRoomError as error:
            response = PlainTextResponse(str(error), 413)
        except (VolumeError, InvalidParameterError) as error:
            response = PlainTextResponse(str(error), 422)
        except DeepSXTError as error:
            response = PlainTextResponse(str(error), 404)
        except ClientDisconnect:
            response = PlainTextResponse("The upload was broken off.", 499)
        return response

    return endpoint
