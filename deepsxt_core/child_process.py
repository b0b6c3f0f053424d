"""What child processes of this package have in common."""

import os
import signal
from pathlib import Path

from deepsxt_core import access

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return an environment in which Python finds this package, installed or not.

    Where several people use the server, the process has the workspace of who asks; if nobody does,
    it has none but those that it is told.
    """
    python_path = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, python_path))}
    known = access.found() if "DEEPSXT_PEOPLE" in environment else None
    return environment if known is None else environment | workspace_variables(known)


def workspace_variables(known: access.Access) -> dict[str, str]:
    """Return the variables of the environment of a process that works in one workspace."""
    quota = "" if known.quota_bytes is None else f"{known.quota_bytes / 1e9:.9f}"
    return {
        "DEEPSXT_PEOPLE": "",
        "DEEPSXT_LOGIN": "",
        "DEEPSXT_HOME": str(known.folder),
        "DEEPSXT_QUOTA_GB": quota,
    }


OUT_OF_MEMORY = 3
"""Exit code of a child process that was not given the memory that it asked for."""


def end_in_words(
    code: int,
    *,
    seconds: float,
    memory_bytes: int,
    timed_out: bool = False,
    last_words: str | None = None,
) -> str:
    """Return why a child process ended that told no result, as the end of a sentence.

    Parameters
    ----------
    code : int
        Its exit code; below 0 the system ended it by a signal.
    seconds, memory_bytes : float, int
        Its limits.
    timed_out : bool
        Whether it was stopped after that time.
    last_words : str, optional
        What it printed last.
    """
    names = {-each.value: each.name for each in signal.Signals}
    name = names.get(code, str(-code))
    if timed_out or name == "SIGXCPU":
        return f"it took longer than {seconds:g} s and was stopped"
    if code == OUT_OF_MEMORY:
        return f"it needs more than {memory_bytes / 1e9:.1f} GB of memory"
    if code < 0:
        full = "; the memory or the disk may be full" if name in ("SIGKILL", "SIGBUS") else ""
        return f"its process was ended by a signal ({name}){full}"
    return f"its process failed ({last_words or f'exit code {code}'})"
