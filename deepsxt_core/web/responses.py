"""What the HTTP routes share: expected errors become answers, blocking work leaves the loop."""

import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

import anyio
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from deepsxt_core.errors import (
    BusyError,
    DeepSXTError,
    InvalidParameterError,
    NoRoomError,
    NotAllowedError,
    VolumeError,
    WriteError,
)
from deepsxt_core.files import disk_problem

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
ASK_AGAIN = {"Cache-Control": "private, no-cache"}
# Compression gains nothing on noisy images and on meshes, and costs more than the local network.
AS_IT_IS = {"Content-Encoding": "identity"}

_MEDIA_TYPE = "application/octet-stream"

Endpoint = Callable[[Request], Awaitable[Response]]


class HttpError(Exception):
    """An answer other than success, with a message for people."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


class Waiting:
    """Threads of their own for work that waits, so that slices and pages need not wait with it."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, work: Callable, *arguments: Any) -> Any:
        """Run `work` once a thread is free, and return its result."""
        # Made here, as it belongs to the event loop.
        self._limiter = self._limiter or anyio.CapacityLimiter(self._threads)
        return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)


async def body_of(request: Request, most_bytes: int) -> bytes:
    """Return what is sent.

    Raises
    ------
    HttpError
        If it is more than `most_bytes`.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most_bytes:
            most = f"{most_bytes >> 20} MB" if most_bytes >= 1 << 20 else f"{most_bytes >> 10} kB"
            raise HttpError(413, f"At most {most} may be sent at once.")
    return bytes(content)


def threshold_of(request: Request, name: str = "threshold") -> float:
    """Return the threshold asked for, to two decimals as the name of the file tells it."""
    text = request.query_params.get(name, "0")
    try:
        return round(float(text), 2)
    except ValueError:
        raise InvalidParameterError(f"A threshold must be a number: got '{text}'.") from None


def object_in(content: bytes) -> dict[str, Any]:
    """Return an object of JSON.

    Raises
    ------
    InvalidParameterError
        If it is something else.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise InvalidParameterError("What is sent must be an object of JSON.")
    return told


def answer(work: Callable, waiting: "Waiting | None" = None) -> Endpoint:
    """Run `work` off the event loop if it blocks, and turn expected errors into answers.

    `waiting` is where it waits, if that can be long.
    """

    @wraps(work)
    async def endpoint(request: Request) -> Response:
        try:
            response = (
                await work(request)
                if inspect.iscoroutinefunction(work)
                else await (waiting.run if waiting else run_in_threadpool)(work, request)
            )
        except HttpError as error:
            response = PlainTextResponse(str(error), error.status, error.headers)
        except NoRoomError as error:
            response = PlainTextResponse(str(error), 413)
        except NotAllowedError as error:
            response = PlainTextResponse(str(error), 403)
        except (VolumeError, InvalidParameterError) as error:
            response = PlainTextResponse(str(error), 422)
        except WriteError as error:
            response = PlainTextResponse(str(error), 507)
        except BusyError as error:
            response = PlainTextResponse(str(error), 503, {"Retry-After": "10"})
        except DeepSXTError as error:
            response = PlainTextResponse(str(error), 404)
        except OSError as error:
            problem = disk_problem(error)
            if problem is None:
                raise
            response = PlainTextResponse(f"The server cannot write: {problem}", 507)
        except ClientDisconnect:
            response = PlainTextResponse("The upload was broken off.", 499)
        return response

    return endpoint


def plane_response(codes: NDArray, *, kept: bool) -> Response:
    """Answer with a plane of codes or ids (rows, columns), little-endian.

    Parameters
    ----------
    codes : ndarray
    kept : bool
        Whether this address will never show anything else.
    """
    headers = {
        "X-Shape": ",".join(map(str, codes.shape)),
        "X-Dtype": codes.dtype.name,
        **(FOR_EVER if kept else ASK_AGAIN),
        **AS_IT_IS,
    }
    little = codes.astype(codes.dtype.newbyteorder("<"), copy=False)
    return Response(little.tobytes(), media_type="application/octet-stream", headers=headers)
