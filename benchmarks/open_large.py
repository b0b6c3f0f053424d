"""Time and memory of what *Open* does with a large file: open, show the middle slice, check.

python benchmarks/open_large.py [--gigabytes 2] [--folder FOLDER]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_SIDE = 1000


def make(path: Path, gigabytes: float) -> None:
    """Write an MRC file of noise, float32, slices of 1000 × 1000 pixels."""
    from deepsxt_core.io import write_mrc
    from deepsxt_core.volume import Volume, VoxelSize

    rng = np.random.default_rng(0)
    slices = [rng.normal(0.3, 0.05, (_SIDE, _SIDE)).astype(np.float32) for _ in range(4)]
    depth = round(gigabytes * 1e9 / (4 * _SIDE**2))

    def read(z0: int, z1: int) -> np.ndarray:
        return np.stack([slices[z % 4] for z in range(z0, z1)])

    shape = (depth, _SIDE, _SIDE)
    write_mrc(Volume(shape, np.dtype(np.float32), VoxelSize.isotropic(10), read), path)


def _peak_bytes() -> int:
    # `resource` would count what the parent held when it started this process. Linux alone.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def show(path: Path) -> None:
    """Measure in this process, whose memory has not yet seen a volume."""
    import scipy.ndimage  # noqa: F401

    from deepsxt_core.io import open_volume
    from deepsxt_core.preprocessing import check_health
    from deepsxt_core.web.pictures import grey_codes, survey

    size_gb = path.stat().st_size / 1e9
    before, begun = _peak_bytes(), time.monotonic()
    volume = open_volume(path)
    seen = survey(volume)
    middle = volume.shape[0] // 2
    grey_codes(volume.read(middle, middle + 1)[0], seen.low, seen.high)
    shown, memory = time.monotonic() - begun, _peak_bytes() - before
    print(f"{size_gb:.2f} GB: open, survey, middle slice {shown:.2f} s, {memory / 1e6:.0f} MB more")
    begun = time.monotonic()
    report = check_health(volume)
    checked, memory = time.monotonic() - begun, _peak_bytes() - before
    print(f"health report {checked:.1f} s, {memory / 1e6:.0f} MB more ({report.level})")


def main() -> None:
    """Make the file and measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, help="where the file is made (temporary folder)")
    parser.add_argument("--show", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.show:
        show(args.show)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "large.mrc"
        make(path, args.gigabytes)
        subprocess.run([sys.executable, __file__, "--show", str(path)], check=True)


if __name__ == "__main__":
    main()
