# ruff: noqa: T201
"""Damage small models of every kind and see that their import only answers or refuses.

``make fuzz`` runs it. Each damaged model, and each damaged configuration, must end as a model or as
a `DeepSXTError` of one line, within 20 s of computing and 1 GB of memory beyond what the process
had at its start. The cases come from a seed: the same seed makes the same ones. What fails is kept
in a folder, one file and its traceback each.
"""

import argparse
import copy
import functools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.network import architecture, export_model, intake, save_model
from deepsxt_core.network.config import NetworkConfig
from deepsxt_core.network.models import CARD_NAME, CONFIG_NAME, WEIGHTS_NAME
from tests.models import small_config, small_network

TIME_LIMIT_S = 20
MEMORY_LIMIT_BYTES = 1 << 30
NAMES = {
    "zip": "model.zip",
    "keras": "model.keras",
    "weights": "model.weights.h5",
    "legacy": "legacy.h5",
}
KINDS = tuple(NAMES)
_WORDS = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 7, 10**9, 10**40, -(10**9), 0.5, 4.0, 1e9, -0.0),
    *(float("nan"), float("inf"), float("-inf"), "", "wide", "8", "\ud800", "x" * 5000),
    *([], [3], [3] * 9, [3] * 5000, [[3]], [None], ["a"], {}, {"type": "relu"}, {"active": True}),
)
_TEXTS = (
    *('{"m_f": ' * 20_000, "[" * 100_000, '{"m_f": 1' + "0" * 5000 + "}", '{"m_f": 1e400}'),
    *("", "null", "[]", "3", '"text"', "{", '{"m_f": NaN}', "\x00", "\ufeff{}", "{" + " " * 10_000),
)


def seed_paths(folder: Path) -> dict[str, Path]:
    """Return where the undamaged model of every kind lies."""
    return {kind: folder / name for kind, name in NAMES.items()}


def make_seeds(folder: Path) -> dict[str, Path]:
    """Write one small model of every kind."""
    network, paths = small_network(), seed_paths(folder)
    os.environ["DEEPSXT_HOME"] = str(folder / "home")
    save_model(folder / "home" / "models" / "seed", network, small_config(2), "# A card\n")
    export_model("seed", paths["zip"])
    network.save(paths["keras"])
    network.save_weights(paths["weights"])
    shutil.copy(Path(__file__).parents[1] / "golden" / "variant_leaky_avgpool.h5", paths["legacy"])
    return paths


def config_of(kind: str) -> NetworkConfig | None:
    """Return the configuration that is given with a model of this kind."""
    if kind == "legacy":
        golden = Path(__file__).parents[1] / "golden" / "variant_leaky_avgpool.json"
        return NetworkConfig.from_json(golden)
    return None if kind == "zip" else small_config(2)


def damaged_config(content: dict[str, Any], rng: np.random.Generator) -> bytes:
    """Return the text of a configuration with one to three odd entries."""
    if rng.random() < 0.1:
        return _TEXTS[int(rng.integers(len(_TEXTS)))].encode("utf-8", "surrogatepass")
    made = copy.deepcopy(content)
    for _ in range(int(rng.integers(1, 4))):
        place: Any = made
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = keys[int(rng.integers(len(keys)))]
            inner = place[key]
            if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
                place = inner
                continue
            if rng.random() < 0.15:
                del place[key]
            else:
                place[key] = copy.deepcopy(_ODD[int(rng.integers(len(_ODD)))])
            break
    return json.dumps(made).encode()


def damaged_bytes(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Return the content with one to four injuries."""
    made = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        size = max(len(made), 1)
        at = int(rng.integers(min(size, 2048) if rng.random() < 0.5 else size))
        n = int(rng.integers(1, 64))
        match int(rng.integers(7)):
            case 0:
                made[at : at + 1] = bytes([int(rng.integers(256))])
            case 1:
                width = int(rng.choice([2, 4, 8]))
                word = int(rng.choice(_WORDS)) % (1 << 8 * width)
                made[at : at + width] = word.to_bytes(width, "little")
            case 2:
                made[at:] = b"" if rng.random() < 0.3 else made[at + n :]
            case 3:
                made[at:at] = rng.bytes(n)
            case 4:
                start = int(rng.integers(max(len(other), 1)))
                made[at : at + n] = other[start : start + n]
            case 5:
                made[at : at + n] = bytes(n)
            case _ if made:
                made[min(at, len(made) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(made)


def odd_hdf5(path: Path, rng: np.random.Generator) -> None:
    """Change one object of an HDF5 file as no program would."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = names[int(rng.integers(len(names)))]
        node = file[name]
        match int(rng.integers(8)):
            case 0:
                del file[name]
                file[name] = h5py.ExternalLink("/etc/hostname", "/x")
            case 1:
                del file[name]
                file[name] = h5py.SoftLink(names[int(rng.integers(len(names)))])
            case 2:
                del file[name]
                file.create_dataset(name, (5, 7), "f4", external=[("/etc/passwd", 0, 140)])
            case 3:
                del file[name]
                file.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(256, 256))
            case 4:
                del file[name]
                kinds = ["S9", "u1", "f8", h5py.string_dtype(), h5py.ref_dtype, [("a", "f4")]]
                kind = kinds[int(rng.integers(len(kinds)))]
                file.create_dataset(name, tuple(rng.integers(0, 5, 2)), kind)
            case 5:
                del file[name]
            case 6:
                for key in list(node.attrs):
                    node.attrs[key] = [b"../x", b"\xff"] if rng.random() < 0.5 else 3
            case _:
                file.attrs["layer_names"] = [b"encoder", b"nothing", b"\xff\xfe"]


def make_case(index: int, seed: int, seeds: dict[str, Path], folder: Path) -> Path:
    """Write model number `index` into `folder` and return its path."""
    rng = np.random.default_rng([seed, index])
    kind = KINDS[index % len(KINDS)]
    path = folder / seeds[kind].name
    shutil.copy(seeds[kind], path)
    way = rng.random()
    if kind in ("weights", "legacy") and way < 0.5:
        odd_hdf5(path, rng)
    elif kind in ("zip", "keras") and way < 0.7:
        _repack(path, rng)
    else:
        other = seeds[KINDS[int(rng.integers(len(KINDS)))]].read_bytes()
        path.write_bytes(damaged_bytes(path.read_bytes(), rng, other))
    return path


def _repack(path: Path, rng: np.random.Generator) -> None:
    """Damage one member, so that the archive itself stays whole; or make it a bomb."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = list(members)
    name = names[int(rng.integers(len(names)))]
    last = name.rpartition("/")[2]
    bomb = 0
    if rng.random() < 0.15:
        bomb = 64 << 20
    elif last == CONFIG_NAME:
        members[name] = damaged_config(json.loads(members[name]), rng)
    elif last == WEIGHTS_NAME:
        weights = path.with_name("member.h5")
        weights.write_bytes(members[name])
        if rng.random() < 0.6:
            odd_hdf5(weights, rng)
            members[name] = weights.read_bytes()
        else:
            members[name] = damaged_bytes(members[name], rng, members[names[0]])
    elif last == CARD_NAME:
        odd = (b"\xff\xfe", b"\0" * 99, b"x" * (1 << 19), "\u202e![a](http://x/y)".encode())
        members[name] = odd[int(rng.integers(len(odd)))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for each, content in members.items():
            archive.writestr(each, bytes(bomb) if bomb and each == name else content)


def import_case(path: Path, folder: Path) -> str:
    """Do with a model what its import does, without the process; return how it ended."""
    config = config_of(next(kind for kind, name in NAMES.items() if name == path.name))
    return _ended(lambda: intake.make_model(path, config, folder))


def make_config_case(index: int, seed: int, folder: Path) -> Path:
    """Write configuration number `index` into `folder` and return its path."""
    path = folder / CONFIG_NAME
    rng = np.random.default_rng([seed, 1, index])
    path.write_bytes(damaged_config(small_config(2).to_dict(), rng))
    return path


def read_config_case(path: Path) -> str:
    """Read a configuration; return how it ended."""
    return _ended(lambda: NetworkConfig.from_json(path))


def _ended(work: Any) -> str:
    try:
        work()
    except DeepSXTError as error:
        text = str(error)
        text.encode()
        if "\n" in text or len(text) > 1000:
            raise AssertionError(f"no single line: {text[:2000]!r}") from error
        return type(error).__name__
    except MemoryError:
        # The process ends with a sentence of its own.
        return "MemoryError"
    return "accepted"


def work(first: int, last: int, seed: int, what: str, folder: Path) -> None:
    """Try cases in this process, one line before each and one after it."""
    import resource

    warnings.simplefilter("ignore")
    # Most cases ask for a network that was built before.
    architecture.build_network = functools.lru_cache(32)(architecture.build_network)
    # What is written was accepted, and is our own.
    intake.write_model = lambda *_: None
    seeds = make_seeds(folder)
    logging.disable()
    for kind in KINDS:
        if import_case(seeds[kind], folder / "home") != "accepted":
            raise AssertionError(f"the undamaged model {seeds[kind]} is not accepted")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # The default action ends the process even where native code does not come back.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for index in range(first, last):
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir()
        is_model = what == "models"
        path = (
            make_case(index, seed, seeds, case) if is_model else make_config_case(index, seed, case)
        )
        (case / "out").mkdir()
        print(json.dumps({"start": index}), flush=True)
        signal.setitimer(signal.ITIMER_PROF, TIME_LIMIT_S)
        begin, trace = time.perf_counter(), None
        try:
            outcome = import_case(path, case / "out") if is_model else read_config_case(path)
        except Exception as error:  # noqa: BLE001
            outcome, trace = f"!{type(error).__name__}", traceback.format_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.perf_counter() - begin
        told = {"end": outcome, "trace": trace, "seconds": seconds}
        told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told), flush=True)


def main() -> int:
    """Run all cases in worker processes, a new one after each that died; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--what", choices=("models", "configurations"), default="models")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Stop after these.")
    parser.add_argument("--keep", type=Path, default=Path("outputs/fuzz-models"))
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    end = args.first + args.cases
    if args.worker:
        work(args.first, end, args.seed, args.what, args.worker)
        return 0
    outcomes: Counter[str] = Counter()
    findings: list[str] = []
    index, slowest, peak_mb = args.first, 0.0, 0.0
    deadline = time.monotonic() + 60 * args.minutes
    while index < end and time.monotonic() < deadline:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.network.fuzz_models", "--what", args.what]
            command += ["--first", str(index), "--cases", str(end - index)]
            command += ["--seed", str(args.seed), "--worker", folder]
            quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as worker:
                running = False
                for line in worker.stdout or ():
                    told = json.loads(line) if line.startswith("{") else {}
                    if "start" in told:
                        index, running = told["start"], True
                    elif "end" in told:
                        running = False
                        outcomes[told["end"]] += 1
                        slowest = max(slowest, told["seconds"])
                        if told["trace"]:
                            findings.append(_keep(args, folder, index, told["trace"]))
                        peak_mb = max(peak_mb, told["peak_mb"])
                        if time.monotonic() > deadline:
                            worker.kill()
                            break
            if running:
                outcomes[f"!ended by signal {-worker.returncode}"] += 1
                died = f"the process ended with code {worker.returncode}"
                findings.append(_keep(args, folder, index, died))
            elif worker.returncode and time.monotonic() < deadline:
                return worker.returncode
        index += 1
    for outcome, n in outcomes.most_common():
        print(f"{n:7}  {outcome}")
    print(f"slowest {slowest:.2f} s, largest process {peak_mb:.0f} MB")
    print(*findings, sep="\n")
    return 1 if findings else 0


def _keep(args: argparse.Namespace, folder: str, index: int, trace: str) -> str:
    """Make the case once more, as the worker may be at the next one, and keep it."""
    target = args.keep / f"{args.what}-{index:06}"
    target.mkdir(parents=True, exist_ok=True)
    if args.what == "models":
        make_case(index, args.seed, seed_paths(Path(folder)), target)
    else:
        make_config_case(index, args.seed, target)
    (target / "trace.txt").write_text(trace)
    return f"{index}: {trace.strip().splitlines()[-1][:500]}"


if __name__ == "__main__":
    sys.exit(main())
