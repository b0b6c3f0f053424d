"""Costs of commands: seconds of the processor and on the clock, and peak memory.

Each thing that is measured runs in a process of its own. A whole process is measured from outside;
a part of one measures itself (`measured`) and prints what it found as its last line, in JSON.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_LAUNCHER = """
import json, resource, subprocess, sys, time
begun = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
wall_s = time.perf_counter() - begun
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024]))
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: seconds of all cores, seconds on the clock, MB at the peak."""

    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    cost: Cost
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of the suite found.

    Attributes
    ----------
    rows : list of Row
    ratios : dict
        By name: how many times as much the one costs as the other. Larger is better.
    """

    rows: list[Row]
    ratios: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it, numbers rounded, with how busy the machine was."""
        return {
            "rows": [
                {"what": row.what, "note": row.note}
                | {name: _rounded(value) for name, value in asdict(row.cost).items()}
                for row in self.rows
            ],
            "ratios": {name: _rounded(value) for name, value in self.ratios.items()},
            "load": round(os.getloadavg()[0], 1),
        }


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.3g}")


def measured(work: Callable[[], Any], repeats: int) -> Cost:
    """Do something some times; return the least of each time, and the peak of this process."""
    import resource

    best_cpu = best_wall = float("inf")
    for _ in range(repeats):
        begun, spent = time.perf_counter(), time.process_time()
        work()
        best_cpu = min(best_cpu, time.process_time() - spent)
        best_wall = min(best_wall, time.perf_counter() - begun)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Cost(best_cpu, best_wall, peak_kb / 1024)


def told(command: list[str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a module of this suite; return the JSON of its last line."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=_environment(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def whole(command: list[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command of Python to its end; return what the whole process took.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    # Peak memory counts from the process that starts another on: that one is small.
    launched = [sys.executable, "-S", "-c", _LAUNCHER, sys.executable, *command]
    done = subprocess.run(
        launched, cwd=ROOT, env=_environment(environment), stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.returncode}.")
    return Cost(*json.loads(done.stdout))


def least(costs: list[Cost]) -> Cost:
    """Return the least of each."""
    return Cost(*(min(getattr(one, name) for one in costs) for name in Cost.__slots__))


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": f"{ROOT}{os.pathsep}"}
    quiet["PYTHONPATH"] += os.environ.get("PYTHONPATH", "")
    return os.environ | quiet | dict(more or {})
