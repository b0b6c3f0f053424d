"""``deepsxt app``."""

import os
import subprocess
import sys

from cyclopts import App

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError


def register(app: App) -> None:
    """Add the command."""
    app.command(start, name="app")


def start(*, port: int = 8501, address: str = "localhost") -> int:
    """Start the web app.

    Parameters
    ----------
    port
        Where it listens.
    address
        0.0.0.0 opens it to the network.
    """
    folder = settings.installation_folder()
    settings.check()
    os.environ.setdefault("DEEPSXT_HOME", str(settings.workspace_folder()))
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py")]
    options = ["--server.port", str(port), "--server.address", address]
    completed = subprocess.run([*command, *options], cwd=folder, check=False)
    if completed.returncode:
        raise DeepSXTError(f"The app ended with exit code {completed.returncode}; see above.")
    return 0
