"""Train how the outline of a body is seen from a click: `python -m tools.train_outlines FOLDER`.

Phantoms are simulated and scored by the bundled model into FOLDER, which is kept; then the stages
of `deepsxt_core.bodies.outline` are fitted, one after the other, to the true outlines seen from
random points in every organelle, and written into the package.
"""

import argparse
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.bodies.outline import (
    LOG_RADIUS,
    Stage,
    context_features,
    first_features,
    log_softmax,
    save_stages,
)
from deepsxt_core.bodies.views import DIRECTIONS, RADII, RADIUS_PX, SOLID_ANGLE, Views
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_score, open_volume, write_volume
from deepsxt_core.network import load_model
from deepsxt_core.phantom import PRESETS, Organelle, simulate
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow import segmentation

SHAPE = (64, 256, 256)
PHANTOMS = (
    ("mistral", 101),
    ("hzb", 102),
    ("b24", 103),
    ("b24", 301),
    ("mistral", 302),
    ("hzb", 303),
)
"""Presets and seeds; those of benchmarks/organelles.py are others."""

LEAST_ACROSS_PX = 7
_POINTS = 24
_MOST_SAMPLES, _RAYS = 420, 14
_HIDDEN, _STEPS, _BATCH, _RATE = 28, (1000, 1000, 800), 256, 6e-3
# Of the logarithm of a radius: how sharp the true one is.
_TOLERANCE = 0.08


@dataclass(frozen=True, slots=True)
class Sample:
    """What is seen from a point, and how far the body reaches along some rays."""

    seen: NDArray[np.float32]
    rays: NDArray[np.int64]
    radius_px: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scored:
    """A phantom with the score of the bundled model; arrays are (z, y, x)."""

    score: NDArray[np.float32]
    grey: NDArray[np.float32]
    ids: NDArray[np.uint16]
    organelles: tuple[Organelle, ...]

    def whole(self, organelle: Organelle) -> NDArray[np.bool_]:
        """Return where an organelle and what lies in it is."""
        inner = [one.number for one in self.organelles if one.within == organelle.number]
        return np.isin(self.ids, [organelle.number, *inner])


def scored_phantom(
    folder: Path, preset: str, seed: int, shape: tuple[int, int, int] = SHAPE
) -> Scored:
    """Return a phantom with its score, from `folder` if it is there."""
    place = folder / f"{preset}-{seed}"
    tomogram, score, truth = place / "tomogram.mrc", place / "score", place / "truth.npz"
    if not (score / "run.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        phantom = simulate(replace(PRESETS[preset], seed=seed, shape=shape))
        write_volume(Volume.from_array(phantom.volume, phantom.voxel_size_nm), tomogram)
        np.savez_compressed(truth, ids=phantom.organelle_ids)
        (place / "organelles").write_bytes(pickle.dumps(phantom.organelles))
        segmentation.segment(
            open_volume(tomogram),
            load_model(),
            score,
            SegmentParams(rotations=1),
            NoProgress(),
        )
    stored, grey = open_score(score / segmentation.SCORE_NAME).volume, open_volume(tomogram)
    depth = stored.shape[0]
    with np.load(truth) as file:
        ids = file["ids"]
    organelles = pickle.loads((place / "organelles").read_bytes())
    return Scored(Score.decode(stored.read(0, depth)), grey.read(0, depth), ids, organelles)


def reach(mask: NDArray[np.bool_], point: NDArray[np.floating]) -> tuple[NDArray, NDArray]:
    """Return the distance to the first voxel outside a mask along each ray, and if it is known."""
    steps = np.arange(0.5, RADIUS_PX[-1] + 2, 0.5, dtype=np.float32)
    places = np.rint(point + DIRECTIONS[:, :, None, :] * steps[:, None]).astype(int)
    within = ((places >= 0) & (places < mask.shape)).all(axis=-1)
    clipped = np.clip(places, 0, np.array(mask.shape) - 1)
    outside = ~(mask[tuple(np.moveaxis(clipped, -1, 0))] & within)
    first = outside.argmax(axis=-1)
    known = np.take_along_axis(within, first[..., None], axis=-1)[..., 0]
    radius = steps[first] - 0.25
    return radius, known & outside.any(axis=-1) & (radius < RADIUS_PX[-1])


def samples(phantom: Scored, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield what is seen from random points in organelles, some without score or grey values."""
    views = Views(phantom.score, phantom.grey)
    found = []
    for organelle in phantom.organelles:
        mask = phantom.whole(organelle)
        if not mask.any():
            continue
        box = ndimage.find_objects(mask.astype(np.uint8))[0]
        depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1, 1:-1]
        if 2 * depth.max() < LEAST_ACROSS_PX:
            continue
        points = np.argwhere((depth >= 1) & (phantom.ids[box] == organelle.number))
        weight = depth[tuple(points.T)]
        chosen = rng.choice(len(points), min(_POINTS, len(points)), p=weight / weight.sum())
        places = points[chosen] + [cut.start for cut in box]
        found += [(mask, place) for place in places + rng.uniform(-0.4, 0.4, places.shape)]
    for index in rng.permutation(len(found))[:_MOST_SAMPLES]:
        mask, point = found[index]
        radius, known = reach(mask, point)
        if np.count_nonzero(known) < _RAYS:
            continue
        seen, draw = views.at(point), rng.random()
        if draw < 0.15:
            seen[..., 1] = 0
        elif draw < 0.22:
            seen[..., 0] = -seen[..., 2]
        if rng.random() < 0.5:
            seen[..., 1] *= rng.uniform(0.75, 1.25)
        weight = (SOLID_ANGLE * known).ravel()
        rays = rng.choice(weight.size, _RAYS, replace=False, p=weight / weight.sum())
        yield Sample(seen, rays, radius.ravel()[rays])


def fitted(features: NDArray[np.float16], radius_px: NDArray[np.float32], steps: int) -> Stage:
    """Fit one stage to features (rays, radii, features) by Adam on the cross-entropy."""
    rng = np.random.default_rng(0)
    some = features[rng.choice(len(features), min(3000, len(features)), replace=False)]
    some = some.astype(np.float32)
    mean, spread = some.mean(axis=(0, 1)), some.std(axis=(0, 1)) + 1e-3
    count = features.shape[-1]
    weights = {
        "hidden": (rng.normal(size=(count, _HIDDEN)) / np.sqrt(count)).astype(np.float32),
        "bias": np.zeros(_HIDDEN, np.float32),
        "out": (rng.normal(size=(_HIDDEN, 1)) / np.sqrt(_HIDDEN)).astype(np.float32),
    }
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    wanted = np.exp(
        -0.5 * ((np.log(np.maximum(radius_px, 1))[:, None] - LOG_RADIUS) / _TOLERANCE) ** 2
    )
    wanted /= wanted.sum(axis=1, keepdims=True) + 1e-9
    for step in range(1, steps + 1):
        batch = rng.integers(len(features), size=_BATCH)
        flat = ((features[batch].astype(np.float32) - mean) / spread).reshape(-1, count)
        before = flat @ weights["hidden"] + weights["bias"]
        hidden = np.maximum(before, 0)
        said = np.exp(log_softmax((hidden @ weights["out"]).reshape(-1, RADII)))
        error = ((said - wanted[batch]) / _BATCH).reshape(-1, 1).astype(np.float32)
        back = (error @ weights["out"].T) * (before > 0)
        slopes = {"hidden": flat.T @ back, "bias": back.sum(axis=0), "out": hidden.T @ error}
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
        for name, slope in slopes.items():
            first[name] += 0.1 * (slope - first[name])
            second[name] += 0.01 * (slope**2 - second[name])
            ahead = first[name] / (1 - 0.9**step)
            weights[name] -= rate * ahead / (np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8)
            if name != "bias":
                weights[name] -= rate * 1e-3 * weights[name]
    return Stage(
        mean.astype(np.float32),
        (weights["hidden"] / spread[:, None]).astype(np.float32),
        weights["bias"],
        weights["out"],
    )


def train(found: list[Sample]) -> tuple[Stage, ...]:
    """Fit all stages, each to what the one before it says."""
    radius = np.concatenate([sample.radius_px for sample in found])
    said: list[NDArray[np.float32] | None] = [None] * len(found)
    stages: list[Stage] = []
    for steps in _STEPS:
        rays = []
        for index, sample in enumerate(found):
            features, before = first_features(sample.seen), said[index]
            if before is not None:
                features = np.concatenate(
                    [features, context_features(sample.seen, before)], axis=-1
                )
            rays.append(features.reshape(-1, *features.shape[2:])[sample.rays].astype(np.float16))
        stage = fitted(np.concatenate(rays), radius, steps)
        del rays
        stages.append(stage)
        for index, sample in enumerate(found):
            features, before = first_features(sample.seen), said[index]
            if before is not None:
                features = np.concatenate(
                    [features, context_features(sample.seen, before)], axis=-1
                )
            said[index] = stage(features)
    return tuple(stages)


def main() -> None:
    """Train, and write what was learnt into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rng = np.random.default_rng(0)
    found = [
        sample
        for preset, seed in PHANTOMS
        for sample in samples(scored_phantom(folder, preset, seed), rng)
    ]
    save_stages(train(found))


if __name__ == "__main__":
    main()
