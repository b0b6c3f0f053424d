"""From a score or a mask to `Surfaces`."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.numerals import number_text
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.field.bodies import numbered_volume
from deepsxt_core.surface.field.instances import ids_by_size, merged_ids
from deepsxt_core.surface.field.object_ids import label_volume
from deepsxt_core.surface.field.smoothing import core_height, cuts_at_necks, field_slabs
from deepsxt_core.surface.label_extraction import reconstruct_labels
from deepsxt_core.surface.lengths import edges_zyx, start_zyx, unit_of
from deepsxt_core.surface.mesh.finishing import thin
from deepsxt_core.surface.mesh.joining import RIM, Cut, SlabJoiner
from deepsxt_core.surface.mesh.object_rows import measure_objects, object_volumes
from deepsxt_core.surface.mesh.volume_keeping import fitted_to_voxels, smoothed, unlike_voxels
from deepsxt_core.surface.mesh.volume_range import VolumeRange, volume_error
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.surface.report import Report
from deepsxt_core.surface.sources import called, settled
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize, require_slices


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
        with an id to merge, if the tomogram has another shape, or a mask marks every voxel.
    """
    source, params = settled(source, params or ReconstructParams())
    progress = progress or NoProgress()
    if params.each_label:
        with tempfile.TemporaryDirectory(prefix="deepsxt-labels-") as folder:
            return reconstruct_labels(source, params, progress, Path(folder) / "labels")[0]
    cut = _cut(source, params, progress, tomogram, None)
    return _finished(source, params, progress, cut)


def reconstruct_numbered(
    source: Score | Mask,
    params: ReconstructParams,
    scratch: Path,
    progress: Progress | None = None,
    *,
    tomogram: Volume | None = None,
) -> tuple[Surfaces, Volume]:
    """Return the surfaces, and the id of the object at each voxel, from one pass over `source`.

    Parameters
    ----------
    scratch : Path
        A file of 4 bytes per voxel to write; the volume reads from it.

    Returns
    -------
    Surfaces
        As `reconstruct` returns them.
    Volume
        As `object_labels` returns it.
    """
    source, params = settled(source, params)
    progress = progress or NoProgress()
    if params.each_label:
        surfaces, labels = reconstruct_labels(source, params, progress, scratch)
        return surfaces, label_volume(
            labels, max(row.id for row in surfaces.objects), source.volume
        )
    cut = _cut(source, params, progress, tomogram, scratch)
    placed = source.placed if isinstance(source, Score) else source.volume
    numbered = numbered_volume(scratch, cut.id_of_label[cut.mesh.label_of_provisional], placed)
    return _finished(source, params, progress, cut), numbered


@dataclass(frozen=True, slots=True)
class _Objects:
    """The bodies of a cut with their ids.

    Attributes
    ----------
    mesh : Cut
    id_of_label : ndarray
        After the size filter and merging; 0 for what is left out.
    ids_by_size : ndarray
        Before merging.
    keep_voxels : bool
        Whether objects shall enclose the volume of their voxels.
    """

    mesh: Cut
    id_of_label: NDArray[np.int32]
    ids_by_size: NDArray[np.int32]
    keep_voxels: bool


def _cut(
    source: Score | Mask,
    params: ReconstructParams,
    progress: Progress,
    tomogram: Volume | None,
    scratch: Path | None,
) -> _Objects:
    """Cut the field slab by slab, and number the bodies."""
    volume = source.volume
    needed = params.least_voxels(volume.voxel_size_nm)
    first_slice = source.first_slice if isinstance(source, Score) else 0
    grey = None if tomogram is None else _grey_reader(tomogram, volume, first_slice)
    pieces = SlabJoiner(volume.shape, grey, scratch, core_height(params))
    progress.stage("Reconstructing", volume.shape[0], "slice")
    necks = cuts_at_necks(source, params)
    # The voxels of a mask tell its volume better than its steps; those of a cut are in no part.
    keep_voxels = isinstance(source, Mask) and (necks is None or not necks.any())
    for first, field in field_slabs(source, params, necks):
        before = pieces.slices
        pieces.add(first, field)
        progress.ahead(times=pieces.what_follows())
        progress.advance(pieces.slices - before)
    cut = pieces.joined()
    if not cut.voxels_of_label.any():
        raise EmptySurfaceError(_nothing_found(source, params, cut.highest))
    by_size = ids_by_size(cut.voxels_of_label, needed)
    if not by_size.any():
        raise EmptySurfaceError(_all_too_small(cut.voxels_of_label, volume.voxel_size_nm))
    return _Objects(cut, merged_ids(by_size, params.merge), by_size, keep_voxels)


def _finished(
    source: Score | Mask, params: ReconstructParams, progress: Progress, objects: _Objects
) -> Surfaces:
    """Smooth and thin the mesh of a cut, put it in its place, and measure its objects."""
    progress.stage("Finishing", 1, "surface")
    progress.ahead(times=1.0)  # to write it and to prepare it to be seen
    volume, cut = source.volume, objects.mesh
    unit, edges = unit_of(volume), edges_zyx(volume)
    mesh = build_mesh(cut.points, cut.triangles, objects.id_of_label[cut.point_labels])
    found, kept = np.count_nonzero(cut.voxels_of_label), np.count_nonzero(objects.ids_by_size)
    report = Report(
        objects_found=int(found),
        objects_too_small=int(found - kept),
        objects_merged=len(np.unique(objects.ids_by_size)) - len(np.unique(objects.id_of_label)),
        faces_cut=int(mesh.n_cells),
        marked=int(cut.voxels_of_label.sum()) / math.prod(volume.shape),
    )
    voxels, scores, greys = _per_id(cut, objects.id_of_label)
    progress.advance(0)
    points, cut_volumes, allowed, report = _fitted_and_smooth(
        Surfaces(mesh, (), unit),
        report,
        volume.shape,
        params.taubin_iterations,
        voxels if objects.keep_voxels else None,
        edges,
    )
    mesh.points = (points * edges[::-1] + _start(source)).astype(np.float32)
    progress.advance(0)

    surfaces = Surfaces(mesh, (), unit)
    if params.decimate_to < 1:
        edge = float(np.cbrt(edges.prod()))
        surfaces, report = thin(surfaces, report, params, edge, allowed)
    rows = tuple(
        replace(
            row,
            mean_score=scores[row.id] + params.level if isinstance(source, Score) else None,
            mean_grey_value=None if greys is None else greys[row.id],
            volume_error=volume_error(row.volume, row.voxels, float(edges.prod())),
            **called(source, row.id),
        )
        for row in measure_objects(
            np.asarray(surfaces.mesh.points), surfaces.triangles, surfaces.face_objects, voxels
        )
    )
    changes = [row.volume / edges.prod() / cut_volumes[row.id - 1] - 1 for row in rows]
    report = replace(report, volume_change=float(np.abs(changes).max()))
    progress.advance()
    return Surfaces(surfaces.mesh, rows, unit, report)


def _start(source: Score | Mask) -> NDArray[np.float64]:
    """Return where the first voxel lies, (x, y, z) in the unit of the surfaces."""
    start = start_zyx(source.volume)
    if isinstance(source, Score):
        start[0] += source.first_slice * edges_zyx(source.volume)[0]
    return start[::-1]


def _grey_reader(
    tomogram: Volume, scored: Volume, first_slice: int
) -> Callable[[int, int], NDArray]:
    require_slices(tomogram, scored, first_slice)
    return lambda first, end: tomogram.read(first + first_slice, end + first_slice)


def _per_id(
    cut: Cut, id_of_label: NDArray[np.int32]
) -> tuple[dict[int, int], dict[int, float], dict[int, float | None] | None]:
    """Return by id the voxels, the mean field, and the mean of the grey values that are finite."""
    weights = cut.voxels_of_label
    voxels = np.bincount(id_of_label, weights).astype(np.int64)
    known = [int(each) for each in np.unique(id_of_label) if each]

    def means(of_label: NDArray[np.float64]) -> dict[int, float]:
        sums = np.bincount(id_of_label, of_label * weights)
        return {each: float(sums[each] / voxels[each]) for each in known}

    greys: dict[int, float | None] | None = None
    if cut.grey_of_label is not None:
        sums = np.bincount(id_of_label, cut.grey_of_label)
        measured = np.bincount(id_of_label, cut.measured_of_label)
        greys = {
            each: float(sums[each] / measured[each]) if measured[each] else None for each in known
        }
    return {each: int(voxels[each]) for each in known}, means(cut.field_of_label), greys


def _fitted_and_smooth(
    surfaces: Surfaces,
    report: Report,
    shape: tuple[int, int, int],
    iterations: int,
    voxels: dict[int, int] | None,
    edges: NDArray[np.float64],
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
    x, y, z = (smooth - points).T * edges[::-1, np.newaxis]
    moved = float(np.sqrt((x * x + y * y + z * z).max()))
    report = replace(report, smoothing_moved=moved, smoothed_less=tuple(less.tolist()))
    return smooth, volumes, allowed, report


def _nothing_found(source: Score | Mask, params: ReconstructParams, highest: float) -> str:
    if isinstance(source, Mask):
        return (
            "No surface: the mask is empty, or holds only what vanishes with smoothing_voxels="
            f"{params.smoothing_voxels}. Check the mask, or set smoothing_voxels to 0."
        )
    highest += params.level
    message = (
        f"No surface: no voxel scores above the threshold {params.threshold:g}; the highest "
        f"smoothed score is {highest:.2f}."
    )
    lower = np.floor((highest - 0.05) * 20) / 20
    if lower < -0.95:
        return f"{message} Nothing was recognised here: check the polarity and the model."
    return f"{message} Try a lower one, for example {lower:.2f}."


def _all_too_small(voxels_of_label: NDArray[np.integer], edges_nm: VoxelSize | None) -> str:
    largest = int(voxels_of_label.max())
    size = f"{largest} voxels"
    if edges_nm is not None:
        size += f" ({number_text(largest * math.prod(edges_nm) / 1e9, digits=3)} µm³)"
    return (
        f"No surface: the size filter removed all {np.count_nonzero(voxels_of_label)} objects; "
        f"the largest has {size}. Lower the smallest size, or the threshold."
    )
