"""From a score or a mask to `Surfaces`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.finishing import decimate_closed, taubin
from deepsxt_core.surface.joining import RIM, SlabJoiner
from deepsxt_core.surface.measurement import measure_objects
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.smoothing import field_slabs
from deepsxt_core.surface.surfaces import Surfaces, Unit, build_mesh
from deepsxt_core.volume import Mask, Score


def reconstruct(
    source: Score | Mask,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
) -> Surfaces:
    """Return the closed surfaces of all objects above the threshold.

    The smoothed score, not the 0/1 mask, is cut by flying edges (Schroeder, Maynard and
    Geveci 2015), so that surfaces lie between voxels where the score says so. An object is
    what hangs together through the faces of its voxels; a vesicle's membrane with its outer
    and inner side is one object.

    Raises
    ------
    EmptySurfaceError
        If nothing lies above the threshold, or the size filter removes everything.
    InvalidParameterError
        If `min_volume_um3` is used although the voxel size is not known.
    """
    params = params or ReconstructParams()
    progress = progress or NoProgress()
    volume = source.volume
    if params.min_volume_um3 and volume.voxel_size_nm is None:
        raise InvalidParameterError(
            f"min_volume_um3={params.min_volume_um3} needs a voxel size, and it is not known. "
            "Enter the voxel size, or use min_voxels."
        )
    unit: Unit = "voxel" if volume.voxel_size_nm is None else "µm"
    edges_zyx = np.array(volume.voxel_size_nm or (1000.0,) * 3) / 1000

    pieces = SlabJoiner(volume.shape)
    progress.stage("Reconstructing", volume.shape[0], "slice")
    for first, field in field_slabs(source, params):
        before = pieces.slices
        pieces.add(first, field)
        progress.advance(pieces.slices - before)
    progress.stage("Finishing", 3, "step")
    cut = pieces.joined()
    if not cut.voxels_of_label.any():
        raise EmptySurfaceError(_nothing_found(source, params, pieces.highest))
    needed = max(params.min_voxels, params.min_volume_um3 / float(edges_zyx.prod()))
    id_of_label, voxels = _ids_by_size(cut.voxels_of_label, needed)
    scores = np.zeros(len(voxels))
    scores[id_of_label[id_of_label > 0] - 1] = cut.field_of_label[id_of_label > 0]
    if not len(voxels):
        raise EmptySurfaceError(_all_too_small(cut.voxels_of_label, float(edges_zyx.prod()), unit))
    progress.advance()

    first_slice = source.first_slice if isinstance(source, Score) else 0
    mesh = build_mesh(cut.points, cut.triangles, id_of_label[cut.point_labels])
    del pieces, cut
    points = np.asarray(mesh.points)
    if params.taubin_iterations:
        outermost = np.array(volume.shape[::-1], np.float32) - 1
        at_border = (np.maximum(-points, points - outermost) > 0.5 - 2 * RIM).any(axis=1)
        triangles = np.asarray(mesh.regular_faces)
        points = taubin(points, triangles, at_border, params.taubin_iterations)
    if volume.voxel_size_nm is None:
        start_zyx = np.array(volume.first_voxel)
    else:
        start_zyx = np.array(volume.origin_nm) / 1000
    start_zyx[0] += first_slice * edges_zyx[0]
    mesh.points = (points * edges_zyx[::-1] + start_zyx[::-1]).astype(np.float32)
    progress.advance()

    surfaces = Surfaces(mesh, (), unit)
    if params.decimate_to < 1:
        mesh = build_mesh(
            *decimate_closed(
                np.asarray(mesh.points),
                surfaces.triangles,
                surfaces.point_objects,
                params.decimate_to,
            )
        )
        surfaces = Surfaces(mesh, (), unit)
    rows = measure_objects(
        np.asarray(mesh.points), surfaces.triangles, surfaces.face_objects, voxels
    )
    if isinstance(source, Score):
        rows = tuple(
            replace(row, mean_score=float(field + params.threshold))
            for row, field in zip(rows, scores, strict=True)
        )
    progress.advance()
    return Surfaces(mesh, rows, unit)


def _ids_by_size(
    voxels_of_label: NDArray[np.integer], needed: float
) -> tuple[NDArray[np.int32], list[int]]:
    """Return the id per label (0: left out) and the voxels of ids 1, 2, ..., largest first."""
    order = np.argsort(-voxels_of_label.astype(np.int64), kind="stable")
    kept = order[voxels_of_label[order] >= max(needed, 1)]
    ids = np.zeros(len(voxels_of_label), np.int32)
    ids[kept] = np.arange(1, len(kept) + 1)
    return ids, voxels_of_label[kept].tolist()


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
