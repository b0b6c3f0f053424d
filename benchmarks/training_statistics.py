"""Measure what simulated training slices look like, for `deepsxt_core.preprocessing.familiarity`.

python -m benchmarks.training_statistics [--slices 400]
"""

import argparse

import numpy as np

from deepsxt_core.phantom import SliceParams, draw_slice
from deepsxt_core.preprocessing.familiarity import KNOWN, look

_FIRST_SEED = 2_000_003


def main() -> None:
    """Print the ranges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=400)
    args = parser.parse_args()
    images = (
        draw_slice(np.random.default_rng(_FIRST_SEED + n), SliceParams())[0]
        for n in range(args.slices)
    )
    looks = [found for found in map(look, images) if found is not None]
    for name in KNOWN:
        low, high = np.percentile([getattr(each, name) for each in looks], [1, 99])
        print(f'    "{name}": ({low:.3g}, {high:.3g}),')


if __name__ == "__main__":
    main()
