"""Ask a running app for slices from several clients; tell how fast it is and what it holds.

``python benchmarks/serve_slices.py`` starts an app on a simulated tomogram of 1024² pixels, sends
2,000 requests from 4 clients, and prints one JSON object. Memory is that of the app's process; it
is flat if the second half of the requests adds nothing to the first.
"""

import argparse
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import tifffile

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (64, 1024, 1024)
MB = 2**20


def main() -> None:
    """Start the app, ask it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--port", type=int, default=8599)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DEEPSXT_HOME"] = str(folder / "workspace")
        tomogram_id = make_tomogram(folder)
        command = [
            sys.executable,
            "-m",
            "deepsxt_core.cli.main",
            "app",
            "--port",
            str(arguments.port),
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            told = ask(process, tomogram_id, arguments)
        finally:
            process.terminate()
            process.wait(30)
    print(json.dumps(told))


def make_tomogram(folder: Path) -> str:
    """Put a tomogram of noise into the workspace, and return its id."""
    from deepsxt_core.workspace import Workspace

    path = folder / "noise.tif"
    noise = np.random.default_rng(0).integers(0, 65_535, SHAPE, np.uint16)
    tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).id


def ask(process: subprocess.Popen, tomogram_id: str, arguments: argparse.Namespace) -> dict:
    """Send all requests; return numbers."""
    app = psutil.Process(process.pid)
    memory_bytes, waited_s, errors = [], [], []

    def client(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", arguments.port, timeout=60)
        for n in range(first, arguments.requests, arguments.clients):
            begun = time.perf_counter()
            # An address of its own each, as no browser's memory is to help.
            query = f"?n={secrets.token_hex(4)}"
            connection.request("GET", f"/api/tomograms/{tomogram_id}/slices/{n % SHAPE[0]}{query}")
            answer = connection.getresponse()
            body = answer.read()
            waited_s.append(time.perf_counter() - begun)
            if answer.status != 200 or len(body) != SHAPE[1] * SHAPE[2]:
                errors.append(answer.status)
            if n % 50 == 0:
                memory_bytes.append(app.memory_info().rss)
        connection.close()

    before = app.memory_info().rss
    spent = sum(app.cpu_times()[:2])
    begun = time.perf_counter()
    with ThreadPoolExecutor(arguments.clients) as threads:
        list(threads.map(client, range(arguments.clients)))
    seconds = time.perf_counter() - begun
    cpu_s = sum(app.cpu_times()[:2]) - spent
    half = len(memory_bytes) // 2
    return {
        "requests": arguments.requests,
        "errors": len(errors),
        "per_second": round(arguments.requests / seconds, 1),
        "cpu_ms": round(1000 * cpu_s / arguments.requests, 2),
        "median_ms": round(1000 * float(np.median(waited_s)), 1),
        "slowest_ms": round(1000 * max(waited_s), 1),
        "memory_before_mb": round(before / MB),
        "memory_first_half_mb": round(max(memory_bytes[:half]) / MB),
        "memory_second_half_mb": round(max(memory_bytes[half:]) / MB),
    }


if __name__ == "__main__":
    main()
