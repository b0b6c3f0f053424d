"""What error bars of membranes leave open, on phantoms: the constants of `measure.uncertainty`.

    python -m tools.calibrate_uncertainty FOLDER

Phantoms with the bundled model's scores, and what was measured on them, are kept in FOLDER (a
minute each); measured is in voxels, so that it takes seconds. Told are the threshold that gives
the true volume, and by how much, relative to what was found, the truth is farther away than the
threshold tells: of whole tomograms the conformal quantile of 95 %, of objects the quantile of each
class of size. Then how often the bars of today hold the truth, on these and on eight phantoms that
they were not made from. The truth of an object is the true membrane within three voxels that no
other object is closer to.
"""

import argparse
import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.review import SHAPE, scored_truth
from deepsxt_core.phantom import PRESETS, PhantomParams
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.field.smoothing import BORDER, field_slabs
from deepsxt_core.surface.measure.uncertainty import (
    BEST_THRESHOLDS,
    NETWORK_ERRORS,
    NETWORK_ERRORS_OF_OBJECTS,
    combined,
)
from deepsxt_core.volume import Score, Volume
from tools.scored_phantoms import crowded

logger = logging.getLogger(__name__)

NEAR_PX = 3
KEPT = (32, 96, 96)
_PLAIN = {"hzb": (201, 207, 210), "mistral": (202, 205, 208), "b24": (203, 206, 209)}
_CROWDED = {
    "hzb": (*range(1000, 1007), 2000, 2001, 2002),
    "mistral": (*range(1000, 1007), 2000, 2001),
    "b24": (*range(1000, 1006), 2000, 2001),
}
_UNSEEN = {"hzb": (102, 303), "mistral": (101, 104, 302), "b24": (103, 301, 304)}

Row = dict[str, float]


def phantoms(*, unseen: bool) -> Iterator[tuple[str, PhantomParams]]:
    """Yield file names and parameters of the phantoms to learn from, or of the others."""
    for preset, seeds in (_UNSEEN if unseen else _PLAIN).items():
        for seed in seeds:
            yield f"review-{preset}-{seed}", replace(PRESETS[preset], seed=seed, shape=SHAPE)
    for preset, seeds in {} if unseen else _CROWDED.items():
        for seed in seeds:
            yield f"crowded-{preset}-{seed}", crowded(preset, seed)


def measured(codes: NDArray, truth: NDArray) -> tuple[Row, list[Row]]:
    """Return found, true and the threshold's part, of the whole and of each object, in voxels.

    Areas are counted as faces of voxels.

    Parameters
    ----------
    codes : ndarray
        uint8 (z, y, x), of a score.
    truth : ndarray
        bool (z, y, x).
    """
    params = ReconstructParams()
    ((_, padded),) = field_slabs(Score(Volume.from_array(codes)), params)
    field = padded[BORDER:-BORDER, BORDER:-BORDER, BORDER:-BORDER]
    low, high = BEST_THRESHOLDS
    labels = large(field > 0)
    n = int(labels.max())
    sizes = sizes_of(labels, n)
    at_low, _ = ndimage.label(field > low)
    holder = np.zeros(n + 1, np.int64)
    holder[labels[labels > 0]] = at_low[labels > 0]
    grown = sizes_of(at_low, int(at_low.max()))
    before = np.zeros_like(grown)
    np.add.at(before, holder[1:], sizes[1:])
    share = sizes[1:, 1:] / before[holder[1:], 1:]
    larger = sizes[1:] + share * (grown - before)[holder[1:]]
    smaller = sizes_of(np.where(field > high, labels, 0), n)[1:]
    moved = np.maximum(np.abs(larger - sizes[1:]), np.abs(smaller - sizes[1:]))
    true = sizes_of(owners(labels, truth), n)[1:]
    objects = [
        {
            "voxels": own[0],
            "volume": own[0],
            "area": own[1],
            "volume_error_threshold": off[0],
            "area_error_threshold": off[1],
            "volume_true": right[0],
            "area_true": right[1],
        }
        for own, off, right in zip(sizes[1:].tolist(), moved.tolist(), true.tolist(), strict=True)
    ]
    counts = [int(large(field > threshold).max()) for threshold in (low, high)]
    everything = sizes_of(truth.astype(np.int64), 1)[1]
    whole = {
        f"{name}{ending}": sum(one[f"{name}{ending}"] for one in objects)
        for name in ("volume", "area")
        for ending in ("", "_error_threshold")
    }
    whole |= {"volume_true": everything[0], "area_true": everything[1], "objects": n}
    whole["objects_error_threshold"] = max(abs(count - n) for count in counts)
    whole["objects_true"] = int(large(truth).max())
    whole["best_threshold"] = float(np.quantile(field, 1 - truth.mean()))
    return {name: float(value) for name, value in whole.items()}, objects


def large(mask: NDArray) -> NDArray:
    """Return the connected parts of a mask that count as objects, numbered from 1."""
    labels, _ = ndimage.label(mask)
    counts = np.bincount(labels.ravel()) >= ReconstructParams().min_voxels
    counts[0] = False
    return (np.cumsum(counts) * counts)[labels]


def owners(labels: NDArray, truth: NDArray) -> NDArray:
    """Return of which object the true voxels are: the nearest one, if it is near; 0 of none."""
    distance, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(truth & (distance <= NEAR_PX), labels[tuple(nearest)], 0)


def sizes_of(labels: NDArray, n: int) -> NDArray:
    """Return voxels and faces of voxels, float64 (n + 1, 2), by number."""
    found = np.zeros((n + 1, 2))
    found[:, 0] = np.bincount(labels.ravel(), minlength=n + 1)
    for axis in range(3):
        ahead = np.moveaxis(labels, axis, 0)
        differs = ahead[1:] != ahead[:-1]
        for side in (ahead[1:], ahead[:-1]):
            found[:, 1] += np.bincount(side[differs], minlength=n + 1)
    return found


def lacking(rows: Sequence[Row], name: str) -> NDArray:
    """Return by how much, relative to what was found, the truth is beyond the threshold's part."""
    return np.array(
        [
            math.sqrt(max((one[f"{name}_true"] - one[name]) ** 2 - one[part] ** 2, 0)) / one[name]
            for one in rows
            for part in [f"{name}_error_threshold"]
        ]
    )


def holds(rows: Sequence[Row], name: str) -> float:
    """Return in which part of the cases the error bar holds the truth."""
    return float(
        np.mean([abs(one[f"{name}_true"] - one[name]) <= one[f"{name}_error"] for one in rows])
    )


def told(folder: Path, *, unseen: bool) -> tuple[list[Row], list[Row]]:
    """Return what was measured on phantoms, whole ones and objects, with the bars of today."""
    wholes, objects = [], []
    for name, params in phantoms(unseen=unseen):
        place = folder / f"{name}.json"
        if not place.exists():
            one = scored_truth(folder / f"{name}.npz", params)
            result = measured(one["codes"], one["truth"])
            place.write_text(json.dumps(result))
        whole, own = json.loads(place.read_text())
        for what, relative in NETWORK_ERRORS.items():
            parts = whole[f"{what}_error_threshold"], relative * whole[what]
            whole[f"{what}_error"] = combined(parts)
        for one in own:
            _, *relatives = next(c for c in NETWORK_ERRORS_OF_OBJECTS if one["voxels"] >= c[0])
            for what, relative in zip(("volume", "area"), relatives, strict=True):
                one[f"{what}_error"] = combined(
                    (one[f"{what}_error_threshold"], relative * one[what])
                )
        wholes.append(whole)
        objects += own
    return wholes, objects


def keep(folder: Path, path: Path) -> None:
    """Write parts of the phantoms that nothing was learnt from, for tests; scores in 32 steps."""
    columns = {}
    for name, params in phantoms(unseen=True):
        one = scored_truth(folder / f"{name}.npz", params)
        part = tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(SHAPE, KEPT, strict=True))
        columns[f"{name}/codes"] = one["codes"][part] // 8 * 8 + 4
        columns[f"{name}/truth"] = np.packbits(one["truth"][part])
    np.savez_compressed(path, **columns)


def main() -> None:
    """Tell constants, and how often bars hold the truth. The voxel size counts as known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, help="write parts of phantoms, for tests")
    given = parser.parse_args()
    folder = given.folder
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if given.keep:
        keep(folder, given.keep)
    wholes, objects = told(folder, unseen=False)
    best = np.sort([one["best_threshold"] for one in wholes])
    logger.info("%d phantoms; best threshold %.2f to %.2f", len(wholes), best[0], best[-1])
    rank = min(math.ceil(0.95 * (len(wholes) + 1)), len(wholes))
    for name in NETWORK_ERRORS:
        logger.info("network, %s: %.2f", name, np.sort(lacking(wholes, name))[rank - 1])
    end = math.inf
    for least, *_ in NETWORK_ERRORS_OF_OBJECTS:
        of_class = [one for one in objects if least <= one["voxels"] < end]
        needed = [np.quantile(lacking(of_class, name), 0.95) for name in ("volume", "area")]
        logger.info("%d objects from %d voxels: %.2f, %.2f", len(of_class), least, *needed)
        end = least
    for unseen in (False, True):
        wholes, objects = told(folder, unseen=unseen)
        for rows, names in ((wholes, NETWORK_ERRORS), (objects, ("volume", "area"))):
            for name in names:
                width = np.median([one[f"{name}_error"] / one[name] for one in rows])
                which, held = "unseen" if unseen else "seen", holds(rows, name)
                logger.info("%s %d: %s %.1f %% ± %.2f", which, len(rows), name, 100 * held, width)


if __name__ == "__main__":
    main()
