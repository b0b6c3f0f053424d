"""Surfaces of a label volume: one object per value, with one boundary where two meet."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.progress import Progress
from deepsxt_core.surface.field.label_boundaries import label_boundaries
from deepsxt_core.surface.field.label_field import LabelField
from deepsxt_core.surface.field.label_objects import LabelObjects, label_objects
from deepsxt_core.surface.lengths import edges_zyx, start_zyx, unit_of
from deepsxt_core.surface.mesh.finishing import thin, unsound_objects
from deepsxt_core.surface.mesh.object_rows import measure_objects, object_volumes
from deepsxt_core.surface.mesh.volume_keeping import Boundaries, smoothed_together
from deepsxt_core.surface.mesh.volume_range import VolumeRange, volume_error
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.surface.report import Report
from deepsxt_core.surface.surfaces import ObjectRow, Surfaces
from deepsxt_core.volume import Mask, Score, Tag


def reconstruct_labels(
    source: Score | Mask, params: ReconstructParams, progress: Progress, scratch: Path | None
) -> tuple[Surfaces, LabelField]:
    """Return one object per value above 0, and the object at each voxel; its id is the value.

    The boundaries of all labels are cut at once by surface nets (Gibson 1998; Frisken 2022,
    Journal of Computer Graphics Techniques 11, 34-54), so that neighbours share theirs and no
    gap is left between them. Before that, single voxels change where a label touches itself by an
    edge or a corner alone (`mend`), so that all surfaces are manifolds; the report tells how
    many. Thinning treats each object by itself. Memory is bounded by a slab and the surfaces.

    Parameters
    ----------
    scratch : Path or None
        A file of 4 bytes per voxel to write, for the objects at each voxel; None for memory.

    Raises
    ------
    EmptySurfaceError
        If there is no label, or the size filter removes all.
    InvalidParameterError
        As `label_objects`.
    """
    volume = source.volume
    progress.stage("Reconstructing", 4, "step")
    objects = label_objects(source, params, scratch)
    progress.advance()
    unit, edges, start = unit_of(volume), edges_zyx(volume)[::-1], start_zyx(volume)[::-1]
    cut, triangles, sides = label_boundaries(objects.field)
    place, faces, owners = _of_each(triangles, sides)
    # Labels may be any numbers: until the end objects are numbered as they come.
    labels, places = np.unique(owners, return_inverse=True)
    numbers: NDArray[np.int32] = (places + 1).astype(np.int32)
    volumes = object_volumes(cut[place], faces, numbers[faces[:, 0]], len(labels))
    allowed = VolumeRange.around(volumes)
    points, less = cut, np.zeros(0, np.int64)
    if params.taubin_iterations:
        outermost = np.array(volume.shape[::-1], np.float32) + 0.5
        at_border = (np.maximum(0.5 - cut, cut - outermost) >= 0).any(axis=1)
        boundaries = Boundaries(triangles, place, faces, numbers)
        points, less = smoothed_together(
            cut, boundaries, at_border, params.taubin_iterations, volumes
        )
    progress.advance()
    mesh = build_mesh((points[place] - 1) * edges + start, faces, numbers)
    surfaces = Surfaces(mesh, (), unit)
    report = Report(
        objects_found=objects.found,
        objects_too_small=objects.too_small,
        objects_merged=objects.merged,
        mended=objects.mended,
        faces_cut=int(surfaces.mesh.n_cells),
        smoothing_moved=float(np.linalg.norm((points - cut) * edges, axis=1).max()),
        smoothed_less=tuple(less.tolist()),
        unsound=tuple(unsound_objects(surfaces)),
        marked=sum(objects.voxels.values()) / math.prod(volume.shape),
    )
    progress.advance()
    if params.decimate_to < 1:
        edge = float(np.cbrt(edges.prod()))
        surfaces, report = thin(surfaces, report, params, edge, allowed)
    surfaces.mesh.cell_data["object"] = labels[surfaces.face_objects - 1]
    rows = _rows(surfaces, objects, float(edges.prod()))
    changes = np.array([row.volume for row in rows]) / edges.prod() / volumes - 1
    report = replace(
        report,
        volume_change=float(np.abs(changes).max()),
        smoothed_less=_ids(labels, report.smoothed_less),
        not_thinned=_ids(labels, report.not_thinned),
        unsound=_ids(labels, report.unsound),
    )
    progress.advance()
    return Surfaces(surfaces.mesh, rows, unit, report), objects.field


def _rows(surfaces: Surfaces, objects: LabelObjects, voxel_volume: float) -> tuple[ObjectRow, ...]:
    """Measure the surfaces of label objects, and name them as their labels are named."""
    gained = {label: more - fewer for label, more, fewer in objects.mended}
    return tuple(
        replace(
            row,
            volume_error=volume_error(row.volume, row.voxels - gained.get(row.id, 0), voxel_volume),
            **_called(objects.tags.get(row.id)),
        )
        for row in measure_objects(
            np.asarray(surfaces.mesh.points),
            surfaces.triangles,
            surfaces.face_objects,
            objects.voxels,
        )
    )


def _ids(labels: NDArray[np.int32], numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the labels of objects that are numbered from 1."""
    return tuple(labels[np.array(numbers, np.int64) - 1].tolist())


def _of_each(
    triangles: NDArray[np.int64], sides: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Return boundaries as closed surfaces that share no point.

    Returns
    -------
    ndarray
        Which point of the boundaries each point is, ordered by object.
    ndarray
        Triangles of these, facing outwards.
    ndarray
        The object that each point belongs to.
    """
    # Boundaries face away from their first side.
    faces = np.concatenate([triangles, triangles[:, ::-1]])
    owner = np.concatenate([sides[:, 0], sides[:, 1]]).astype(np.int64)
    faces, owner = faces[owner > 0], owner[owner > 0]
    n = int(triangles.max()) + 1
    used, places = np.unique(owner[:, np.newaxis] * n + faces, return_inverse=True)
    return used % n, places.reshape(-1, 3), (used // n).astype(np.int32)


def _called(tag: Tag | None) -> dict[str, Any]:
    """Return the fields of a row that say what people call the object, and how it came."""
    if tag is None:
        return {}
    return {
        "name": tag.name,
        "class_name": tag.class_name,
        "colour": tag.colour,
        "state": tag.state,
        "capped": tag.is_capped,
        "true_voxels": tag.true_voxels,
    }
