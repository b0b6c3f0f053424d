"""Functions mapped over an existing Dask cluster."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.progress import Progress

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
Arguments = tuple[Any, ...]

_CONNECT_S = 20
_LOOK_UP_S = 0.5
"""How often a waiting caller looks whether the user wants to stop."""
_ASKED_PER_WORKER = 2
_LEAST_ASKED = 4
_RETRIES = 2


def mapped(
    scheduler: str,
    function: Callable[..., T],
    arguments: Sequence[Arguments],
    progress: Progress,
) -> Iterator[tuple[Arguments, T]]:
    """Yield ``arguments, function(*arguments)`` from the workers in the order of arrival.

    Only a few calls per worker are under way at once. What a worker was given that is lost, or
    whose call failed for a reason that may pass, is given to another; nothing is yielded twice.

    Parameters
    ----------
    scheduler : str
        Address, such as ``tcp://node1:8786``.
    function : callable
        That workers can import.
    arguments : sequence of tuple
    progress : Progress
        Asked often whether to stop; the units are counted by the caller.

    Raises
    ------
    DeepSXTError
        If no scheduler answers or it is lost, or one of `function` itself.
    CancelledError
        If the user stops.
    """
    with _connected(scheduler) as client:
        asked: dict[Future, Arguments] = {}
        waiting = iter(arguments)
        try:
            while True:
                most = max(_LEAST_ASKED, _ASKED_PER_WORKER * len(client.nthreads()))
                for each in islice(waiting, most - len(asked)):
                    future = client.submit(function, *each, pure=False, retries=_RETRIES)
                    asked[future] = each
                if not asked:
                    return
                with _loss_told(scheduler):
                    arrived = _arrived(client, asked, progress)
                for future in arrived:
                    with _loss_told(scheduler):
                        value = future.result()
                    yield asked.pop(future), value
        finally:
            # Nobody is left to hear it where the scheduler is lost.
            with contextlib.suppress(OSError):
                client.cancel(list(asked))


def worker_count(scheduler: str) -> int:
    """Return how many workers the cluster has at this moment.

    Raises
    ------
    DeepSXTError
        If no scheduler answers.
    """
    with _connected(scheduler) as client:
        return len(client.nthreads())


@contextlib.contextmanager
def _connected(scheduler: str) -> Iterator["Client"]:
    try:
        from distributed import Client
    except ImportError as error:
        raise DeepSXTError(
            "Work on a cluster needs Dask. Install it with: pip install 'deepsxt[cluster]'"
        ) from error
    try:
        client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise DeepSXTError(
            f"No Dask scheduler answers at '{scheduler}': {error}. Start one with `dask scheduler` "
            "and give its address, for example tcp://node1:8786."
        ) from error
    with client:
        yield client


def _arrived(
    client: "Client", asked: dict["Future", Arguments], progress: Progress
) -> list["Future"]:
    from distributed import wait

    while True:
        # Hears of a wish to stop while all workers are busy, or none has come yet.
        progress.advance(0)
        with contextlib.suppress(TimeoutError), client.as_current():
            return list(wait(list(asked), _LOOK_UP_S, "FIRST_COMPLETED").done)


@contextlib.contextmanager
def _loss_told(scheduler: str) -> Iterator[None]:
    from distributed import CancelledError, KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise DeepSXTError(
            "The same piece of work ended several workers of the cluster one after the other, "
            "perhaps for want of memory. Give workers more memory, or take a smaller model."
        ) from error
    except CancelledError as error:
        raise DeepSXTError(
            f"The Dask scheduler at '{scheduler}' was lost. What is finished is kept: start it "
            "again and resume."
        ) from error
