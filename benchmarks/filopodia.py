"""Filopodia of simulated cells as bodies: `python -m benchmarks.filopodia [--seeds 5]`.

The cells are painted without organelles, in the voxels of each preset; nothing is imaged. Counted
is the longest piece of each filopodium that lies within the tomogram, if it is at least as long as
what is listed (`ProcessParams.min_aspect`). It is measured from its true mask.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.phantom import PRESETS, PhantomParams
from deepsxt_core.phantom.anatomy import Cell, Filopodium
from deepsxt_core.phantom.bodies import path_length, tube
from deepsxt_core.phantom.specimen import Specimen
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ProcessParams, reconstruct, trace_processes
from deepsxt_core.volume import Mask, Volume, VoxelSize

_FIRST_SEED, _SHAPE = 900, (96, 448, 448)
_EMPTY: dict[str, Any] = dict.fromkeys(
    ("mitochondria", "vesicles", "droplets", "reticulum_tubes", "reticulum_sheets", "gold_beads"),
    0.0,
)


def filopodia(params: PhantomParams) -> tuple[Filopodium, ...]:
    """Return the filopodia of a simulated cell."""
    cells = np.random.default_rng(np.random.SeedSequence(params.seed).spawn(2)[0])
    margin = round(params.surroundings_nm / params.voxel_size_nm)
    depth, height, width = params.shape
    shape = depth + 2 * margin, height, width
    cell = Cell(Specimen(cells, shape, params.voxel_size_nm, params.label_px), params, margin)
    cell.paint(NoProgress())
    return tuple(cell.filopodia)


def longest_within(path: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return the longest piece of a path around which a tube lies within the tomogram."""
    within = ((path >= radius) & (path <= np.array(_SHAPE) - 1 - radius)).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], within.astype(int), [0]])))
    pieces = edges.reshape(-1, 2).tolist()
    first, end = max(pieces, key=lambda piece: piece[1] - piece[0], default=(0, 0))
    return path[first:end]


def measured(preset: str, seed: int) -> Iterator[tuple[int, float, float]]:
    """Yield how often each filopodium is listed, and how far length and diameter are off."""
    cell = replace(PRESETS[preset], seed=seed, shape=_SHAPE, cell_edge=True, nucleus=False)
    params = replace(cell, filopodia=(2, 4), **_EMPTY)
    depth, height, width = params.shape
    for each in filopodia(params):
        radius = each.diameter_nm / 2 / params.voxel_size_nm
        path = longest_within(each.path_nm / params.voxel_size_nm, radius)
        if len(path) < 2:
            continue
        length = path_length(path) + 2 * radius
        if length < ProcessParams().min_aspect * 2 * radius:
            continue
        mask = tube(path, radius)((slice(0, depth), slice(0, height), slice(0, width))) < 0
        source = Mask(
            Volume.from_array(mask.astype(np.uint8), VoxelSize.isotropic(params.voxel_size_nm))
        )
        found = trace_processes(reconstruct(source))
        um = params.voxel_size_nm / 1000
        off = (np.nan, np.nan)
        if found:
            off = found[0].length / (length * um) - 1, found[0].diameter / (2 * radius * um) - 1
        yield len(found), *off


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(_FIRST_SEED, _FIRST_SEED + parser.parse_args().seeds)
    rows = np.array([row for name in PRESETS for seed in seeds for row in measured(name, seed)])
    off = np.abs(rows[:, 1:])
    print(f"{len(rows)} filopodia, {np.count_nonzero(rows[:, 0] == 1)} listed once")
    for name, errors in zip(("length", "diameter"), off.T, strict=True):
        print(f"{name} off by {np.nanmedian(errors):.1%} (median), {np.nanmax(errors):.1%} (most)")


if __name__ == "__main__":
    main()
