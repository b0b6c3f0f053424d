"""Boundaries of all labels at once, cut slab by slab by surface nets."""

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.surface.field.label_field import LabelField

_Cut = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]


def label_boundaries(field: LabelField) -> _Cut:
    """Return points (x, y, z) in indices of the padded labels, triangles, and their two labels.

    The triangles are those that a cut of the whole would give: each belongs to an edge of the
    grid, and each edge to one slab.
    """
    depth = field.padded.shape[0]
    points, sides = [np.zeros((0, 3, 3), np.float32)], [np.zeros((0, 2), np.int32)]
    for first, end in field.slabs(overlap=2):
        slab = np.array(field.padded[first:end])
        if not slab.any():
            continue
        corners, labels = _cut(slab)
        corners[..., 2] += first
        low, high = corners[..., 2].min(axis=1), corners[..., 2].max(axis=1)
        # An edge across slices lies between two of them, any other in one, the middle of a quad.
        across = low == high
        last = depth if end == depth else end - 2
        own = np.where(
            across, low < last, ((low + high) / 2 > first) & ((low + high) / 2 < end - 1)
        )
        points.append(corners[own])
        sides.append(labels[own])
    every = np.concatenate(points)
    # Some points come twice, from two slabs or from VTK 9.7, and would leave the surfaces open.
    unique, place = np.unique(every.reshape(-1, 3), axis=0, return_inverse=True)
    return unique, place.reshape(-1, 3).astype(np.int64), np.concatenate(sides)


def _cut(labels: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return triangles by their points (n, 3, 3), x, y, z in indices, and their two labels."""
    import pyvista

    highest, stand_in = np.iinfo(np.int32).max, 0
    if labels.max() == highest:  # which VTK takes for the end of the labels
        known = np.unique(labels)
        stand_in = int(np.setdiff1d(np.arange(1, len(known) + 1), known)[0])
        labels = np.where(labels == highest, np.int32(stand_in), labels)
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
    if not mesh.n_cells:
        return np.zeros((0, 3, 3), np.float32), np.zeros((0, 2), np.int32)
    corners = np.asarray(mesh.points, np.float32)[np.asarray(mesh.regular_faces, np.int64)]
    sides = np.asarray(mesh.cell_data["boundary_labels"], np.int32)
    if stand_in:
        sides = np.where(sides == stand_in, np.int32(highest), sides)
    return corners, sides
