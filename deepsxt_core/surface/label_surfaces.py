"""Surfaces of a label volume: one object per value, with one boundary where two meet."""

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.progress import Progress
from deepsxt_core.surface.finishing import taubin, unsound_objects
from deepsxt_core.surface.measurement import measure_objects
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.surfaces import Report, Surfaces, Unit, build_mesh
from deepsxt_core.volume import Mask


def reconstruct_labels(source: Mask, params: ReconstructParams, progress: Progress) -> Surfaces:
    """Return one object per value above 0; its id is the value.

    The boundaries of all labels are cut at once by surface nets (Gibson 1998; Frisken 2022,
    Journal of Computer Graphics Techniques 11, 34-54), so that neighbours share theirs and no
    gap is left between them. Where voxels of a label touch by an edge alone, its surface touches
    itself, which the report tells. The volume is held in memory as a whole.

    Raises
    ------
    EmptySurfaceError
        If there is no label, or the size filter removes all.
    InvalidParameterError
        If the values are not whole numbers.
    """
    volume = source.volume
    progress.stage("Reconstructing", 2, "step")
    values = volume.read(0, volume.shape[0])
    if params.min_volume_um3 and volume.voxel_size_nm is None:
        raise InvalidParameterError(
            f"min_volume_um3={params.min_volume_um3} needs a voxel size, and it is not known. "
            "Enter the voxel size, or use min_voxels."
        )
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise InvalidParameterError(
            "Labels are whole numbers, and the volume holds others. Leave out each_label to take "
            "everything above 0 as one mask."
        )
    values = np.maximum(values, 0).astype(np.int32)
    known, counts = np.unique(values[values > 0], return_counts=True)
    unit: Unit = "voxel" if volume.voxel_size_nm is None else "µm"
    edges_zyx = np.array(volume.voxel_size_nm or (1000.0,) * 3) / 1000
    needed = max(params.min_voxels, params.min_volume_um3 / float(edges_zyx.prod()), 1)
    kept = {
        int(value): int(count)
        for value, count in zip(known, counts, strict=True)
        if count >= needed
    }
    if not kept:
        raise EmptySurfaceError(
            f"No surface: of {len(known)} labels none has {needed:g} voxels or more. Lower the "
            "smallest size."
        )
    points, triangles, sides = _boundaries(np.pad(values, 1))
    if params.taubin_iterations:
        outermost = np.array(values.shape[::-1], np.float32) + 0.5
        at_border = (np.maximum(0.5 - points, points - outermost) >= 0).any(axis=1)
        points = taubin(points, triangles, at_border, params.taubin_iterations)
    progress.advance()
    parts = []
    for value in kept:
        # Boundaries face away from their first side.
        outwards, inwards = triangles[sides[:, 0] == value], triangles[sides[:, 1] == value]
        own = np.concatenate([outwards, inwards[:, ::-1]])
        used, places = np.unique(own, return_inverse=True)
        parts.append((points[used], places.reshape(-1, 3), np.full(len(used), value, np.int32)))
    firsts = np.cumsum([0] + [len(part[0]) for part in parts])
    start_zyx = np.array(
        volume.first_voxel if unit == "voxel" else np.array(volume.origin_nm) / 1000
    )
    mesh = build_mesh(
        (np.concatenate([part[0] for part in parts]) - 1) * edges_zyx[::-1] + start_zyx[::-1],
        np.concatenate([part[1] + first for part, first in zip(parts, firsts, strict=False)]),
        np.concatenate([part[2] for part in parts]),
    )
    surfaces = Surfaces(mesh, (), unit)
    rows = measure_objects(np.asarray(mesh.points), surfaces.triangles, surfaces.face_objects, kept)
    report = Report(
        objects_found=len(known),
        objects_too_small=len(known) - len(kept),
        faces_cut=int(mesh.n_cells),
        unsound=tuple(unsound_objects(surfaces)),
    )
    progress.advance()
    return Surfaces(mesh, rows, unit, report)


def _boundaries(
    labels: NDArray[np.int32],
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]:
    """Return points (x, y, z) in indices of `labels`, triangles, and the two labels of each."""
    import pyvista

    grid = pyvista.ImageData(dimensions=labels.shape[::-1])
    grid.point_data["label"] = labels.ravel()
    mesh = grid.contour_labels(
        "all",
        scalars="label",
        smoothing=False,
        output_mesh_type="triangles",
        pad_background=False,
        simplify_output=False,
    )
    # Some points come twice (VTK 9.7), which would leave the surfaces open.
    points, place = np.unique(np.asarray(mesh.points, np.float32), axis=0, return_inverse=True)
    triangles = place.reshape(-1)[np.asarray(mesh.regular_faces, np.int64)]
    return points, triangles, np.asarray(mesh.cell_data["boundary_labels"], np.int32)
