"""What scoring a slice of 1024² costs, by network, engine and precision."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suite.machine import machine, matmul_gflops
from benchmarks.suite.measuring import Cost, Row, Section, told, whole
from deepsxt_core.network import DEFAULT_MODEL

_SIDE = 1024
_MODULE = "benchmarks.suite.one_slice"


def bundled() -> Section:
    """Measure the bundled network: the published procedure, each engine, each precision."""
    with tempfile.TemporaryDirectory() as name:
        return _engines(DEFAULT_MODEL, Path(name), 3)


def published() -> Section:
    """Measure a network of the published size likewise."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "published"
        whole(["-m", _MODULE, "--make", str(made)])
        # Half a minute each.
        return _engines(str(made), Path(name), 1)


def _engines(model: str, place: Path, repeats: int) -> Section:
    # What others have measured and kept here is not looked at.
    fresh = {"XDG_CACHE_HOME": str(place), "DEEPSXT_HOME": str(place)}
    peak = matmul_gflops()
    rows = [Row("matmul of NumPy, 2048²", _cost(2 * 2048**3 / 1e9 / peak), f"{peak:.0f} GFLOP/s")]
    base = [_MODULE, "--model", model, "--slices", _drawn(place), "--repeats", str(repeats)]
    plain = told([*base, "--published"], fresh)
    work = plain["gflop"]
    rows.append(_row(f"published procedure, {plain.pop('note')}", plain))
    engines = [("tensorflow", "float32"), ("openvino", "float32")]
    if "avx512_bf16" in machine()["features"]:
        engines.append(("openvino", "bfloat16"))
    ratios: dict[str, float] = {}
    exact = None
    for engine, precision in engines:
        file = place / "scores.npy"
        asked = ["--engine", engine, "--precision", precision, "--save", str(file)]
        found = told([*base, *asked], fresh)
        scores = np.load(file)
        exact = scores if exact is None else exact
        share = work / found["cpu_s"] / peak
        note = f"{share:.0%} of the matmul peak; {_agreement(exact, scores)}"
        rows.append(_row(f"{engine}, {precision}", found, note))
        ratios[f"{engine}, {precision}, against the published procedure"] = _times(plain, found)
    return Section(rows, ratios)


def default() -> Section:
    """Compare the bundled model as it ran at first (TensorFlow, four rotations) with now."""
    with tempfile.TemporaryDirectory() as name:
        fresh = {"XDG_CACHE_HOME": name, "DEEPSXT_HOME": name}
        base = [_MODULE, "--slices", _drawn(Path(name))]
        before = told([*base, "--engine", "tensorflow", "--rotations", "4"], fresh)
        # The first run measures the engines; the second one finds that measured.
        told([*base, "--precision", "auto"], fresh)
        now = told([*base, "--precision", "auto"], fresh)
    rows = [
        _row("bundled, at first: TensorFlow, float32, four rotations", before),
        _row("bundled, the default now: one rotation", now),
    ]
    return Section(rows, {"the default now, against that at first": _times(before, now)})


def _drawn(place: Path) -> str:
    """Return a file with a slice; drawing it takes more memory than scoring it."""
    file = str(place / "slices.npy")
    whole(["-m", _MODULE, "--draw", file, "--side", str(_SIDE)])
    return file


def _times(slow: dict[str, Any], fast: dict[str, Any]) -> float:
    return float(slow["cpu_s"] / fast["cpu_s"])


def _row(what: str, found: dict[str, Any], note: str = "") -> Row:
    cost = Cost(found["cpu_s"], found["wall_s"], found["peak_mb"])
    return Row(what, cost, note or found.get("note", ""))


def _cost(cpu_s: float) -> Cost:
    return Cost(cpu_s, float("nan"), float("nan"))


def _agreement(one: Any, other: Any) -> str:
    marked = np.count_nonzero(one > 0) + np.count_nonzero(other > 0)
    dice = 2 * np.count_nonzero((one > 0) & (other > 0)) / marked if marked else 1.0
    return f"scores within {np.abs(one - other).max():.1g}, Dice {dice:.4f}"
