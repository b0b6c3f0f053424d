"""Files made when somebody asks for them: once, a few at a time, by a process of their own.

Meshes are thinned and drawn by native code that takes no two threads at once and may end its
process. The server therefore only orders: `make_by_child` starts `deepsxt_core.workspace.orders`,
which works within limits and ends with the server. Who asks for a file that is being made waits for
that one.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deepsxt_core import errors, settings
from deepsxt_core.child_process import child_environment, end_in_words
from deepsxt_core.errors import BusyError, DeepSXTError, InvalidParameterError, WriteError

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.workspace.orders")
"""The command of the process; what kind of file it makes is added, for the list of processes."""

MOST_AT_ONCE = 2
MOST_WAITING = 64
KEPT_AFTER_USE_S = 600.0
"""A file is not evicted so soon after it was handed out: it may still be on its way."""

TOLD = 4
"""Exit code of the process when it wrote an error for people, in a line with `MARK`."""
MARK = '{"error": '

_log = logging.getLogger(__name__)

Order = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingLimits:
    """What making a file may cost.

    Attributes
    ----------
    timeout_s : float
        From the start of the process to its end.
    memory_bytes : int
        Beyond what the process has after its start; kept on Linux alone.
    """

    timeout_s: float = 1800.0
    memory_bytes: int = field(default_factory=lambda: psutil.virtual_memory().total)

    def __post_init__(self) -> None:
        if not (self.timeout_s > 0 and self.memory_bytes > 0):
            raise InvalidParameterError(f"The limits for a file must be above 0: got {self}.")


in_process = False
"""Whether this process is one that makes files itself."""

_lock = threading.RLock()
_turns = threading.BoundedSemaphore(MOST_AT_ONCE)
_at_work: dict[Path, Future[None]] = {}


def made(
    path: Path,
    order: Order,
    write: Callable[[Path], object],
    *,
    current: Callable[[], bool] | None = None,
    together: Path | None = None,
) -> Path:
    """Return `path`, made if it is not there.

    Parameters
    ----------
    order : mapping
        What makes the process call this function with the same `path` and `write`; for JSON.
    write : callable
        Writes the file; called in the process alone.
    current : callable
        Whether what is there can be handed out. Default: whether it is a file.
    together : Path, optional
        Stands for all the files that one order makes. Default: `path`.

    Raises
    ------
    DeepSXTError
        If it cannot be made; `BusyError` if too many others wait.
    """
    current = current or path.is_file
    key = together or path
    with _lock:
        if current():
            return _used(path)
        if in_process:
            write(path)
            return path
        running = _at_work.get(key)
        if running is None and len(_at_work) >= MOST_WAITING:
            raise BusyError(
                f"{MOST_WAITING} files are being made for others. Try again in some minutes."
            )
        mine = _at_work.setdefault(key, Future())
    if running is not None:
        running.result()
        return _used(path)
    try:
        with _turns:
            make_by_child(order, path)
    except BaseException as error:
        mine.set_exception(error)
        # Read here, so that nobody is told of an error without a reader.
        mine.exception()
        raise
    else:
        mine.set_result(None)
    finally:
        with _lock:
            del _at_work[key]
    _used(path)
    _evict(path)
    return path


def make_by_child(
    order: Order,
    path: Path,
    limits: MakingLimits | None = None,
    failure: Callable[[str], DeepSXTError] | None = None,
) -> None:
    """Run the process that makes a file; return when it is there.

    Parameters
    ----------
    order : mapping
        What `deepsxt_core.workspace.orders.make` understands.
    path : Path
    limits : MakingLimits, optional
    failure : callable, optional
        Returns the error for a process that crashed or went beyond its limits, from the reason.
        Default: a `WriteError` that names the file.

    Raises
    ------
    DeepSXTError
        As the process raised it, or by `failure`.
    """
    limits = limits or MakingLimits()
    request = {"order": order, "limits": _spelt(limits)}
    with subprocess.Popen(
        [*COMMAND, order["file"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=child_environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    ) as process:
        timer = threading.Timer(limits.timeout_s, process.kill)
        timer.daemon = True
        timer.start()
        try:
            _ask(process, request)
            # The input stays open: its end is the end of the server.
            told = process.stdout.read() if process.stdout else b""
            process.wait()
        finally:
            timed_out = not timer.is_alive()
            timer.cancel()
            process.kill()
    if process.returncode:
        lines = told.decode(errors="replace").strip().splitlines()
        if process.returncode == TOLD:
            # Libraries may have warned after it.
            answer = json.loads(next(line for line in reversed(lines) if line.startswith(MARK)))
            kind: type[DeepSXTError] = getattr(errors, answer["error"])
            raise kind(answer["message"])
        ended = end_in_words(
            process.returncode,
            seconds=limits.timeout_s,
            memory_bytes=limits.memory_bytes,
            timed_out=timed_out,
            last_words=lines[-1] if lines else None,
        )
        reason = f"{ended}."
        _log.error("Making %s failed: %s", path, "\n".join(lines) or reason)
        raise failure(reason) if failure else WriteError(f"'{path.name}' was not made: {reason}")


def _ask(process: subprocess.Popen[bytes], request: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended already, and has told why
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()


def _spelt(limits: MakingLimits) -> dict[str, float]:
    seconds = limits.timeout_s * (os.cpu_count() or 1)
    return {"memory_bytes": limits.memory_bytes, "seconds": int(seconds) + 1}


def _used(path: Path) -> Path:
    """Note that a file was handed out just now, without changing when it was made."""
    try:
        stat = path.stat()
        os.utime(path, ns=(time.time_ns(), stat.st_mtime_ns))
    except OSError:
        pass
    return path


def _evict(made: Path) -> None:
    """Delete exports that were not used for longest, until they have no more bytes than allowed."""
    if made.parent.name != "exports":
        return
    tomograms = made.parents[5]
    found = []
    for path in tomograms.glob("*/results/*/*/exports/*"):
        try:
            stat = path.stat()
        except OSError:
            continue
        if path.is_file() and not path.name.startswith("."):
            found.append((stat.st_atime, stat.st_size, path))
    excess = sum(size for _, size, _ in found) - settings.max_exports_bytes()
    long_ago = time.time() - KEPT_AFTER_USE_S
    for used, size, path in sorted(found):
        if excess <= 0 or used > long_ago:
            return
        try:
            path.unlink()
        except OSError:
            continue
        excess -= size
