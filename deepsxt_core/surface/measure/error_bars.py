"""How sure a measurement is: objects with their error bars."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.progress import Progress
from deepsxt_core.surface.extraction import reconstruct
from deepsxt_core.surface.measure.quantities import ObjectQuantities, quantify
from deepsxt_core.surface.measure.uncertainty import (
    BEST_THRESHOLDS,
    Moved,
    UncertaintyParams,
    with_uncertainty,
)
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.sources import is_of_membranes
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Mask, Score

_VERTICES_COMPARED = 200


def with_error_bars(
    surfaces: Surfaces,
    source: Score | Mask,
    params: ReconstructParams,
    progress: Progress,
    uncertainty: UncertaintyParams | None = None,
) -> tuple[tuple[ObjectQuantities, ...], tuple[int, ...]]:
    """Return what can be said about `surfaces`, and how many objects other thresholds give.

    A score is reconstructed again at both ends of `BEST_THRESHOLDS`; the larger of the two
    changes of an object is what the threshold leaves open. One that vanishes at the higher may not
    be there at all. Of several that run together at the lower, each gets a part of the growth by
    its area. A mask knows no threshold, and of scores of other classes than membranes nobody has
    measured how far off they are.
    """
    found = quantify(surfaces)
    uncertainty = uncertainty or UncertaintyParams()
    moved: list[Moved] | list[None] = [None] * len(found)
    counts: tuple[int, ...] = ()
    if isinstance(source, Score) and is_of_membranes(source):
        moved, counts = _moved(surfaces, source, params, progress)
    rows = (
        with_uncertainty(each, row, change, uncertainty, surfaces.unit)
        for each, row, change in zip(found, surfaces.objects, moved, strict=True)
    )
    return tuple(rows), counts


def _moved(
    surfaces: Surfaces, source: Score, params: ReconstructParams, progress: Progress
) -> tuple[list[Moved], tuple[int, ...]]:
    """Return the larger changes of each object, and the numbers of objects."""
    low, high = BEST_THRESHOLDS
    larger, smaller = (
        _at(source, _moved_to(level, params), progress)
        for level in (min(low, params.level), max(high, params.level))
    )
    sizes = np.array([(row.volume, row.area) for row in surfaces.objects])
    changes = [
        np.abs(other - sizes)
        for other in (_grown(larger, surfaces, sizes), _shrunk(smaller, surfaces))
    ]
    least = params.least_voxels(source.volume.voxel_size_nm)
    counts = tuple(
        0 if other is None else sum(row.voxels >= least for row in other.objects)
        for other in (larger, smaller)
    )
    return [
        Moved(volume=volume, area=area) for volume, area in np.maximum(*changes).tolist()
    ], counts


def _moved_to(level: float, params: ReconstructParams) -> ReconstructParams:
    """Return the parameters with the surface at another threshold; a second one moves with it."""
    if params.low is None:
        return replace(params, threshold=level)
    end = float(np.nextafter(1.0, 0.0))
    threshold = min(params.threshold + level - params.low, end)
    return replace(params, threshold=threshold, low=level)


def _at(source: Score, params: ReconstructParams, progress: Progress) -> Surfaces | None:
    """Return the surfaces at another threshold, None where nothing is left.

    Pieces that are too small there still belong to the object that they came from. The ids to merge
    would name other bodies there, or none; a merged object is found by its place.
    """
    try:
        return reconstruct(
            source, replace(params, min_voxels=0, min_volume_um3=0.0, merge=()), progress
        )
    except EmptySurfaceError:
        return None


def _grown(
    larger: Surfaces | None, base: Surfaces, sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return volume and area (objects, 2) at a lower threshold, where everything has grown."""
    if larger is None:
        return sizes
    place_of_id = {row.id: place for place, row in enumerate(larger.objects)}
    tree, owners = cKDTree(np.asarray(larger.mesh.points)), larger.point_objects
    holder = np.array(
        [
            place_of_id[int(np.bincount(owners[tree.query(points)[1]]).argmax())]
            for points in _samples(base)
        ]
    )
    whole = np.array([(row.volume, row.area) for row in larger.objects])
    before = np.zeros_like(whole)
    np.add.at(before, holder, sizes)
    share = sizes[:, 1:] / before[holder, 1:]
    return sizes + share * (whole - before)[holder]


def _shrunk(smaller: Surfaces | None, base: Surfaces) -> NDArray[np.float64]:
    """Return volume and area (objects, 2) at a higher threshold: 0 where nothing is left."""
    sizes = np.zeros((len(base.objects), 2))
    if smaller is None:
        return sizes
    place_of_id = {row.id: place for place, row in enumerate(base.objects)}
    tree, owners = cKDTree(np.asarray(base.mesh.points)), base.point_objects
    for row, points in zip(smaller.objects, _samples(smaller), strict=True):
        # Farther away than a membrane is thick: an object that was left out.
        reach = 2 * float(np.cbrt(row.volume)) + 3 * float(np.cbrt(row.volume / row.voxels))
        distances, nearest = tree.query(points, distance_upper_bound=reach)
        close = nearest[np.isfinite(distances)]
        if len(close) >= len(points) / 2:
            sizes[place_of_id[int(np.bincount(owners[close]).argmax())]] += (row.volume, row.area)
    return sizes


def _samples(surfaces: Surfaces) -> list[NDArray[np.float32]]:
    """Return some points of each object."""
    points, objects = np.asarray(surfaces.mesh.points), surfaces.point_objects
    starts = np.searchsorted(objects, [row.id for row in surfaces.objects]).tolist()
    return [
        points[start : end : max(1, (end - start) // _VERTICES_COMPARED)]
        for start, end in zip(starts, [*starts[1:], len(points)], strict=True)
    ]
