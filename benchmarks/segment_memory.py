"""Time and peak memory of segmenting a large tomogram: 300 × 1000 × 1000 float32 by default.

The tomogram is noise with a slow background, made in a temporary folder as MRC. The command
line runs in a process of its own, whose peak resident memory is reported.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np


def write_tomogram(path: Path, shape: tuple[int, int, int]) -> None:
    """Write noise slice by slice, so that this process stays small too."""
    rng = np.random.default_rng(0)
    background = np.linspace(0, 1, shape[2], dtype=np.float32)
    with mrcfile.new_mmap(path, shape, mrc_mode=2) as mrc:
        mrc.voxel_size = 200  # Å
        for z in range(shape[0]):
            mrc.data[z] = rng.normal(size=shape[1:]).astype(np.float32) * 2e-3 + background


def main() -> None:
    """Make the tomogram, segment it, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--model", default="deepsxt-compact")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        tomogram = Path(folder) / "tomogram.mrc"
        write_tomogram(tomogram, (arguments.slices, arguments.side, arguments.side))
        command = [
            *(sys.executable, "-m", "deepsxt_core.cli", "segment", str(tomogram), "--json"),
            *("--out", str(Path(folder) / "out"), "--model", arguments.model),
        ]
        started = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
    report = json.loads(done.stdout)
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{arguments.slices} slices of {arguments.side} × {arguments.side} in {seconds:.0f} s")
    print(f"  {arguments.slices / report['seconds']:.2f} slices/s on {report['device']}")
    print(f"  peak resident memory {peak_gb:.2f} GB")


if __name__ == "__main__":
    main()
