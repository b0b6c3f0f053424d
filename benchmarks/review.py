"""How often the intervals of a review hold the truth, on simulated tomograms.

    python -m benchmarks.review FOLDER [--reviews 200] [--keep tests/review/phantoms.npz]

Phantoms with the bundled model's scores of them are kept in FOLDER (a minute or two each).
Reviewed are the membranes above a score of 0, and, for counts,
what they enclose in three dimensions, of which an object is right where more than half of it lies
in one organelle that no other has. The reviewer errs never, and mends a tile wholly. Each review
draws another random order.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from deepsxt_core.annotation.review_plan import outline_area
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import open_score
from deepsxt_core.network import load_model
from deepsxt_core.phantom import PRESETS, PhantomParams, simulate
from deepsxt_core.progress import NoProgress
from deepsxt_core.review import ERRORS, Estimate, Found, Judged, Machine, Population, estimates
from deepsxt_core.volume import Score, Volume
from deepsxt_core.workflow.segmentation import SCORE_NAME, segment

_SEEDS = {"hzb": (102, 201, 303), "mistral": (101, 104, 202, 302), "b24": (103, 301, 304)}
PHANTOMS = [(preset, seed) for preset, seeds in _SEEDS.items() for seed in seeds]
SHAPE = (64, 256, 256)
TILE_PX = 64
CLOSE = 0.2
LEAST_VOXELS = 200
NAMES = ("volume", "area", "count", "precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What the machine found in each tile of a phantom, and what is wrong there.

    Attributes
    ----------
    voxels, closeness, area : ndarray
        float64 (tiles,).
    errors : ndarray
        float64 (tiles, 5), in the order of `ERRORS`.
    wrong_objects : ndarray
        bool (objects,): of those that the machine has found.
    """

    voxels: NDArray[np.float64]
    closeness: NDArray[np.float64]
    area: NDArray[np.float64]
    errors: NDArray[np.float64]
    wrong_objects: NDArray[np.bool_]

    @property
    def machine(self) -> Machine:
        """What the machine found in all."""
        return Machine(self.voxels.sum(), self.area.sum(), len(self.wrong_objects))

    def truth(self) -> dict[str, float]:
        """Return what a review of all would find."""
        wrong, missed, area, _, missed_objects = self.errors.sum(axis=0)
        found = self.voxels.sum()
        right = found - wrong
        return {
            "volume": right + missed,
            "area": self.area.sum() + area,
            "count": len(self.wrong_objects) - self.wrong_objects.sum() + missed_objects,
            "precision": right / found,
            "recall": right / (right + missed),
            "f1": 2 * right / (found + right + missed),
        }


def of_tiles(values: NDArray) -> NDArray[np.float64]:
    """Return sums (tiles,) of values (z, y, x) over tiles of slices."""
    z, y, x = values.shape
    tiles = values.reshape(z, y // TILE_PX, TILE_PX, x // TILE_PX, TILE_PX)
    return tiles.sum(axis=(2, 4), dtype=np.float64).ravel()


def areas_of_tiles(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the area (tiles,) of the surface of a mask (z, y, x), as a review tells it."""
    z, y, x = mask.shape
    tiles = mask.reshape(z, y // TILE_PX, TILE_PX, x // TILE_PX, TILE_PX).transpose(0, 1, 3, 2, 4)
    return np.array([outline_area(tile, (1, 1)) for tile in tiles.reshape(-1, TILE_PX, TILE_PX)])


def enclosed(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return what a mask (z, y, x) encloses in slices, as numbered bodies."""
    filled = np.stack([ndimage.binary_fill_holes(layer) for layer in mask])
    inner = ndimage.binary_opening(filled & ~mask, np.ones((1, 3, 3)))
    labels, _ = ndimage.label(inner)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.where(sizes[labels] >= LEAST_VOXELS, labels, 0)


def reviewed(score: NDArray, truth: NDArray[np.bool_], ids: NDArray) -> Reviewed:
    """Compare a score (z, y, x) with the membranes and organelles that are there."""
    mask = score > 0
    errors = np.zeros((of_tiles(mask).size, len(ERRORS)))
    errors[:, 0], errors[:, 1] = of_tiles(mask & ~truth), of_tiles(truth & ~mask)
    area = areas_of_tiles(mask)
    errors[:, 2] = areas_of_tiles(truth) - area
    bodies = enclosed(mask)
    met: set[int] = set()
    wrong = []
    for number in np.unique(bodies[bodies > 0]):
        owners = np.bincount(ids[bodies == number])
        most = int(owners[1:].argmax()) + 1 if len(owners) > 1 else 0
        is_right = most > 0 and most not in met and owners[most] > owners.sum() / 2
        met |= {most} if is_right else set()
        wrong.append(not is_right)
    sizes = np.bincount(ids.ravel())
    for number in range(1, len(sizes)):
        if sizes[number] >= LEAST_VOXELS and number not in met:
            there = of_tiles(ids == number) > 0
            errors[there, 4] += 1 / there.sum()
    close = of_tiles(np.abs(score) < CLOSE)
    return Reviewed(of_tiles(mask), close, area, errors, np.array(wrong, bool))


def drawn(units: Population, seen: Judged, count: int) -> frozenset[int]:
    """Return the units that the random queue gives, all at once."""
    strata = [
        [unit for unit in units.at_random.tolist() if unit in group.members]
        for group in units.groups(seen)[1:]
    ]
    rounds = itertools.zip_longest(*sorted(strata, key=len, reverse=True))
    queue = (unit for turn in rounds for unit in turn if unit is not None)
    return frozenset(itertools.islice(queue, count))


def review(
    one: Reviewed, tiles: int, targeted: int, objects: int, seed: int
) -> dict[str, Estimate]:
    """Return what follows from looking at some tiles and objects."""
    units = Population(np.sqrt(one.closeness + TILE_PX), seed)
    bodies = Population(np.ones(len(one.wrong_objects)), seed, strata=1)
    seen = Judged(targeted=frozenset(units.by_size[:targeted].tolist()))
    seen = replace(seen, sampled=drawn(units, seen, tiles))
    some = Judged(sampled=frozenset(bodies.at_random[:objects].tolist()))
    filled, outline = (each[one.voxels > 0].mean() for each in (one.voxels, one.area))
    wrong = {n: np.eye(len(ERRORS))[3] * one.wrong_objects[n] for n in some.sampled}
    kinds = [
        Found(
            units.groups(seen),
            {unit: one.errors[unit] for unit in seen.decided},
            np.array([filled, filled, outline, 0, 0.1]),
        ),
        Found(bodies.groups(some), wrong, np.array([0, 0, 0, 1.0, 0])),
    ]
    return {each.name: each for each in estimates(one.machine, kinds)}


def scored_truth(place: Path, params: PhantomParams) -> dict[str, NDArray]:
    """Return the codes of the score, the truth and the ids of a phantom; `place` keeps them."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        one = simulate(params)
        tomogram = Volume.from_array(one.volume, one.voxel_size_nm)
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "score"
            segment(tomogram, load_model(), out, SegmentParams(rotations=1), NoProgress())
            codes = open_score(out / SCORE_NAME).volume.read(0, tomogram.shape[0])
        np.savez_compressed(place, codes=codes, truth=one.truth, ids=one.organelle_ids)
    with np.load(place) as file:
        return {name: file[name] for name in ("codes", "truth", "ids")}


def phantoms(folder: Path) -> Iterator[tuple[str, Reviewed]]:
    """Yield the names and what is known of all phantoms."""
    for preset, seed in PHANTOMS:
        place = folder / f"review-{preset}-{seed}.npz"
        one = scored_truth(place, replace(PRESETS[preset], seed=seed, shape=SHAPE))
        yield f"{preset} {seed}", reviewed(Score.decode(one["codes"]), one["truth"], one["ids"])


def held(
    one: Reviewed, tiles: int, targeted: int, objects: float, reviews: int
) -> dict[str, list[tuple[bool, float]]]:
    """Return for each review whether an interval holds the truth, and half its relative width."""
    truth, count = one.truth(), max(2, round(objects * len(one.wrong_objects)))
    told: dict[str, list[tuple[bool, float]]] = {name: [] for name in NAMES}
    for seed in range(reviews):
        for name, each in review(one, tiles, targeted, count, seed).items():
            if name in NAMES and None not in (each.low, each.value, each.high):
                hit = each.low - 1e-9 <= truth[name] <= each.high + 1e-9
                told[name].append((bool(hit), (each.high - each.low) / 2 / each.value))
    return told


def main() -> None:
    """Review all phantoms many times, and print how often intervals hold and how wide they are."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reviews", type=int, default=200, help="of each phantom")
    parser.add_argument("--keep", type=Path, help="write what is known of the tiles, for tests")
    given = parser.parse_args()
    known = dict(phantoms(given.folder))
    if given.keep:
        columns = {
            f"{name}/{field}": getattr(one, field).astype(np.float32)
            for name, one in known.items()
            for field in Reviewed.__dataclass_fields__
        }
        np.savez_compressed(given.keep, **columns)
    print("tiles      objects  " + "  ".join(f"{name:>26}" for name in NAMES))
    for tiles, targeted, objects in ((20, 0, 0.5), (40, 0, 0.5), (80, 0, 0.75), (40, 20, 1.0)):
        told = []
        found = [held(one, tiles, targeted, objects, given.reviews) for one in known.values()]
        for name in NAMES:
            shares = [np.mean([hit for hit, _ in one[name]]) for one in found]
            width = np.median([width for one in found for _, width in one[name]])
            told.append(f"{np.mean(shares):.1%} (from {min(shares):.0%}) ±{width:.0%}")
        print(
            f"{tiles:3d} + {targeted:<2d} {objects:8.0%}    " + "  ".join(f"{t:>26}" for t in told)
        )


if __name__ == "__main__":
    main()
