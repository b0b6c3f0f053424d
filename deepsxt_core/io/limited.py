"""Work on what nobody has a reason to trust, in a process of its own, with limits.

Whatever a damaged or hostile file does to a parser (a crash, an endless loop, all the memory) ends
that process alone. `run_limited` starts it and turns what came of it into an error for people;
`answer` is how the process does its work and tells the result.
"""

import json
import logging
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from deepsxt_core import errors
from deepsxt_core.child_process import OUT_OF_MEMORY, child_environment, end_in_words
from deepsxt_core.errors import BusyError, DatasetChoiceError, DeepSXTError, InvalidParameterError
from deepsxt_core.io.scratch import scratch_folder

MOST_AT_ONCE = 2
"""How many files are looked at at the same time; others wait, and that takes none of their time."""

_KILLED_AFTER_S = 5
# As computing is limited, this many times as long may pass on a busy computer.
_PATIENCE = 5
_REMEDY = "It may be damaged, or made to harm: copy it again, or export it once more."

_turns = threading.BoundedSemaphore(MOST_AT_ONCE)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What a file may cost before it is trusted.

    Attributes
    ----------
    seconds : float
        For any file.
    seconds_per_gb : float
        On top, as a compressed file has to be unpacked once. bzip2 takes about 60.
    memory_bytes : int
        Beyond what the process has at its start; kept on Linux alone. A slice or a chunk
        has at most 268 MB, and some copies of it may be needed.
    """

    seconds: float = 60.0
    seconds_per_gb: float = 120.0
    memory_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.seconds_per_gb >= 0 and self.memory_bytes > 0):
            raise InvalidParameterError(f"The limits for a file must be above 0: got {self}.")

    def seconds_for(self, path: Path) -> float:
        """Return the time for one file, or for a folder, whose size does not count."""
        size = path.stat().st_size if path.is_file() else 0
        return self.seconds + self.seconds_per_gb * size / 1e9


def run_limited(
    command: Sequence[str],
    path: Path,
    arguments: Sequence[str],
    limits: ProcessLimits,
    failure: type[DeepSXTError],
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start a process that looks at a file and ends with `answer`; return what it tells.

    Parameters
    ----------
    command : sequence of str
        Is called with the file, the bytes of memory, the seconds, and then the `arguments`.
    path : Path
        The file or folder.
    arguments : sequence of str
    limits : ProcessLimits
    failure : type
        The error that is raised where the process died or went beyond its limits.
    environment : mapping, optional
        Variables that differ from those of this process.

    Raises
    ------
    DeepSXTError
        As the process raised it, or `failure`; `BusyError` if it got no time to compute.
    """
    seconds = limits.seconds_for(path)
    numbers = (str(limits.memory_bytes), str(int(seconds) + 1))
    # A process that is killed cannot clean up what it unpacked.
    with (
        _turns,
        scratch_folder() as scratch,
    ):
        process = subprocess.Popen(
            [*command, str(path.absolute()), *numbers, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(str(scratch)) | dict(environment or {}),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        with process:
            try:
                stdout, stderr = process.communicate(timeout=_PATIENCE * seconds)
            except subprocess.TimeoutExpired:
                starved = _starved(process.pid, seconds)
                process.kill()
                if starved:
                    raise BusyError(
                        f"'{path.name}' could not be checked: this computer is too busy. Nothing "
                        "of it is lost; try again in some minutes."
                    ) from None
                raise failure(_failed(path, 0, limits, timed_out=True)) from None
            except BaseException:
                process.kill()
                raise
    told = _told(stdout)
    if process.returncode or told is None:
        _log.error("Reading %s failed: %s", path, stderr.decode(errors="replace"))
        raise failure(_failed(path, process.returncode, limits))
    if "error" in told:
        raise _error(told)
    return told


def _starved(pid: int, seconds: float) -> bool:
    """Return whether a process wants to go on and got less than the time that it may compute."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        waits = process.status() in (psutil.STATUS_SLEEPING, psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
    return not waits and times.user + times.system < seconds


def _failed(path: Path, code: int, limits: ProcessLimits, *, timed_out: bool = False) -> str:
    reason = end_in_words(
        code,
        seconds=round(limits.seconds_for(path)),
        memory_bytes=limits.memory_bytes,
        timed_out=timed_out,
    )
    return f"'{path.name}' could not be read: {reason}. {_REMEDY}"


def _environment(scratch: str) -> dict[str, str]:
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
    return child_environment() | temporary


def _told(stdout: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return told if isinstance(told, dict) else None


def _error(told: dict[str, Any]) -> DeepSXTError:
    kind: type[DeepSXTError] = getattr(errors, told["error"])
    if issubclass(kind, DatasetChoiceError):
        return kind(told["message"], tuple(told["candidates"]))
    return kind(told["message"])


def answer(work: Callable[[], dict[str, Any]], memory_bytes: int, seconds: int) -> int:
    """Do the work within limits, print its result or its error as JSON; return the exit code.

    Parameters
    ----------
    work : callable
        Returns what JSON can express.
    memory_bytes, seconds : int
        Of memory beyond what this process has now, and of time that it may compute.
    """
    warnings.simplefilter("ignore")
    logging.disable()
    limit_process(memory_bytes, seconds)
    try:
        told = work()
    except DeepSXTError as error:
        if isinstance(error.__cause__, MemoryError):
            return OUT_OF_MEMORY
        told = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, DatasetChoiceError):
            told["candidates"] = error.candidates
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    sys.stdout.write("\n" + json.dumps(told) + "\n")
    return 0


def limit_process(memory_bytes: int, seconds: int) -> None:
    """Let the system end this process when it takes more; POSIX alone."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    with suppress(ValueError, OSError):
        # The first limit is told by a signal of its own.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _KILLED_AFTER_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
