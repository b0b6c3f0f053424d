"""A first look at a file that nobody has a reason to trust, in a process of its own.

::

    python -m deepsxt_core.io.probe FILE [DATASET]

opens the file as the app would, reads some slices and prints one JSON object. Whatever a damaged
or hostile file does to a parser (a crash, an endless loop, all the memory) ends that process
alone. `probe` starts it and turns what came of it into an error for people.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepsxt_core import errors
from deepsxt_core.errors import DatasetChoiceError, InvalidParameterError, UnreadableFileError
from deepsxt_core.io import list_datasets, open_volume

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.io.probe")
"""The command of the process; file, limits and dataset are its arguments."""

_SLICES = 3
_OUT_OF_MEMORY = 3
_REMEDY = "It may be damaged, or made to harm: copy it again, or export it once more."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLimits:
    """What a file may cost before it is trusted.

    Attributes
    ----------
    seconds : float
        For any file.
    seconds_per_gb : float
        On top, as a compressed file has to be unpacked once. bzip2 takes about 60.
    memory_bytes : int
        Beyond what the reading process has at its start; kept on Linux alone. A slice or a chunk
        has at most 268 MB, and some copies of it may be needed.
    """

    seconds: float = 60.0
    seconds_per_gb: float = 120.0
    memory_bytes: int = 2 << 30

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.seconds_per_gb >= 0 and self.memory_bytes > 0):
            raise InvalidParameterError(f"The limits for a file must be above 0: got {self}.")


def probe(path: Path, dataset: str | None = None, limits: ProbeLimits | None = None) -> None:
    """Open a file in a process of its own and read some slices; return if all went well.

    Parameters
    ----------
    path : Path
        A file or a folder.
    dataset : str, optional
        Name inside the file, where it holds several.
    limits : ProbeLimits, optional

    Raises
    ------
    VolumeError
        As `open_volume` raises it; or `UnreadableFileError` if the process crashed or went beyond
        its limits.
    """
    limits = limits or ProbeLimits()
    size = path.stat().st_size if path.is_file() else 0
    seconds = limits.seconds + limits.seconds_per_gb * size / 1e9
    command = [*COMMAND, str(path.absolute()), str(limits.memory_bytes), str(int(seconds) + 1)]
    # A process that is killed cannot clean up what it unpacked.
    with tempfile.TemporaryDirectory(
        prefix="deepsxt-probe-", ignore_cleanup_errors=True
    ) as scratch:
        try:
            ended = subprocess.run(
                [*command, *([] if dataset is None else [dataset])],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                env=_environment(scratch),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except subprocess.TimeoutExpired:
            raise UnreadableFileError(
                f"'{path.name}' could not be read within {seconds:.0f} s. {_REMEDY}"
            ) from None
    if ended.returncode == _OUT_OF_MEMORY:
        raise UnreadableFileError(
            f"'{path.name}' needs more than {limits.memory_bytes / 1e9:.1f} GB of memory for a "
            f"slice. {_REMEDY}"
        )
    told = _told(ended.stdout)
    if ended.returncode or told is None:
        _log.error("The first look at %s failed: %s", path, ended.stderr.decode(errors="replace"))
        raise UnreadableFileError(
            f"'{path.name}' made its reader fail (exit code {ended.returncode}). {_REMEDY}"
        )
    if "error" in told:
        raise _error(told)


def _environment(scratch: str) -> dict[str, str]:
    package_root = str(Path(__file__).resolve().parents[2])
    python_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
    return os.environ | {"PYTHONPATH": python_path, **temporary}


def _told(stdout: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return told if isinstance(told, dict) else None


def _error(told: dict[str, Any]) -> errors.DeepSXTError:
    if told["error"] == DatasetChoiceError.__name__:
        return DatasetChoiceError(told["message"], tuple(told["candidates"]))
    kind: type[errors.DeepSXTError] = getattr(errors, told["error"])
    return kind(told["message"])


def _look(path: Path, dataset: str | None) -> dict[str, Any]:
    """Do with a file what the app does when it is opened; return how it ended."""
    try:
        list_datasets(path)
        volume = open_volume(path, dataset=dataset)
        for z in sorted({round(z) for z in np.linspace(0, volume.shape[0] - 1, _SLICES)}):
            volume.read(z, z + 1)
    except errors.DeepSXTError as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from None
        told: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, DatasetChoiceError):
            told["candidates"] = error.candidates
        return told
    return {"shape": volume.shape, "dtype": str(volume.dtype)}


def limit_process(memory_bytes: int, seconds: int) -> None:
    """Let the system end this process when it takes more; POSIX alone."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main(arguments: list[str]) -> int:
    """Look at the file that the arguments name; return the exit code."""
    name, memory_bytes, seconds, *rest = arguments
    warnings.simplefilter("ignore")
    logging.disable()
    limit_process(int(memory_bytes), int(seconds))
    try:
        told = _look(Path(name), rest[0] if rest else None)
    except MemoryError:
        return _OUT_OF_MEMORY
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
