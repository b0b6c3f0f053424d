"""Time and memory of one slice on every engine, each in a process of its own.

::

    python -m benchmarks.engines [--side 1024] [--network bundled] [--network published]

The published network has random weights, which cost as much as trained ones.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

ENGINES = {
    "TensorFlow": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"},
    "TensorFlow with oneDNN": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1"},
    "Keras on OpenVINO": {"KERAS_BACKEND": "openvino"},
    "OpenVINO": {"KERAS_BACKEND": "openvino"},
}


def measure(engine: str, name: str, side: int, repeats: int) -> dict[str, float]:
    """Score one slice some times in this process; return the quickest, and what the start took."""
    import numpy as np

    from deepsxt_core.network import NetworkConfig, build_network, load_model, score_network

    network = (
        load_model().network if name == "bundled" else build_network(NetworkConfig.published())
    )
    if engine == "OpenVINO":
        from deepsxt_core.inference.openvino_graph import network_graph
        from deepsxt_core.inference.openvino_runtime import compile_graph

        def compile_score(network: Any) -> Any:
            return compile_graph(network_graph(network))
    elif engine == "Keras on OpenVINO":
        from deepsxt_core.inference.keras_runtime import compile_score
    else:
        from deepsxt_core.inference.tensorflow_runtime import compile_score
    score = compile_score(score_network(network))
    tiles = np.random.default_rng(0).normal(size=(1, side, side)).astype(np.float32)
    sample = score(tiles)
    first_cpu_s = time.process_time()
    wall, cpu = [], []
    for _ in range(repeats):
        begun, used = time.perf_counter(), time.process_time()
        score(tiles)
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    return {
        "wall_s": min(wall),
        "cpu_s": min(cpu),
        "until_first_cpu_s": first_cpu_s,
        "peak_mb": _peak_mb(),
        "score_std": float(sample.std()),
    }


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure every engine on every network and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024, help="Of the slice, in pixels.")
    parser.add_argument("--network", action="append", choices=("bundled", "published"))
    parser.add_argument("--engine", action="append", choices=tuple(ENGINES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    networks = args.network or ["bundled", "published"]
    engines = args.engine or list(ENGINES)
    if args.worker:
        print(json.dumps(measure(engines[0], networks[0], args.side, args.repeats)))
        return
    for name in networks:
        for engine in engines:
            command = [sys.executable, "-m", "benchmarks.engines", "--worker"]
            command += ["--network", name, "--engine", engine]
            command += ["--side", str(args.side), "--repeats", str(args.repeats)]
            quiet = os.environ | ENGINES[engine] | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
            told = done.stdout.strip() or done.stderr.strip().splitlines()[-1]
            print(f"{name:10} {engine:24} {told}", flush=True)


if __name__ == "__main__":
    main()
