"""The cost of one slice with one network in this process: ``python -m benchmarks.suite.one_slice``.

The slice is a drawn one. The published procedure is written out as its users run it: the network
is called eagerly, with both decoders, on the tiles of the published cut, scores are averaged. Its
tiles are all of one size; one is computed, and counts as often as there are tiles.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.suite.measuring import Cost, measured
from deepsxt_core.inference import Predictor
from deepsxt_core.inference.tiling import compat_starts
from deepsxt_core.network import (
    DEFAULT_MODEL,
    NetworkConfig,
    build_network,
    open_model,
    save_model,
    score_network,
)
from deepsxt_core.phantom.slice_canvas import SliceParams
from deepsxt_core.phantom.slices import draw_slice
from deepsxt_core.preprocessing import zscore

_TILE, _STRIDE, _DIVISOR = 600, 400, 16


def drawn(side: int) -> NDArray[np.float32]:
    """Return a standardised slice (1, side, side) like those that the bundled model learnt from."""
    image, _ = draw_slice(np.random.default_rng(1), SliceParams(shape=(side, side)))
    return zscore(image[np.newaxis])


def make_published(folder: Path) -> None:
    """Write a model of the published size, its weights by chance: they cost as trained ones do."""
    import keras

    keras.utils.set_random_seed(0)
    config = NetworkConfig.published()
    save_model(folder, build_network(config), config, "")


def published(network: Any, slices: NDArray[np.float32], repeats: int) -> tuple[Cost, str]:
    """Return the cost of the published procedure on a slice, and how it is counted."""
    tile = min(_TILE, *slices.shape[1:]) // _DIVISOR * _DIVISOR
    count = len(compat_starts(slices.shape[1], tile, _STRIDE)) ** 2
    part = slices[:, :tile, :tile, np.newaxis]

    def eager() -> None:
        _, score = network(part, training=False)
        np.asarray(score)

    cost = measured(eager, repeats)
    note = f"one tile of {tile}² of {count}, times {count}"
    return Cost(count * cost.cpu_s, count * cost.wall_s, cost.peak_mb), note


def gflop(network: Any, side: int) -> float:
    """Return the multiplications and additions of the convolutions for a square slice."""
    scored, total, shapes = score_network(network), 0.0, {}
    for layer in scored.layers:
        if not layer.get_config().get("batch_shape"):
            given = layer.input if isinstance(layer.input, list) else [layer.input]
            inputs = [shapes[id(each)] for each in given]
            shape = layer.compute_output_shape(inputs if len(inputs) > 1 else inputs[0])
            if hasattr(layer, "kernel"):
                # A transposed convolution does its work for each pixel that comes in.
                work = inputs[0] if "Transpose" in type(layer).__name__ else shape
                total += 2 * work[1] * work[2] * float(np.prod(layer.kernel.shape))
        else:
            shape = (1, side, side, 1)
        shapes[id(layer.output)] = shape
    return total / 1e9


def main() -> None:
    """Score the slice and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--make", type=Path, help="write a model of the published size, and end")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--draw", help="draw slices into this file, and end")
    parser.add_argument("--slices", help="file with what is scored, (1, y, x)")
    parser.add_argument("--engine")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--rotations", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--published", action="store_true", help="the published procedure")
    parser.add_argument("--save", help="file for the scores")
    args = parser.parse_args()
    if args.make:
        make_published(args.make)
        return
    if args.draw:
        np.save(args.draw, drawn(args.side))
        return
    model, slices = open_model(args.model), np.load(args.slices)
    if args.published:
        cost, note = published(model.network, slices, args.repeats)
        work = {"note": note, "gflop": gflop(model.network, slices.shape[-1])}
        print(json.dumps(asdict(cost) | work))
        return
    predictor = Predictor(
        model, precision=args.precision, rotations=args.rotations, engine=args.engine
    )
    scores = predictor.score(slices)
    if args.save:
        np.save(args.save, scores)
    cost = measured(lambda: predictor.score(slices), args.repeats)
    note = f"{predictor.engine}, {predictor.precision}"
    print(json.dumps(asdict(cost) | {"note": note}))


if __name__ == "__main__":
    main()
