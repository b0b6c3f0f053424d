"""Which machine a table was made on: what is measured on one says little about another."""

import os
import platform
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

# Of what the processor can do, what decides how fast a network is.
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_MATMUL = 2048


def machine() -> dict[str, Any]:
    """Return model, features and number of the processors that this process may use."""
    told = Path("/proc/cpuinfo")
    text = told.read_text(encoding="utf-8") if told.is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", text, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": model[1].strip() if model else platform.processor(),
        "features": [name for name in _FEATURES if name in known],
        "cores": cores,
        "system": platform.system(),
    }


def class_of(found: dict[str, Any]) -> str:
    """Return what machines are called whose ratios can be compared."""
    return f"{found['processor']}, {' '.join(found['features'])}, {found['cores']} cores"


def matmul_gflops() -> float:
    """Return the GFLOP in float32 that NumPy does in a second of one core: the best of ten."""
    side = _MATMUL
    one = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    best = np.inf
    for _ in range(10):
        spent = time.process_time()
        one @ one
        best = min(best, time.process_time() - spent)
    return float(2 * side**3 / best / 1e9)
