import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import tifffile
from playwright.sync_api import expect

from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Tomogram, Workspace
from tests.results import add_measurement, add_score, add_surface, ball
from tests.waiting import wait_until

# A busy machine is no failure.
expect.set_options(timeout=60_000)

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "",
    "segment",
    "slices",
    "surface",
    "measure",
    "evaluate",
    "batch",
    "jobs",
    "train",
    "models",
]
"""What stands in the address of each page."""


@pytest.fixture
def server(workspace_home, tmp_path):
    """The address of a running app with an empty workspace."""
    with running_app(workspace_home, tmp_path / "server.log") as address:
        yield address


@pytest.fixture
def page(browser):
    """A tab; at its end no request may have left this computer and no script may have failed."""
    context = browser.new_context(viewport={"width": 1440, "height": 1200})
    context.set_default_timeout(60_000)
    page = context.new_page()
    hosts, failures = set(), []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("websocket", lambda websocket: hosts.add(urlsplit(websocket.url).hostname))
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert hosts <= {"localhost", None}
    assert not failures


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def with_results(workspace_home: Path, folder: Path, name: str) -> Tomogram:
    """Return a small tomogram of that name with a score, a surface and a measurement."""
    path, shape = folder / "cell.tif", (8, 48, 48)
    grey = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path, name=name)
    tomogram = tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))
    add_measurement(tomogram, add_surface(tomogram, add_score(tomogram, ball(shape, 3))))
    return tomogram


@contextlib.contextmanager
def running_app(workspace_home, log, port=None):
    """Yield the address of an app that runs meanwhile; it is killed without a traceback of it."""
    port = port or free_port()
    address = f"http://localhost:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deepsxt_core.cli", "app", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | {"DEEPSXT_HOME": str(workspace_home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _healthy(address, process), 60)
        yield address
        assert "Traceback" not in log.read_text(errors="replace")
    finally:
        process.kill()
        process.wait(30)


def _healthy(address: str, process: subprocess.Popen) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
