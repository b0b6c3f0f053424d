"""Time and peak memory of segmenting a large tomogram: 300 × 1000 × 1000 float32 by default.

The tomogram is noise with a slow background, made in a temporary folder as MRC. The command
line runs in a process of its own, whose resident memory is read twice a second: reported are its
peak and its range from the tenth slab to the last.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import mrcfile
import numpy as np
import psutil

_SETTLED_SLABS = 10


def write_tomogram(path: Path, shape: tuple[int, int, int]) -> None:
    """Write noise slice by slice, so that this process stays small too."""
    rng = np.random.default_rng(0)
    background = np.linspace(0, 1, shape[2], dtype=np.float32)
    with mrcfile.new_mmap(path, shape, mrc_mode=2) as mrc:
        mrc.voxel_size = 200  # Å
        for z in range(shape[0]):
            mrc.data[z] = rng.normal(size=shape[1:]).astype(np.float32) * 2e-3 + background


def sampled(process: subprocess.Popen, record: Path) -> Iterator[tuple[int, int]]:
    """Yield how many slabs are finished and the resident bytes, twice a second until the end."""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        if record.is_file():
            # The first line is the recipe. At the end the record is removed: work is over then.
            with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
                yield len(record.read_bytes().splitlines()) - 1, watched.memory_info().rss
        time.sleep(0.5)


def main() -> None:
    """Make the tomogram, segment it, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--model", default="deepsxt-compact")
    parser.add_argument("--rotations", type=int, default=4)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        tomogram = Path(folder) / "tomogram.mrc"
        write_tomogram(tomogram, (arguments.slices, arguments.side, arguments.side))
        command = [
            *(sys.executable, "-m", "deepsxt_core.cli.main", "segment", str(tomogram), "--json"),
            *("--out", str(Path(folder) / "out"), "--model", arguments.model),
            *("--rotations", str(arguments.rotations)),
        ]
        started = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            memory = list(sampled(process, Path(folder) / "out" / "slabs.jsonl"))
            output = process.stdout.read()
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(process.returncode)
    report = json.loads(output)
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{arguments.slices} slices of {arguments.side} × {arguments.side} in {seconds:.0f} s")
    print(f"  {arguments.slices / report['seconds']:.2f} slices/s on {report['device']}")
    print(f"  peak resident memory {peak_gb:.2f} GB")
    settled = [resident / 1e9 for slabs, resident in memory if slabs >= _SETTLED_SLABS]
    middle = (min(settled) + max(settled)) / 2
    print(
        f"  from slab {_SETTLED_SLABS} to {memory[-1][0]}: {min(settled):.3f} to "
        f"{max(settled):.3f} GB, ±{(max(settled) / middle - 1):.1%}"
    )


if __name__ == "__main__":
    main()
