"""Simulated tomograms with the bundled model's own scores, kept in a folder."""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.bodies.growth import REACH_PX, Body, grow_body
from deepsxt_core.bodies.patches import Surroundings
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_score, open_volume, write_volume
from deepsxt_core.network import load_model
from deepsxt_core.phantom import PRESETS, Organelle, PhantomParams, simulate
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow import segmentation

LEAST_ACROSS_PX = 8
"""Organelles count of which a ball of so many voxels fits into the tomogram."""

Voxel = tuple[int, int, int]


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


def plain(preset: str, seed: int, shape: Voxel = (64, 256, 256)) -> PhantomParams:
    """Return a preset with a seed."""
    return replace(PRESETS[preset], seed=seed, shape=shape)


def crowded(preset: str, seed: int) -> PhantomParams:
    """Return a small preset with two to fifteen times as many organelles, the rare ones above all.

    A tomogram of it takes a quarter of a minute on one core.
    """
    return replace(
        PRESETS[preset],
        seed=seed,
        shape=(64, 192, 192),
        vesicles=14.0,
        droplets=3.0,
        mitochondria=2.0,
        reticulum_tubes=3.0,
        reticulum_sheets=0.8,
    )


def scored_phantom(folder: Path, params: PhantomParams, preset: str) -> Scored:
    """Return a phantom with its score, from `folder` if it is there."""
    place = folder / f"{preset}-{params.seed}"
    tomogram, score, truth = place / "tomogram.mrc", place / "score", place / "truth.npz"
    if not (score / "run.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        phantom = simulate(params)
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


def deepest(mask: NDArray[np.bool_]) -> tuple[Voxel, float]:
    """Return the voxel farthest from the outside, and how far it is."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1, 1:-1]
    found = np.unravel_index(int(depth.argmax()), depth.shape)
    z, y, x = (int(i) + cut.start for i, cut in zip(found, box, strict=True))
    return (z, y, x), float(depth.max())


@dataclass(frozen=True, slots=True)
class Target:
    """An organelle that counts: kind, where it is, its deepest voxel, and a random one."""

    kind: str
    mask: NDArray[np.bool_]
    middle: Voxel
    anywhere: Voxel


def targets(phantom: Scored, rng: np.random.Generator) -> Iterator[Target]:
    """Yield the organelles that count."""
    for organelle in phantom.organelles:
        mask = phantom.whole(organelle)
        if not mask.any():
            continue
        place, depth = deepest(mask)
        if 2 * depth >= LEAST_ACROSS_PX:
            points = np.argwhere(mask)
            z, y, x = points[rng.integers(len(points))].tolist()
            yield Target(organelle.label.name.lower(), mask, place, (z, y, x))


def around(phantom: Scored, place: Voxel) -> tuple[Surroundings, NDArray[np.int64]]:
    """Return what a click sees, and its first voxel."""
    low = np.maximum(np.subtract(place, REACH_PX), 0)
    high = np.minimum(np.add(place, REACH_PX + 1), phantom.score.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Surroundings(phantom.score[box], phantom.grey[box]), low


def clicked(
    phantom: Scored, inside: Sequence[Voxel], outside: Sequence[Voxel] = ()
) -> tuple[NDArray[np.bool_], Body | None]:
    """Return the body of some clicks, as a mask of the whole phantom and as it was grown."""
    seen, low = around(phantom, inside[0])
    here = [
        [
            (int(z), int(y), int(x))
            for z, y, x in np.reshape(points, (-1, 3)).astype(int) - low
            if 0 <= z < seen.shape[0] and 0 <= y < seen.shape[1] and 0 <= x < seen.shape[2]
        ]
        for points in (inside, outside)
    ]
    body = grow_body(seen, *here)
    return placed(phantom, body, low), body


def placed(phantom: Scored, body: Body | None, low: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a body of a box that begins at `low` as a mask of the whole phantom."""
    whole = np.zeros(phantom.score.shape, bool)
    if body is not None:
        first = np.add(body.first, low)
        whole[tuple(slice(a, a + n) for a, n in zip(first, body.mask.shape, strict=True))] = (
            body.mask
        )
    return whole


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the intersection over the union."""
    return np.count_nonzero(found & truth) / max(np.count_nonzero(found | truth), 1)
