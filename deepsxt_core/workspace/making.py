"""Files made when somebody asks for them: once, a few at a time, by a process of their own.

Meshes are thinned and drawn by native code that takes no two threads at once and may end its
process. The server therefore only orders::

    python -m deepsxt_core.workspace.making   with {"order": …, …} on its input

runs `deepsxt_core.workspace.downloads.make` within limits, and ends with the server: its input is
closed then. Who asks for a file that is being made waits for that one.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deepsxt_core import errors, settings
from deepsxt_core.child_process import child_environment, signal_name
from deepsxt_core.errors import BusyError, DeepSXTError, InvalidParameterError, WriteError
from deepsxt_core.io.limited import limit_process

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.workspace.making")
"""The command of the process."""

MOST_AT_ONCE = 2
MOST_WAITING = 64
KEPT_AFTER_USE_S = 600.0
"""A file is not evicted so soon after it was handed out: it may still be on its way."""

_OUT_OF_MEMORY, _TOLD = 3, 4

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


def make_by_child(order: Order, path: Path, limits: MakingLimits | None = None) -> None:
    """Run the process that makes a file; return when it is there.

    Raises
    ------
    DeepSXTError
        As the process raised it; or `WriteError` if it crashed or went beyond its limits.
    """
    limits = limits or MakingLimits()
    request = {"order": order, "limits": _spelt(limits)}
    with subprocess.Popen(
        COMMAND,
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
        raise _problem(path, process.returncode, told, timed_out, limits)


def _ask(process: subprocess.Popen[bytes], request: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended already, and has told why
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()


def _spelt(limits: MakingLimits) -> dict[str, float]:
    seconds = limits.timeout_s * (os.cpu_count() or 1)
    return {"memory_bytes": limits.memory_bytes, "seconds": int(seconds) + 1}


def _problem(
    path: Path, code: int, told: bytes, timed_out: bool, limits: MakingLimits
) -> DeepSXTError:
    """Return the error for a process that ended otherwise than well."""
    lines = told.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
    if code == _TOLD:
        answer = json.loads(lines[-1])
        kind: type[DeepSXTError] = getattr(errors, answer["error"])
        return kind(answer["message"])
    if timed_out:
        reason = f"it took longer than {limits.timeout_s:g} s and was stopped"
    elif code == _OUT_OF_MEMORY:
        reason = "it needs more memory than there is"
    elif code < 0:
        reason = (
            f"its process was ended by a signal ({signal_name(code)}); the memory or the "
            "disk may be full"
        )
    else:
        _log.error("Making %s failed: %s", path, "\n".join(lines))
        reason = f"its process failed ({lines[-1]})"
    return WriteError(f"'{path.name}' was not made: {reason}.")


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


def _end_with_server() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> int:
    """Make the file that a line on the input asks for; return the exit code."""
    # Imported here, as it orders from this module.
    from deepsxt_core.workspace import downloads, making

    # Started as a script, this module is another one than that which is imported.
    making.in_process = True
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    limits = request["limits"]
    limit_process(limits["memory_bytes"], limits["seconds"])
    try:
        downloads.make(request["order"])
    except MemoryError:
        return _OUT_OF_MEMORY
    except DeepSXTError as error:
        told = {"error": type(error).__name__, "message": str(error)}
        sys.stdout.write(json.dumps(told) + "\n")
        return _TOLD
    return 0


if __name__ == "__main__":
    try:
        code = main()
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    # Without waiting for the thread that reads the input.
    os._exit(code)
