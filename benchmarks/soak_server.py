"""The server of a soak: started, killed, started again at the same address."""

import http.client
import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.browser.conftest import ROOT, free_port
from tests.waiting import wait_until

QUOTA_GB = 4


class Server:
    """The app on a workspace, with a quota and a folder for temporary files beside it.

    Attributes
    ----------
    address : str
    pid : int or None
        None while it does not run.
    """

    def __init__(self, home: Path, out: Path) -> None:
        self._home, self._out, self._port = home, out, free_port()
        self.address = f"http://localhost:{self._port}"
        self.pid: int | None = None
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with (self._out / "server.log").open("ab") as log:
            self._process = psutil.Popen(
                [sys.executable, "-m", "deepsxt_core.cli", "app", "--port", str(self._port)],
                cwd=ROOT,
                # By the folder of the workspace its processes are known from others.
                env=os.environ
                | {
                    "DEEPSXT_HOME": str(self._home),
                    "DEEPSXT_QUOTA_GB": str(QUOTA_GB),
                    "TMPDIR": str(self._home.parent / "tmp"),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: _answers(self._process, self._port), 120)
        self.pid = self._process.pid

    def kill(self) -> None:
        """End the server without a word."""
        self.pid = None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        """Ask the server to end."""
        self.pid = None
        self._process.terminate()
        self._process.wait(30)


def _answers(server: psutil.Popen, port: int) -> bool:
    if server.poll() is not None:
        raise RuntimeError("the server ended")
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
