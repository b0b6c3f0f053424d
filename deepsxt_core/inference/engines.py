"""Which engine scores a network: of those that agree, the one that this machine runs fastest.

The backend of Keras (TensorFlow, PyTorch or JAX) can always score. On CPUs OpenVINO is tried
beside it, once for each model, machine and version: the times and the agreement are kept in the
user's folder for caches, so the next run has nothing to measure, and where OpenVINO scores it
needs neither Keras nor TensorFlow. While other programs compute, the time on the clock means
nothing: the time that the processor spent decides then, and is measured again the next day.
"""

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
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
from deepsxt_core.inference.kept_graphs import graph_of
from deepsxt_core.inference.tiling import ScoreTiles
from deepsxt_core.network.models import Model

logger = logging.getLogger(__name__)

OPENVINO = "openvino"
_AGREE = 1e-3
_SIDE_PX = 256
_ROUNDS = 3
_BUSY = 0.2
_BUSY_VALID_S = 86_400
# Of the time in float32; what gains less is not worth its rounding.
_GAIN = 0.9
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


_of_networks: WeakKeyDictionary[Any, Compiled] = WeakKeyDictionary()
_of_models: WeakKeyDictionary[Model, dict[str, Compiled]] = WeakKeyDictionary()
_chosen: WeakKeyDictionary[Model, str] = WeakKeyDictionary()


def backend() -> str:
    """Return the backend of Keras, which is not loaded for it."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    told = read_json(Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras.json")
    return os.environ.get("KERAS_BACKEND") or str((told or {}).get("backend", "tensorflow"))


def compiled(network: Any) -> Compiled:
    """Compile a network for the backend of Keras, once; it may learn further."""
    if network not in _of_networks:
        from deepsxt_core.network.architecture import score_network

        name = backend()
        module = name if name == "tensorflow" else "keras"
        runtime = import_module(f"deepsxt_core.inference.{module}_runtime")
        score = runtime.compile_score(score_network(network))
        _of_networks[network] = Compiled(score, runtime.device_name(), name)
    return _of_networks[network]


def on_openvino(model: Model, precision: str = "float32") -> Compiled:
    """Compile a model for OpenVINO, once; its weights are copied.

    The `precision` is "float32" or, where the processor has it, "bfloat16".
    """
    from deepsxt_core.inference import openvino_runtime as runtime

    ready = _of_models.setdefault(model, {})
    if precision not in ready:
        score = runtime.compile_graph(graph_of(model), precision)
        ready[precision] = Compiled(score, runtime.device_name(), OPENVINO)
    return ready[precision]


def reduced(model: Model | Any, engine: str, precision: str) -> Compiled:
    """Compile a model or network in "bfloat16" or "float16", for the engine if it has that.

    The backend of Keras always has, by emulation where the device has not.
    """
    if engine == OPENVINO and precision == "bfloat16":
        from deepsxt_core.inference.openvino_runtime import has_bfloat16

        if has_bfloat16():
            return on_openvino(model, precision)
    from deepsxt_core.network.architecture import build_network

    network = model.network if isinstance(model, Model) else model
    copy = build_network(network.deepsxt_config, f"mixed_{precision}")
    copy.set_weights(network.get_weights())
    return compiled(copy)


def gains_by_bfloat16(model: Model) -> bool:
    """Return whether OpenVINO scores a model faster in bfloat16 here; measured once, and kept."""
    from deepsxt_core.inference.openvino_runtime import has_bfloat16

    if not has_bfloat16():
        return False

    def measure() -> dict[str, Any]:
        pair = {name: on_openvino(model, name).score for name in ("float32", "bfloat16")}
        return _measured(pair, _noise(model))

    found = _known(model.info.sha256(), "bfloat16", measure)
    taken = _decisive(found)
    return taken["bfloat16"] < _GAIN * taken["float32"]


def fastest(model: Model, wanted: str | None = None) -> Compiled:
    """Compile a model for the engine that is to score it.

    Parameters
    ----------
    model : Model
        What was measured before is known again by its hash.
    wanted : str, optional
        The engine that scored before, for the same digits; taken if it is here.

    Raises
    ------
    DeepSXTError
        If ``DEEPSXT_ENGINE`` asks for OpenVINO, and it is not installed.
    """
    asked, installed = settings.engine(), _has_openvino()
    if asked == OPENVINO and not installed:
        raise DeepSXTError(
            "DEEPSXT_ENGINE asks for OpenVINO, which is not installed here. Install it by "
            "'pip install openvino', or leave the variable out."
        )
    if asked != "auto":
        name = asked
    elif wanted == backend() or (wanted == OPENVINO and installed):
        name = str(wanted)
    else:
        if model not in _chosen:
            _chosen[model] = _choose(model) if installed else backend()
        name = _chosen[model]
    return on_openvino(model) if name == OPENVINO else compiled(model.network)


def _has_openvino() -> bool:
    return find_spec(OPENVINO) is not None


def _choose(model: Model) -> str:
    """Return the name of the engine, from what was measured before or now."""
    sha256 = model.info.sha256()
    try:
        found = _known(sha256, "engines", lambda: _compared(model))
    except _OnGpuError:
        return backend()
    except Exception:
        # Any library may fail on any machine; the other engine is there.
        logger.warning("OpenVINO fails here and is not used.", exc_info=True)
        return backend()
    taken = _decisive(found)
    agrees = found["difference"] <= _AGREE
    return OPENVINO if agrees and taken[OPENVINO] < taken[backend()] else backend()


class _OnGpuError(Exception):
    """The backend of Keras has a GPU: nothing is measured."""


def _compared(model: Model) -> dict[str, Any]:
    own = compiled(model.network)
    if own.device != "CPU":
        raise _OnGpuError
    return _measured({own.engine: own.score, OPENVINO: on_openvino(model).score}, _noise(model))


def _noise(model: Model) -> NDArray[np.float32]:
    divisor = model.config.divisor
    side = max(divisor, _SIDE_PX // divisor * divisor)
    shape = (1, side, side, model.config.slices_seen)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _known(sha256: str, question: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured before about a model, if it is still valid, or what is now."""
    place, key = settings.cache_folder() / "engines.json", _key(sha256, question)
    kept: dict[str, Any] = (read_json(place) or {}).get(key) or {}
    if kept and not (kept["busy"] and time.time() - kept["measured"] > _BUSY_VALID_S):
        return kept
    found = measure() | {"measured": time.time()}
    logger.info("The model %.8s, %s: %s", sha256, question, found)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, (read_json(place) or {}) | {key: found})
    except (OSError, DeepSXTError) as error:
        logger.info("The measurement of the engines is not kept: %s", error)
    return found


def _measured(scores: Mapping[str, ScoreTiles], tiles: NDArray[np.float32]) -> dict[str, Any]:
    """Return how fast two ways score tiles, and how far they agree."""
    # The first call of each compiles.
    one, other = (score(tiles) for score in scores.values())
    seconds = dict.fromkeys(scores, np.inf)
    processor_seconds = dict(seconds)
    others = _Others()
    for _ in range(_ROUNDS):
        for name, score in scores.items():
            wall, cpu = _timed(score, tiles)
            seconds[name] = min(seconds[name], wall)
            processor_seconds[name] = min(processor_seconds[name], cpu)
    return {
        "difference": float(np.abs(one - other).max()),
        "seconds": {name: round(taken, 5) for name, taken in seconds.items()},
        "processor_seconds": {name: round(taken, 5) for name, taken in processor_seconds.items()},
        "busy": others.share() > _BUSY,
        "side_px": tiles.shape[1],
    }


def _decisive(found: Mapping[str, Any]) -> dict[str, float]:
    taken: dict[str, float] = found["processor_seconds" if found["busy"] else "seconds"]
    return taken


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


def _key(sha256: str, question: str) -> str:
    """Return what a measurement is known by: what was asked of which model, machine, software."""
    from deepsxt_core.inference.openvino_runtime import processor_name

    packages = {}
    for package in _DECISIVE:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    known = {
        "question": question,
        "model": sha256,
        "processor": processor_name(),
        # A card that comes later is to be found.
        "cards": len(list(Path("/dev").glob("nvidia[0-9]*"))),
        "cores": os.cpu_count(),
        "backend": backend(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "packages": packages,
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
