"""Paints into an annotation until it is killed, and says after each stroke that it is done.

    python painter.py ANNOTATION SEED

Prints a line per acknowledged change: the operation as JSON, ``undo`` or ``redo``.
"""

import json
import sys

import numpy as np

from deepsxt_core.annotation import (
    Brush,
    Erase,
    Grow,
    Operation,
    Paint,
    open_annotation,
    operation_to_json,
)


def random_operation(rng: np.random.Generator, shape: tuple[int, int, int]) -> Operation:
    points = rng.integers(0, shape, (rng.integers(1, 4), 3)).tolist()
    stroke = Brush(points=points, radius=float(rng.uniform(0, 8)))
    kind = rng.integers(0, 10)
    if kind == 0:
        return Grow(object=1, radius=1.5)
    return (
        Erase(stroke=stroke) if kind < 3 else Paint(object=int(rng.integers(1, 9)), stroke=stroke)
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(path: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    annotation = open_annotation(path)
    say("ready")
    while True:
        kind = rng.integers(0, 6)
        if kind == 0 and annotation.can_undo:
            annotation.undo()
            done = "undo"
        elif kind == 1 and annotation.can_redo:
            annotation.redo()
            done = "redo"
        else:
            operation = random_operation(rng, annotation.shape)
            if annotation.apply(operation).entry is None:
                continue
            done = json.dumps(operation_to_json(operation))
        say(done)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
