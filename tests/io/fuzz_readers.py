# ruff: noqa: T201
"""Damage small files of every format and see that readers only answer or refuse.

``make fuzz`` runs it. Each damaged file must end as a volume or as a `DeepSXTError`, within 10 s
and 1 GB of memory beyond what the reading process had at its start. The files come from a seed: the
same seed makes the same files. What fails is kept in a folder, one file and its traceback each.
"""

import argparse
import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from stack_files import FOLDERS, TYPES, WRITERS, make_stack

from deepsxt_core.errors import DatasetChoiceError, DeepSXTError
from deepsxt_core.io import list_datasets, open_volume

TIME_LIMIT_S = 10
MEMORY_LIMIT_BYTES = 1 << 30
_SHAPE = (3, 18, 17)
_HEAD_BYTES = 1024
_WORDS = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
_TEXTS = (b"0", b"-1", b"99999999999", b"nan", b"1e999", b"../../x", b"{}", b"[]", b"null", b"\n")


def seed_paths(folder: Path) -> dict[str, Path]:
    """Return where the undamaged file or folder of every kind lies."""
    files = {kind: folder / kind / "tomogram" for kind in WRITERS}
    return files | {f"folder-{kind}": folder / f"folder-{kind}" for kind in FOLDERS}


def make_seeds(folder: Path) -> None:
    """Write one small file or folder of every kind."""
    paths = seed_paths(folder)
    for kind, (write, _) in WRITERS.items():
        paths[kind].parent.mkdir()
        write(paths[kind], make_stack(TYPES.get(kind, "uint16"), _SHAPE))
    for kind, write in FOLDERS.items():
        write(paths[f"folder-{kind}"], make_stack("uint16", _SHAPE))


def damage(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Return the content with one to four injuries."""
    made = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        size = max(len(made), 1)
        at = int(rng.integers(min(size, _HEAD_BYTES) if rng.random() < 0.6 else size))
        n = int(rng.integers(1, 64))
        match int(rng.integers(9)):
            case 0:
                made[at : at + 1] = bytes([int(rng.integers(256))])
            case 1 if made:
                made[min(at, len(made) - 1)] ^= 1 << int(rng.integers(8))
            case 2:
                order = "little" if rng.random() < 0.7 else "big"
                width = int(rng.choice([2, 4, 8]))
                word = int(rng.choice(_WORDS)) % (1 << 8 * width)
                made[at : at + width] = word.to_bytes(width, order)
            case 3:
                made[at:] = b"" if rng.random() < 0.3 else made[at + n :]
            case 4:
                made[at:at] = rng.bytes(n)
            case 5:
                made[at:at] = made[at : at + n]
            case 6:
                start = int(rng.integers(max(len(other), 1)))
                made[at : at + n] = other[start : start + n]
            case 7:
                made += bytes(n)
            case _:
                digits = [i for i, byte in enumerate(made[:4096]) if 48 <= byte <= 57]
                spot = int(rng.choice(digits)) if digits else at
                text = _TEXTS[int(rng.integers(len(_TEXTS)))]
                made[spot : spot + 1] = text
    return bytes(made)


def make_case(index: int, seed: int, seeds: dict[str, Path], target: Path) -> str:
    """Write case number `index` to `target` and return its kind."""
    rng = np.random.default_rng([seed, index])
    kind = list(seeds)[index % len(seeds)]
    other = next(p for p in rng.permutation(list(seeds.values())) if p.is_file()).read_bytes()
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if seeds[kind].is_dir():
        shutil.copytree(seeds[kind], target)
        members = sorted(path for path in target.rglob("*") if path.is_file())
        injured = members[int(rng.integers(len(members)))]
        injured.write_bytes(damage(injured.read_bytes(), rng, other))
    else:
        target.write_bytes(damage(seeds[kind].read_bytes(), rng, other))
    return kind


def use(path: Path) -> str:
    """Do with a file what the program does; return how it ended."""
    try:
        list_datasets(path)
        try:
            volume = open_volume(path)
        except DatasetChoiceError as choice:
            volume = open_volume(path, dataset=choice.candidates[0])
        slab = volume.read(0, 1)
        volume.read(volume.shape[0] - 1, volume.shape[0])
    except DeepSXTError as error:
        return type(error).__name__
    if slab.shape != (1, *volume.shape[1:]) or slab.dtype != volume.dtype:
        raise AssertionError(f"{volume.shape} {volume.dtype} read as {slab.shape} {slab.dtype}")
    return "Volume"


def work(first: int, last: int, seed: int, folder: Path) -> None:
    """Try cases in this process, one line before each and one after it."""
    import resource

    warnings.simplefilter("ignore")
    logging.disable()
    make_seeds(folder)
    seeds = seed_paths(folder)
    for path in seeds.values():
        if use(path) != "Volume":
            raise AssertionError(f"the undamaged file {path} does not open")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # The default action ends the process even where native code does not come back.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for index in range(first, last):
        make_case(index, seed, seeds, folder / "case")
        print(json.dumps({"start": index}), flush=True)
        signal.alarm(TIME_LIMIT_S)
        begin, trace = time.perf_counter(), None
        try:
            outcome = use(folder / "case")
        except Exception as error:  # noqa: BLE001
            outcome, trace = f"!{type(error).__name__}", traceback.format_exc()
        signal.alarm(0)
        seconds = time.perf_counter() - begin
        print(json.dumps({"end": outcome, "trace": trace, "seconds": seconds}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": peak / 1024}), flush=True)


def main() -> int:
    """Run all cases in worker processes, a new one after each that died; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("outputs/fuzz"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    end = args.first + args.files
    if args.worker:
        work(args.first, end, args.seed, args.worker)
        return 0
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    index, slowest, peak_mb = args.first, 0.0, 0.0
    while index < end:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--first", str(index), "--files", str(end - index)]
            command += ["--seed", str(args.seed), "--worker", folder]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
                running = False
                for line in worker.stdout or ():
                    told = json.loads(line)
                    if "start" in told:
                        index, running = told["start"], True
                    elif "end" in told:
                        running = False
                        outcomes[told["end"]] += 1
                        slowest = max(slowest, told["seconds"])
                        if told["trace"]:
                            findings.append(_keep(args, folder, index, told["trace"]))
                    else:
                        peak_mb = max(peak_mb, told["peak_mb"])
            if running:
                outcomes[f"!ended by signal {-worker.returncode}"] += 1
                died = f"the process ended with code {worker.returncode}"
                findings.append(_keep(args, folder, index, died))
            elif worker.returncode:
                return worker.returncode
        index += 1
    for outcome, n in outcomes.most_common():
        print(f"{n:7}  {outcome}")
    print(f"slowest {slowest:.2f} s, largest process {peak_mb:.0f} MB")
    print(*findings, sep="\n")
    return 1 if findings else 0


def _keep(args: argparse.Namespace, folder: str, index: int, trace: str) -> str:
    """Make the case once more, as the worker may be at the next one, and keep it."""
    args.keep.mkdir(parents=True, exist_ok=True)
    target = args.keep / f"{index:06}"
    kind = make_case(index, args.seed, seed_paths(Path(folder)), target)
    target.with_suffix(".txt").write_text(f"{kind}\n{trace}")
    return f"{index} ({kind}): {trace.strip().splitlines()[-1]}"


if __name__ == "__main__":
    sys.exit(main())
