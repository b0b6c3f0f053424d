"""Where bodies may lie: what membranes enclose in a slice, and what is too thick for a membrane."""

from collections.abc import Iterator

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Voxel = tuple[int, int, int]

# Slices are looked at in steps; what follows itself from one to the next is one place.
_STEP = 2
_LEVELS = (-0.5, 0.0, 0.5)
_SOLID_LEVEL, _SOLID_PX = 0.3, 4.5
_LEAST_AREA, _MOST_AREA = 12, 20_000
_SAME = 0.4


def find_seeds(score: NDArray[np.float32]) -> list[Voxel]:
    """Return a point in each place of a score that may be inside a body, the plainest first.

    Parameters
    ----------
    score : ndarray
        float32 (z, y, x), from -1 to 1.
    """
    found: list[tuple[int, Voxel]] = []
    for kind in range(len(_LEVELS) + 1):
        open_runs: list[list[tuple[int, NDArray[np.int64], int]]] = []
        for z in range(0, len(score), _STEP):
            plane = ndimage.gaussian_filter(score[z], 0.7)
            patches = list(_patches(plane, kind))
            followed = []
            for patch in patches:
                run = next((r for r in open_runs if _is_same(r[-1][1], patch)), None)
                if run is None:
                    run = []
                else:
                    open_runs = [other for other in open_runs if other is not run]
                run.append((z, patch, score.shape[2]))
                followed.append(run)
            found += [_seed(run) for run in open_runs]
            open_runs = followed
        found += [_seed(run) for run in open_runs]
    found.sort(key=lambda each: -each[0])
    return [seed for _, seed in found]


def _patches(plane: NDArray[np.float32], kind: int) -> Iterator[NDArray[np.int64]]:
    """Yield the pixels of each patch, as sorted indices into the plane."""
    if kind < len(_LEVELS):
        inside = plane < _LEVELS[kind]
    else:
        thick = ndimage.distance_transform_edt(plane > _SOLID_LEVEL) > _SOLID_PX
        inside = ndimage.distance_transform_edt(~thick) < _SOLID_PX - 1 if thick.any() else thick
    patches = cc3d.connected_components(inside, connectivity=4)
    on_edge = {0, *patches[0], *patches[-1], *patches[:, 0], *patches[:, -1]}
    for number, box in enumerate(ndimage.find_objects(patches), 1):
        if number in on_edge or box is None:
            continue
        rows, columns = np.nonzero(patches[box] == number)
        if _LEAST_AREA <= len(rows) <= _MOST_AREA:
            yield (rows + box[0].start) * plane.shape[1] + columns + box[1].start


def _is_same(before: NDArray[np.int64], now: NDArray[np.int64]) -> bool:
    shared = len(np.intersect1d(before, now, assume_unique=True))
    return shared > _SAME * min(len(before), len(now))


def _seed(run: list[tuple[int, NDArray[np.int64], int]]) -> tuple[int, Voxel]:
    """Return how much there is of a place, and the deepest pixel of its middle slice."""
    z, patch, width = run[len(run) // 2]
    rows, columns = np.divmod(patch, width)
    inside = np.zeros((np.ptp(rows) + 3, np.ptp(columns) + 3), bool)
    inside[rows - rows.min() + 1, columns - columns.min() + 1] = True
    depth = ndimage.distance_transform_edt(inside)
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    place = (z, int(y + rows.min() - 1), int(x + columns.min() - 1))
    return sum(len(patch) for _, patch, _ in run), place
