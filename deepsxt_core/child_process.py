"""What child processes of this package have in common."""

import os
import signal
from pathlib import Path

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def child_environment() -> dict[str, str]:
    """Return an environment in which Python finds this package, installed or not."""
    python_path = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, python_path))}


def signal_name(code: int) -> str:
    """Return the name of the signal that ended a process with the negative exit code `code`."""
    names = {each.value: each.name for each in signal.Signals}
    return names.get(-code, str(-code))
