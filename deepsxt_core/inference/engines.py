"""Which engine scores a network: of those that agree, the one that this machine runs fastest.

The backend of Keras (TensorFlow, PyTorch or JAX) can always score. On CPUs OpenVINO is tried
beside it, once for each model, machine and version: the times and the agreement are kept in the
user's folder for caches, so the next run has nothing to measure. What was measured while other
programs computed is not kept, and the time on the clock means nothing then: the time that the
processor spent decides instead.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import psutil
from numpy.typing import NDArray

from deepsxt_core import settings
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.inference.tiling import ScoreTiles

logger = logging.getLogger(__name__)

OPENVINO = "openvino"
_AGREE = 1e-3
_SIDE_PX = 256
_ROUNDS = 3
_BUSY = 0.2
# What else may change which engine is faster, or whether they agree.
_DECISIVE = ("openvino", "keras", "tensorflow", "torch", "jax")


class Compiled(NamedTuple):
    """A network that is ready to score.

    Attributes
    ----------
    score : callable
    device : str
        ``"CPU"`` or the name of the GPU.
    engine : str
        ``"openvino"``, or the backend of Keras.
    """

    score: ScoreTiles
    device: str
    engine: str


_compiled: WeakKeyDictionary[Any, dict[str, Compiled]] = WeakKeyDictionary()
_chosen: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def compiled(network: Any, engine: str | None = None) -> Compiled:
    """Compile a network for an engine, once; left out, for the backend of Keras.

    OpenVINO copies the weights: take it only for a network that learns no more.
    """
    import keras

    ready = _compiled.setdefault(network, {})
    name = engine or keras.config.backend()
    if name not in ready:
        ready[name] = _compile(network, name)
    return ready[name]


def reduced(network: Any, engine: str, precision: str) -> Compiled:
    """Compile a network in "bfloat16" or "float16", for the engine if it has that.

    The backend of Keras always has, by emulation where the device has not.
    """
    from deepsxt_core.network.architecture import build_network, score_network

    if engine == OPENVINO and precision == "bfloat16":
        from deepsxt_core.inference import openvino_runtime as runtime

        if runtime.has_bfloat16():
            score = runtime.compile_score(score_network(network), precision)
            return Compiled(score, runtime.device_name(), OPENVINO)
    copy = build_network(network.deepsxt_config, f"mixed_{precision}")
    copy.set_weights(network.get_weights())
    return compiled(copy)


def _compile(network: Any, engine: str) -> Compiled:
    from deepsxt_core.network.architecture import score_network

    module = engine if engine in (OPENVINO, "tensorflow") else "keras"
    runtime = import_module(f"deepsxt_core.inference.{module}_runtime")
    return Compiled(runtime.compile_score(score_network(network)), runtime.device_name(), engine)


def fastest(network: Any, sha256: str, wanted: str | None = None) -> Compiled:
    """Compile a network for the engine that is to score it.

    Parameters
    ----------
    network : keras.Model
        As `build_network` makes it; it learns no more.
    sha256 : str
        Of its model: what was measured before is known again by it.
    wanted : str, optional
        The engine that scored before, for the same digits; taken if it is here.

    Raises
    ------
    DeepSXTError
        If ``DEEPSXT_ENGINE`` asks for OpenVINO, and it is not installed.
    """
    import keras

    backend, asked, installed = keras.config.backend(), settings.engine(), _has_openvino()
    if asked == OPENVINO and not installed:
        raise DeepSXTError(
            "DEEPSXT_ENGINE asks for OpenVINO, which is not installed here. Install it by "
            "'pip install openvino', or leave the variable out."
        )
    if asked != "auto":
        return compiled(network, OPENVINO if asked == OPENVINO else backend)
    if wanted == backend or (wanted == OPENVINO and installed):
        return compiled(network, wanted)
    if network not in _chosen:
        _chosen[network] = _choose(network, sha256) if installed else backend
    return compiled(network, _chosen[network])


def _has_openvino() -> bool:
    return find_spec(OPENVINO) is not None


def _choose(network: Any, sha256: str) -> str:
    """Return the name of the engine, from what was measured before or now."""
    import keras

    backend, place, key = keras.config.backend(), _kept_at(), _key(sha256)
    kept = read_json(place) or {}
    if key in kept:
        return str(kept[key]["engine"])
    own = compiled(network)
    if own.device != "CPU":
        return backend
    try:
        found = _measure(own, compiled(network, OPENVINO), network.deepsxt_config.divisor)
    except Exception:
        # Any library may fail on any machine; the other engine is there.
        logger.warning("OpenVINO fails here and is not used.", exc_info=True)
        return backend
    logger.info("Engines for the model %.8s: %s", sha256, found)
    if found["busy"]:
        return str(found["engine"])
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, kept | {key: found})
    except (OSError, DeepSXTError) as error:
        logger.info("The measurement of the engines is not kept: %s", error)
    return str(found["engine"])


def _measure(own: Compiled, other: Compiled, divisor: int) -> dict[str, Any]:
    """Return which of two engines scores a tile of noise faster, and how far they agree."""
    side = max(divisor, _SIDE_PX // divisor * divisor)
    tiles = np.random.default_rng(0).normal(size=(1, side, side)).astype(np.float32)
    # The first call of each compiles.
    difference = float(np.abs(own.score(tiles) - other.score(tiles)).max())
    seconds = {own.engine: np.inf, other.engine: np.inf}
    processor_seconds = dict(seconds)
    others = _Others()
    for _ in range(_ROUNDS):
        for name, score in ((own.engine, own.score), (other.engine, other.score)):
            wall, cpu = _timed(score, tiles)
            seconds[name] = min(seconds[name], wall)
            processor_seconds[name] = min(processor_seconds[name], cpu)
    busy = others.share() > _BUSY
    decisive = processor_seconds if busy else seconds
    better = difference <= _AGREE and decisive[other.engine] < decisive[own.engine]
    return {
        "engine": other.engine if better else own.engine,
        "difference": difference,
        "seconds": {name: round(taken, 5) for name, taken in seconds.items()},
        "processor_seconds": {name: round(taken, 5) for name, taken in processor_seconds.items()},
        "busy": busy,
        "side_px": side,
    }


def _timed(
    score: Callable[[NDArray[np.float32]], Any], tiles: NDArray[np.float32]
) -> tuple[float, float]:
    """Return the seconds on the clock, and those of the processor."""
    begun, spent = time.perf_counter(), time.process_time()
    score(tiles)
    return time.perf_counter() - begun, time.process_time() - spent


class _Others:
    """Watches what other programs take of all processors, from its making on."""

    def __init__(self) -> None:
        self._before = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        times = psutil.cpu_times()
        return sum(times), times.idle + getattr(times, "iowait", 0.0), time.process_time()

    def share(self) -> float:
        """Return their part of the time that all processors had, from 0 to 1."""
        had, idle, own = np.subtract(self._now(), self._before)
        return float((had - idle - own) / had) if had > 0 else 0.0


def _kept_at() -> Path:
    import pooch

    return Path(pooch.os_cache("deepsxt")) / "engines.json"


def _key(sha256: str) -> str:
    """Return what a measurement is known by: model, machine, and software."""
    import keras

    from deepsxt_core.inference.openvino_runtime import processor_name

    packages = {}
    for package in _DECISIVE:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    known = {
        "model": sha256,
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "backend": keras.config.backend(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "packages": packages,
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
