"""What the app takes: a slice over HTTP, a page in Chromium."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.suite.measuring import ROOT, Cost, Row, Section

_REQUESTS = 400
_MB = 2**20


def slices() -> Section:
    """Ask a running app for slices of 1024² from four clients."""
    command = [sys.executable, "benchmarks/serve_slices.py", "--requests", str(_REQUESTS)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    cost = Cost(found["cpu_ms"] / 1000, found["median_ms"] / 1000, found["memory_second_half_mb"])
    note = f"of {_REQUESTS} by 4 clients; {found['errors']} errors"
    flat = found["memory_first_half_mb"] / found["memory_second_half_mb"]
    return Section(
        [Row("a slice of 1024² by the app", cost, note)],
        {"memory of the first half of the requests, against the second": flat},
    )


def pages() -> Section:
    """Open the first page of a fresh app in Chromium."""
    from tests.browser.conftest import running_app
    from tests.chromium import chromium

    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        begun = time.perf_counter()
        with running_app(folder / "workspace", folder / "log") as address:
            started = time.perf_counter() - begun
            app = _app()
            start = Cost(_spent(app), started, app.memory_info().rss / _MB)
            rows = [Row("the app, until it answers", start)]
            for title in ("the first page of a fresh app", "the same page again"):
                before, begun = _spent(app), time.perf_counter()
                page = browser.new_page()
                page.goto(address)
                page.wait_for_selector("h1", timeout=120_000)
                seconds = time.perf_counter() - begun
                memory = app.memory_info().rss / _MB
                rows.append(Row(title, Cost(_spent(app) - before, seconds, memory), "of the app"))
                page.close()
    return Section(rows, {})


def _app() -> psutil.Process:
    for process in psutil.Process().children(recursive=True):
        if "deepsxt_core.cli" in process.cmdline():
            return process
    raise RuntimeError("There is no app.")


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
