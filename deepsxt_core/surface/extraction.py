"""From a score or a mask to `Surfaces`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.finishing import thin
from deepsxt_core.surface.instances import ids_by_size, merged_ids
from deepsxt_core.surface.joining import RIM, Cut, SlabJoiner
from deepsxt_core.surface.label_surfaces import reconstruct_labels
from deepsxt_core.surface.measurement import measure_objects, object_volumes
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.smoothing import cuts_at_necks, field_slabs
from deepsxt_core.surface.surfaces import Report, Surfaces, Unit, build_mesh
from deepsxt_core.surface.volume_keeping import fitted_to_voxels, smoothed, unlike_voxels
from deepsxt_core.surface.volume_range import VolumeRange, volume_error
from deepsxt_core.volume import Mask, Score, Volume


def reconstruct(
    source: Score | Mask,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
) -> Surfaces:
    """Return the closed surfaces of all objects above the threshold.

    The smoothed score, not the 0/1 mask, is cut by flying edges (Schroeder, Maynard and
    Geveci 2015), so that surfaces lie between voxels where the score says so. An object is
    what hangs together through the faces of its voxels; a vesicle's membrane with its outer
    and inner side is one object. Objects have ids by size, 1 for the largest: a size filter
    leaves out the last ones, and moves no other.

    Parameters
    ----------
    tomogram : Volume, optional
        What was segmented, for the mean grey value in each object.

    Raises
    ------
    EmptySurfaceError
        If nothing lies above the threshold, or the size filter removes everything.
    InvalidParameterError
        If `min_volume_um3` is used although the voxel size is not known, if there is no object
        with an id to merge, or if the tomogram has another shape.
    """
    params = params or ReconstructParams()
    progress = progress or NoProgress()
    if params.each_label:
        return reconstruct_labels(source, params, progress)
    volume = source.volume
    needed = params.least_voxels(volume.voxel_size_nm)
    unit: Unit = "voxel" if volume.voxel_size_nm is None else "µm"
    edges_zyx = np.array(volume.voxel_size_nm or (1000.0,) * 3) / 1000
    first_slice = source.first_slice if isinstance(source, Score) else 0

    grey = None if tomogram is None else _grey_reader(tomogram, volume, first_slice)
    pieces = SlabJoiner(volume.shape, grey)
    progress.stage("Reconstructing", volume.shape[0], "slice")
    cuts = cuts_at_necks(source, params)
    # The voxels of a mask tell its volume better than its steps; those of a cut are in no part.
    keep_voxels = isinstance(source, Mask) and (cuts is None or not cuts.any())
    for first, field in field_slabs(source, params, cuts):
        before = pieces.slices
        pieces.add(first, field)
        progress.advance(pieces.slices - before)
    del cuts
    progress.stage("Finishing", 3, "step")
    cut = pieces.joined()
    del pieces
    if not cut.voxels_of_label.any():
        raise EmptySurfaceError(_nothing_found(source, params, cut.highest))
    by_size = ids_by_size(cut.voxels_of_label, needed)
    if not by_size.any():
        raise EmptySurfaceError(_all_too_small(cut.voxels_of_label, float(edges_zyx.prod()), unit))
    id_of_label = merged_ids(by_size, params.merge)
    progress.advance()

    mesh = build_mesh(cut.points, cut.triangles, id_of_label[cut.point_labels])
    report = Report(
        objects_found=int(np.count_nonzero(cut.voxels_of_label)),
        objects_too_small=int(np.count_nonzero(cut.voxels_of_label) - np.count_nonzero(by_size)),
        objects_merged=len(np.unique(by_size)) - len(np.unique(id_of_label)),
        faces_cut=int(mesh.n_cells),
    )
    voxels, scores, greys = _per_id(cut, id_of_label)
    del cut
    points, cut_volumes, allowed, report = _finished(
        Surfaces(mesh, (), unit),
        report,
        volume.shape,
        params.taubin_iterations,
        voxels if keep_voxels else None,
        edges_zyx,
    )
    if volume.voxel_size_nm is None:
        start_zyx = np.array(volume.first_voxel)
    else:
        start_zyx = np.array(volume.origin_nm) / 1000
    start_zyx[0] += first_slice * edges_zyx[0]
    mesh.points = (points * edges_zyx[::-1] + start_zyx[::-1]).astype(np.float32)
    progress.advance()

    surfaces = Surfaces(mesh, (), unit)
    if params.decimate_to < 1:
        edge = float(np.cbrt(edges_zyx.prod()))
        surfaces, report = thin(surfaces, report, params, edge, allowed)
        mesh = surfaces.mesh
    rows = measure_objects(
        np.asarray(mesh.points), surfaces.triangles, surfaces.face_objects, voxels
    )
    rows = tuple(
        replace(
            row,
            mean_score=scores[row.id] + params.threshold if isinstance(source, Score) else None,
            mean_grey_value=None if greys is None else greys[row.id],
            volume_error=volume_error(row.volume, row.voxels, float(edges_zyx.prod())),
        )
        for row in rows
    )
    changes = [row.volume / edges_zyx.prod() / cut_volumes[row.id - 1] - 1 for row in rows]
    report = replace(report, volume_change=float(np.abs(changes).max()))
    progress.advance()
    return Surfaces(mesh, rows, unit, report)


def _grey_reader(
    tomogram: Volume, scored: Volume, first_slice: int
) -> Callable[[int, int], NDArray]:
    fits = tomogram.shape[1:] == scored.shape[1:]
    if not fits or tomogram.shape[0] < first_slice + scored.shape[0]:
        raise InvalidParameterError(
            f"The tomogram of shape {tomogram.shape} does not hold the slices {first_slice} to "
            f"{first_slice + scored.shape[0]} of shape {scored.shape[1:]}. Give the one that was "
            "segmented."
        )
    return lambda first, end: tomogram.read(first + first_slice, end + first_slice)


def _per_id(
    cut: Cut, id_of_label: NDArray[np.int32]
) -> tuple[dict[int, int], dict[int, float], dict[int, float | None] | None]:
    """Return voxels, mean field and mean grey value by id."""
    weights = cut.voxels_of_label
    voxels = np.bincount(id_of_label, weights).astype(np.int64)
    known = [int(each) for each in np.unique(id_of_label) if each]

    def means(of_label: NDArray[np.float64]) -> dict[int, float]:
        sums = np.bincount(id_of_label, of_label * weights)
        return {each: float(sums[each] / voxels[each]) for each in known}

    greys: dict[int, float | None] | None = None
    if cut.grey_of_label is not None:
        found = means(cut.grey_of_label)
        greys = {each: grey if np.isfinite(grey) else None for each, grey in found.items()}
    return {each: int(voxels[each]) for each in known}, means(cut.field_of_label), greys


def _finished(
    surfaces: Surfaces,
    report: Report,
    shape: tuple[int, int, int],
    iterations: int,
    voxels: dict[int, int] | None,
    edges_zyx: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float64], VolumeRange, Report]:
    """Return the points in voxels, fitted to the voxels of objects where given, and smoothed.

    And the volumes of objects before smoothing, those that thinning may give them, and the report.
    Points in the border of the volume stay in it.
    """
    points, triangles = np.asarray(surfaces.mesh.points), surfaces.triangles
    objects = surfaces.face_objects
    n = int(objects.max())
    volumes = wanted = object_volumes(points, triangles, objects, n)
    if voxels is not None:
        counts = np.zeros(n, np.int64)
        counts[np.array(list(voxels)) - 1] = list(voxels.values())
        wanted = counts.astype(np.float64)
        off = unlike_voxels(volumes, counts)
        report = replace(report, fitted=tuple(off.tolist()))
        if len(off):
            points = fitted_to_voxels(
                points, triangles, surfaces.point_objects, shape, volumes, counts
            )
            volumes = object_volumes(points, triangles, objects, n)
    allowed = VolumeRange.around(volumes, wanted)
    if not iterations:
        return points, volumes, allowed, report
    outermost = np.array(shape[::-1], np.float32) - 1
    x, y, z = (np.maximum(-points, points - outermost) > 0.5 - 2 * RIM).T
    smooth, less = smoothed(
        points, triangles, surfaces.point_objects, x | y | z, iterations, wanted, allowed
    )
    x, y, z = (smooth - points).T * edges_zyx[::-1, np.newaxis]
    moved = float(np.sqrt((x * x + y * y + z * z).max()))
    report = replace(report, smoothing_moved=moved, smoothed_less=tuple(less.tolist()))
    return smooth, volumes, allowed, report


def _nothing_found(source: Score | Mask, params: ReconstructParams, highest: float) -> str:
    if isinstance(source, Mask):
        return (
            "No surface: the mask is empty, or holds only what vanishes with smoothing_voxels="
            f"{params.smoothing_voxels}. Check the mask, or set smoothing_voxels to 0."
        )
    highest += params.threshold
    message = (
        f"No surface: no voxel scores above the threshold {params.threshold:g}; the highest "
        f"smoothed score is {highest:.2f}."
    )
    lower = np.floor((highest - 0.05) * 20) / 20
    if lower < -0.95:
        return f"{message} Nothing was recognised here: check the polarity and the model."
    return f"{message} Try a lower one, for example {lower:.2f}."


def _all_too_small(voxels_of_label: NDArray[np.integer], voxel_volume: float, unit: Unit) -> str:
    largest = int(voxels_of_label.max())
    size = f"{largest} voxels"
    if unit == "µm":
        size += f" ({largest * voxel_volume:.3g} µm³)"
    return (
        f"No surface: the size filter removed all {np.count_nonzero(voxels_of_label)} objects; "
        f"the largest has {size}. Lower the smallest size, or the threshold."
    )
