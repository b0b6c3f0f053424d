"""How sure a measurement is: what moving the threshold by a step changes."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.progress import Progress
from deepsxt_core.surface.extraction import reconstruct
from deepsxt_core.surface.measure.quantities import ObjectQuantities, quantify
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Mask, Score

THRESHOLD_STEP = 0.02
"""By which the threshold is moved up and down for the error bars: one code of a score is 0.008."""

_VERTICES_COMPARED = 200
# A surface of which more than this share lies closest to a second object holds both.
_MERGED = 0.1


def with_error_bars(
    surfaces: Surfaces, source: Score | Mask, params: ReconstructParams, progress: Progress
) -> tuple[ObjectQuantities, ...]:
    """Return what can be said about `surfaces`, which were made from `source` with `params`.

    A score is reconstructed again at the threshold ± one step, both where there are two. The
    objects of these surfaces are given to those that they lie closest to, and the larger of the two
    changes is the error. One that vanishes at the higher threshold may not be there at all: its
    error is at least as large as itself. One that runs together with another at the lower one has
    no error bar. A mask knows no threshold and gives none. The error of a small body is at least
    that of its row.
    """
    found = quantify(surfaces)
    if isinstance(source, Mask):
        return found
    larger, smaller = (
        _sizes_at(source, _moved(params, step), surfaces, progress)
        for step in (-THRESHOLD_STEP, THRESHOLD_STEP)
    )
    # What there is at one threshold there is at any lower one: it has gone into something larger.
    larger[(larger == 0).any(axis=1)] = np.nan
    sizes = np.array([(row.volume, row.area) for row in surfaces.objects])
    errors = np.maximum(np.abs(larger - sizes), np.abs(smaller - sizes))
    vanished = (smaller == 0).any(axis=1)
    errors[vanished] = np.fmax(np.abs(larger - sizes), sizes)[vanished]
    return tuple(
        each
        if np.isnan(error).any()
        else replace(
            each,
            volume_error=max(float(error[0]), each.volume_error or 0.0),
            area_error=float(error[1]),
        )
        for each, error in zip(found, errors, strict=True)
    )


def _moved(params: ReconstructParams, step: float) -> ReconstructParams:
    """Return the parameters with all thresholds moved, within their range."""
    end = float(np.nextafter(1.0, 0.0))
    threshold = min(max(params.threshold + step, -1.0), end)
    low = None if params.low is None else min(max(params.low + step, -1.0), end)
    return replace(params, threshold=threshold, low=low)


def _sizes_at(
    source: Score, params: ReconstructParams, base: Surfaces, progress: Progress
) -> NDArray[np.float64]:
    """Return volume and area (objects, 2) at another threshold: 0 where nothing is left.

    NaN where an object is one with another.
    """
    merged: set[int] = set()
    sizes = np.zeros((len(base.objects), 2))
    try:
        # Pieces that are now too small still belong to the object that they came from. Here the
        # ids to merge would name other bodies, or none; a merged object is found by its place.
        all_of_them = replace(params, min_voxels=0, min_volume_um3=0.0, merge=())
        other = reconstruct(source, all_of_them, progress)
    except EmptySurfaceError:
        return sizes
    place_of_id = {row.id: place for place, row in enumerate(base.objects)}
    tree, owners = cKDTree(np.asarray(base.mesh.points)), base.point_objects
    points, objects = np.asarray(other.mesh.points), other.point_objects
    starts = np.searchsorted(objects, [row.id for row in other.objects])
    for row, start, end in zip(other.objects, starts, [*starts[1:], len(points)], strict=True):
        sample = points[start : end : max(1, (end - start) // _VERTICES_COMPARED)]
        # Farther away than a body grows in a step: an object that was left out or is new.
        reach = float(np.cbrt(row.volume / row.voxels)) * 3
        distances, nearest = tree.query(sample, distance_upper_bound=reach)
        close = nearest[np.isfinite(distances)]
        if len(close) < len(sample) / 2:
            continue
        ids, times = np.unique(owners[close], return_counts=True)
        place = place_of_id[int(ids[times.argmax()])]
        sizes[place] += (row.volume, row.area)
        owning = ids[times > _MERGED * times.sum()]
        if len(owning) > 1:
            merged |= {place_of_id[int(each)] for each in owning}
    sizes[list(merged)] = np.nan
    return sizes
