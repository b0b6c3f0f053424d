"""The score on OpenVINO: graphs compiled, written and read. Keras is not needed for it."""

import re
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.inference.tiling import ScoreTiles, per_class

_REPORTER = "openvino_telemetry"


def _import_unreported() -> tuple[Any, Any]:
    """Import OpenVINO without the report to Google Analytics that its import would send.

    It sends none where that package is missing, which it is as long as this takes.
    """
    modules: dict[str, Any] = sys.modules
    missing = _REPORTER not in modules
    known = modules.get(_REPORTER)
    modules[_REPORTER] = None
    try:
        import openvino
        from openvino import opset8
    finally:
        if missing:
            del modules[_REPORTER]
        else:
            modules[_REPORTER] = known
    return openvino, opset8


openvino, ops = _import_unreported()

_EXHAUSTED = re.compile(r"alloc|out of memory", re.IGNORECASE)
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


def device_name() -> str:
    """Return the device that will compute, for people."""
    return "CPU"


def processor_name() -> str:
    """Return what the processor calls itself."""
    return str(openvino.Core().get_property("CPU", "FULL_DEVICE_NAME"))


def has_bfloat16() -> bool:
    """Return whether the processor computes in bfloat16; asked to, others go on in float32."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def read_graph(path: Path) -> Any:
    """Read what `write_graph` wrote.

    Raises
    ------
    RuntimeError
        If it is not there, or damaged.
    """
    return openvino.Core().read_model(path)


def write_graph(graph: Any, path: Path) -> None:
    """Write a graph to `path` (.xml) and its weights, float32, beside it (.bin).

    Raises
    ------
    RuntimeError, OSError
        If it cannot be written.
    """
    openvino.save_model(graph, path, compress_to_fp16=False)


def compile_graph(graph: Any, precision: str = "float32") -> ScoreTiles:
    """Compile a graph, (n, slices seen, y, x) to (n, classes, y, x), for all sizes.

    The `precision` of its arithmetic is "float32" or, where the processor has it, "bfloat16".

    What it returns raises `MemoryError` where there is too little memory for its input.
    """
    # Left to itself it computes in bfloat16 where the processor can.
    hints = {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(graph, "CPU", hints)
    one_at_a_time = threading.Lock()

    def score(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            with one_at_a_time:
                # What it returns is its own memory, which the next call fills again.
                scores = compiled(np.moveaxis(tiles, -1, 1))[0]
                return per_class(np.moveaxis(scores, 1, -1)).copy()
        except RuntimeError as error:
            if not _EXHAUSTED.search(str(error)):
                raise
            raise MemoryError("The network's memory is exhausted.") from error

    return score
