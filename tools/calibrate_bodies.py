"""Calibrate the confidence and the sizes of bodies: `python -m tools.calibrate_bodies FOLDER`.

On phantoms that the network has not learnt from: confidence by bodies that are grown where
*propose* would, and from clicks into organelles; sizes by those clicks. What is found is written
into the package.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from deepsxt_core.bodies.calibration import Calibration, save
from deepsxt_core.bodies.seeds import find_seeds
from tools.scored_phantoms import (
    Scored,
    clicked,
    crowded,
    overlap,
    plain,
    scored_phantom,
    targets,
)

logger = logging.getLogger(__name__)

PLAIN = (("mistral", 104), ("b24", 304))
CROWDED = (
    *((preset, 2000 + i) for i in range(2) for preset in ("hzb", "mistral", "b24")),
    ("hzb", 2002),
)
SAME, _CLASSES, _LEVEL, _PENALTY = 0.5, 3, 0.95, 1e-3
_SEEDS = 12


Found = tuple[NDArray[np.float64], bool, float]
"""Features of a body, whether it is an organelle, and, of a click, the true size over its own."""


def proposals(phantom: Scored) -> Iterator[Found]:
    """Yield some of the bodies that *propose* would grow."""
    every = [phantom.whole(one) for one in phantom.organelles]
    every = [mask for mask in every if mask.any()]
    seeds = np.random.default_rng(0).permutation(np.reshape(find_seeds(phantom.score), (-1, 3)))
    for seed in seeds[:_SEEDS].tolist():
        mask, body = clicked(phantom, [tuple(seed)])
        if body is not None:
            best = max((overlap(mask, truth) for truth in every if truth[mask].any()), default=0)
            yield body.features, best >= SAME, np.nan


def clicks(phantom: Scored, *, both: bool) -> Iterator[Found]:
    """Yield the bodies of clicks into organelles, at the deepest voxel and at any, or in turn."""
    for number, target in enumerate(targets(phantom, np.random.default_rng(0))):
        places = [target.middle, target.anywhere]
        for place in places if both else [places[number % 2]]:
            mask, body = clicked(phantom, [place])
            if body is not None:
                ratio = np.count_nonzero(target.mask) / body.voxels
                yield body.features, overlap(mask, target.mask) >= SAME, ratio


def logistic(values: NDArray[np.floating], is_right: NDArray[np.bool_]) -> list[float]:
    """Return the weights of a logistic regression, the constant first."""
    both = np.column_stack([np.ones(len(values)), values])
    signs = np.where(is_right, 1.0, -1.0)

    def loss(weights: NDArray[np.floating]) -> float:
        return float(
            np.logaddexp(0, -signs * (both @ weights)).mean() + _PENALTY * (weights[1:] ** 2).sum()
        )

    return [float(w) for w in minimize(loss, np.zeros(both.shape[1])).x]


def conformal(
    ratios: NDArray[np.floating], confidences: NDArray[np.floating]
) -> tuple[list[float], list[tuple[float, float]]]:
    """Return edges between classes of confidence, and the interval of the ratio in each."""
    edges = np.quantile(confidences, np.arange(1, _CLASSES) / _CLASSES)
    found = []
    for number in range(_CLASSES):
        here = np.sort(ratios[np.searchsorted(edges, confidences, side="right") == number])
        rank = int(np.floor((len(here) + 1) * (1 - _LEVEL) / 2))
        rank = max(rank, 1)
        found.append((float(here[rank - 1]), float(here[-rank])))
    return edges.tolist(), found


def calibrated(found: Sequence[Found]) -> Calibration:
    """Return the calibration from bodies; the size of those of proposals is not a number."""
    features, is_right, ratios = (np.array(part) for part in zip(*found, strict=True))
    known = Calibration(logistic(features, is_right), [], [])
    sized = np.isfinite(ratios)
    confidences = np.array([known.confidence(f) for f in features[sized]])
    edges, intervals = conformal(ratios[sized], confidences)
    return replace(known, edges=edges, ratios=intervals)


def main() -> None:
    """Calibrate, and write it into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    found: list[Found] = []
    for preset, seed in CROWDED:
        phantom = scored_phantom(folder, crowded(preset, seed), preset)
        found += [*clicks(phantom, both=False), *proposals(phantom)]
        logger.info("%s %d: %d bodies", preset, seed, len(found))
    for preset, seed in PLAIN:
        found += clicks(scored_phantom(folder, plain(preset, seed), preset), both=True)
    save(calibrated(found))


if __name__ == "__main__":
    main()
