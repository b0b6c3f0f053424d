"""Kill the server while somebody paints: what it had acknowledged is there when it starts again.

``python -m benchmarks.kill_server`` paints through the routes as the browser does (strokes,
erasing, growing, undo and redo, each sent once the one before is acknowledged) to the app's server,
without its pages, which it ends by SIGKILL at a random moment; then it starts it again. All planes
that the new server gives, and its objects, must equal those of an annotation that nobody disturbed
and that took the acknowledged changes alone. The change that was on its way may have happened or
not.
"""

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from deepsxt_core.annotation import Annotation, operation_to_json
from deepsxt_core.web.annotations import annotation_address
from deepsxt_core.web.own_pages import token
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import KeptAnnotation, add_annotation
from tests.annotation.painter import random_operation
from tests.browser.conftest import free_port
from tests.waiting import wait_until

SHAPE = (40, 90, 150)
LONGEST_S = 1.0
# The app's routes and what guards them; what draws the pages takes most of the time of a start.
SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from deepsxt_core.web import guard, routes
app = Starlette(routes=routes.routes(), middleware=[Middleware(guard.Guard)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""

Change = dict[str, Any]
"""What was asked for: ``what``, and the ``operation`` if it is one."""


class RefusedError(Exception):
    """The server answered that it would not."""


class Tab:
    """What a tab of a browser sends to an annotation in the server at a port."""

    def __init__(self, port: int, kept: KeptAnnotation) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._address = f"/{annotation_address(kept.tomogram, kept.id)}"
        self._token = token()

    def post(self, what: str, **content: Any) -> dict[str, Any]:
        """Send something; return what the server tells once it is done."""
        body = json.dumps({"session": "tab", "owner": "the painter", **content})
        headers = {"X-DeepSXT-Token": self._token}
        return json.loads(self._asked("POST", f"/{what}", body, headers))

    def objects(self) -> dict[str, Any]:
        """Return the table of objects."""
        return json.loads(self._asked("GET", "/objects"))

    def labels(self) -> NDArray[np.uint16]:
        """Return all planes across z, uint16 (z, y, x)."""
        planes = (self._asked("GET", f"/planes/z/{z}?level=0") for z in range(SHAPE[0]))
        return np.stack([np.frombuffer(plane, "<u2").reshape(SHAPE[1:]) for plane in planes])

    def _asked(
        self, method: str, rest: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        self._connection.request(method, self._address + rest, body, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise RefusedError(f"{answer.status}: {content!r:.200}")
        return content


def paint(tab: Tab, rng: np.random.Generator, asked: list[Change], done: list[Change]) -> None:
    """Paint until the server is gone; tell what is asked for before, and what is acknowledged."""
    told = tab.post("take")
    while True:
        kind = int(rng.integers(6))
        change: Change = {"what": "undo" if kind == 0 else "redo"}
        if kind > 1 or not told[change["what"]]:
            operation = operation_to_json(random_operation(rng, SHAPE))
            change = {"what": "operations", "operation": operation}
        asked.append(change)
        try:
            told = tab.post(**change)
        except RefusedError:
            asked.pop()  # there is no such object, just now
            continue
        except (OSError, http.client.HTTPException):
            return
        done.append(change)


def repeat(change: Change, annotation: Annotation) -> None:
    """Do to an annotation what was asked of the server."""
    if change["what"] == "operations":
        annotation.apply(json.dumps(change["operation"]))
    elif change["what"] == "undo":
        annotation.undo()
    else:
        annotation.redo()


@contextmanager
def server() -> Iterator[tuple[int, subprocess.Popen]]:
    """Start a server; yield its port and process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), 120)
        yield port, process
    finally:
        process.kill()
        process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Rounds:
    """Rounds on one annotation, beside one that nobody disturbs."""

    def __init__(self, folder: Path, seed: int) -> None:
        path = folder / "cell.tif"
        tifffile.imwrite(path, np.zeros(SHAPE, np.uint8), imagej=True, metadata={"axes": "ZYX"})
        tomogram = Workspace(folder / "workspace").add_file(path)
        self.clock, self.seed = random.Random(seed), seed
        self.kept = add_annotation(tomogram, "killed")
        self.undisturbed = add_annotation(tomogram, "undisturbed").open()
        self.acknowledged = self.same = self.kills = self.in_hand = 0
        self.waiting: Change | None = None

    def compare(self, port: int) -> None:
        """Ask a server that was started again for everything, and compare."""
        tab = Tab(port, self.kept)
        if self.waiting is not None:
            entries = tab.post("beat")["version"]
            if entries > self.undisturbed.entries:
                self.in_hand += 1
                repeat(self.waiting, self.undisturbed)
            self.waiting = None
        expected = self.undisturbed.labels.read(0, SHAPE[0])
        same = np.array_equal(tab.labels(), expected)
        self.same += same and tab.objects() == self.undisturbed.objects.to_json()

    def run(self, kills: int) -> None:
        """Paint and kill so many times, comparing after each."""
        for number in range(kills + 1):
            with server() as (port, process):
                if number:
                    self.compare(port)
                if number < kills:
                    self._paint_until_killed(port, process)

    def _paint_until_killed(self, port: int, process: subprocess.Popen) -> None:
        asked: list[Change] = []
        done: list[Change] = []
        rng = np.random.default_rng((self.seed, self.kills))
        with ThreadPoolExecutor(1) as hand:
            painting = hand.submit(paint, Tab(port, self.kept), rng, asked, done)
            while not done and not painting.done():
                time.sleep(0.001)
            time.sleep(self.clock.uniform(0, LONGEST_S))
            process.kill()
            painting.result()
        self.kills += 1
        self.acknowledged += len(done)
        for change in done:
            repeat(change, self.undisturbed)
        self.waiting = asked[-1] if len(asked) > len(done) else None


def main() -> None:
    """Run the rounds and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["DEEPSXT_HOME"] = f"{name}/workspace"
        begun, rounds = time.monotonic(), Rounds(Path(name), arguments.seed)
        rounds.run(arguments.kills)
        print(
            f"{rounds.same} of {rounds.kills} kills left what {rounds.acknowledged} acknowledged "
            f"changes make; {rounds.in_hand} times with the one that was on its way "
            f"({time.monotonic() - begun:.0f} s)"
        )
        if rounds.same != rounds.kills:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
