"""Read a tomogram and add it up: ``python -m benchmarks.suite.read_volume plain|ours FILE``."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import mrcfile
import numpy as np

from benchmarks.suite.measuring import measured
from deepsxt_core.io import open_volume


def plain(path: Path) -> float:
    """Read the whole file at once."""
    return float(mrcfile.read(path).sum(dtype=np.float64))


def ours(path: Path) -> float:
    """Read slice by slice."""
    volume = open_volume(path)
    return sum(float(volume.read(z0, z1).sum(dtype=np.float64)) for z0, z1 in volume.slabs(1))


if __name__ == "__main__":
    work = {"plain": plain, "ours": ours}[sys.argv[1]]
    print(json.dumps(asdict(measured(lambda: work(Path(sys.argv[2])), 3))))
