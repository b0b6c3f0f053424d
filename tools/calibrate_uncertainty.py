"""What error bars of membranes leave open, on phantoms: the constants of `measure.uncertainty`.

    python -m tools.calibrate_uncertainty FOLDER

Phantoms with the bundled model's scores, and what was measured on them, are kept in FOLDER (a
minute each). Told are the threshold that gives the true volume, and by how much, relative to
what was found, the truth is farther away than the threshold tells: of whole tomograms the
conformal quantile of 95 %, of objects the quantile of each class of size. Then how often the bars
of today hold the truth, on these and on eight phantoms that they were not made from. The truth of
an object is the true membrane within three voxels that no other object is closer to.
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
from deepsxt_core.surface.measure.tables import Measurements
from deepsxt_core.surface.measure.uncertainty import (
    NETWORK_ERRORS,
    NETWORK_ERRORS_OF_OBJECTS,
    combined,
)
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize
from deepsxt_core.workflow import pipeline
from tools.scored_phantoms import crowded

logger = logging.getLogger(__name__)

NEAR_PX = 3
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


def measured(codes: NDArray, truth: NDArray, edge_nm: float) -> tuple[Row, list[Row]]:
    """Return found, true and parts of the error bar, of the whole and of each object.

    Parameters
    ----------
    codes : ndarray
        uint8 (z, y, x), of a score.
    truth : ndarray
        bool (z, y, x).
    """
    size = VoxelSize.isotropic(edge_nm)
    params = ReconstructParams()
    found = pipeline.measure(Score(Volume.from_array(codes, size)), params)
    true = pipeline.reconstruct(Mask(Volume.from_array(truth.astype(np.uint8), size)), params)
    totals = found.totals()
    whole = {"volume_true": truth.sum() * (edge_nm / 1000) ** 3}
    whole |= {"area_true": sum(row.area for row in true.objects), "objects": totals["objects"]}
    whole["objects_true"] = len(true.objects)
    for name, ending in (("volume", "_um3"), ("area", "_um2"), ("objects", "")):
        whole[name] = totals[f"{name}{ending}"]
        for part in ("_threshold", ""):
            whole[f"{name}_error{part}"] = totals[f"{name}_error{part}{ending}"]
    smooth = ndimage.gaussian_filter(Score.decode(codes), params.smoothing_voxels)
    whole["best_threshold"] = float(np.quantile(smooth, 1 - truth.mean()))
    return whole, list(_objects(found, smooth > params.threshold, truth))


def _objects(found: Measurements, mask: NDArray, truth: NDArray) -> Iterator[Row]:
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    distance, nearest = ndimage.distance_transform_edt(
        sizes[labels] < ReconstructParams().min_voxels, return_indices=True
    )
    owner = np.where(truth & (distance <= NEAR_PX), labels[tuple(nearest)], 0)
    true = np.bincount(owner.ravel(), minlength=len(sizes))
    faces, true_faces = _faces(labels, len(sizes)), _faces(owner, len(sizes))
    of_size: dict[int, list[int]] = {}
    for label in np.argsort(-sizes, kind="stable").tolist():
        of_size.setdefault(int(sizes[label]), []).append(label)
    for row in found.objects:
        if not of_size.get(row.voxels):
            continue
        label = of_size[row.voxels].pop(0)
        yield {
            "voxels": row.voxels,
            "volume": row.volume,
            "volume_true": row.volume * true[label] / row.voxels,
            "area": row.area,
            "area_true": row.area * true_faces[label] / faces[label],
            "volume_error": row.volume_error or 0.0,
            "area_error": row.area_error or 0.0,
            "volume_error_threshold": row.volume_error_threshold or 0.0,
            "area_error_threshold": row.area_error_threshold or 0.0,
        }


def _faces(labels: NDArray, n: int) -> NDArray:
    found = np.zeros(n)
    for axis in range(3):
        ahead = np.moveaxis(labels, axis, 0)
        differs = ahead[1:] != ahead[:-1]
        for side in (ahead[1:], ahead[:-1]):
            found += np.bincount(side[differs], minlength=n)
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
            result = measured(one["codes"], one["truth"], params.voxel_size_nm)
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


def main() -> None:
    """Tell constants, and how often bars hold the truth. The voxel size counts as known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    logging.basicConfig(level=logging.INFO, format="%(message)s")
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
