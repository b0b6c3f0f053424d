"""Surfaces as the browser's 3D view reads them: a light version first, then all faces.

One file holds, little-endian and without gaps::

    uint32              length of the head in bytes, a multiple of 4
    head                JSON, padded with spaces: see `_head`
    float32 (n, 3)      points x, y, z, in the unit of the surfaces, ordered by object
    uint32 (faces, 3)   triangles, point indices, ordered by object
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.files import require_bytes, written_beside
from deepsxt_core.surface.measure.columns import QUANTITIES
from deepsxt_core.surface.mesh.finishing import decimate
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.surface.surfaces import Surfaces

COARSE_FACES = 150_000
"""Faces that any computer turns fluidly, without a graphics card too."""

COARSE_NAME, FULL_NAME = "view-coarse.bin", "view-full.bin"
VIEW_FILES = (COARSE_NAME, FULL_NAME)

# Collapsing edges is slow, so a mesh of more than this many times the wanted faces is first
# rounded to a grid. The cells are still smaller than a membrane is thick in what comes out.
_COLLAPSED_AT_MOST = 8


def thinned(surfaces: Surfaces, max_faces: int = COARSE_FACES) -> Surfaces:
    """Return `surfaces` with about `max_faces` faces, for display alone; their rows stay.

    Thin places may tear, and the smallest objects may vanish.
    """
    mesh = surfaces.mesh
    if mesh.n_cells <= max_faces:
        return surfaces
    points, triangles = np.asarray(mesh.points), surfaces.triangles
    objects = surfaces.point_objects
    if mesh.n_cells > _COLLAPSED_AT_MOST * max_faces:
        # Faces become fewer with the square of the edge.
        edges = np.linalg.norm(points[triangles[:, 0]] - points[triangles[:, 1]], axis=1)
        cell = float(edges.mean()) * np.sqrt(mesh.n_cells / (_COLLAPSED_AT_MOST * max_faces))
        points, triangles, objects = _rounded(points, triangles, objects, 1.5 * cell)
    if len(triangles) > max_faces:
        keep = max_faces / len(triangles)
        points, triangles, objects, _ = decimate(points, triangles, objects, keep)
    return Surfaces(build_mesh(points, triangles, objects), surfaces.objects, surfaces.unit)


def _rounded(
    points: NDArray[np.float32],
    triangles: NDArray[np.int64],
    point_objects: NDArray[np.int32],
    cell: float,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]:
    """Merge the points of an object that lie in one cell of a grid into their mean."""
    place = ((points - points.min(axis=0)) / cell).astype(np.int64)
    sizes = place.max(axis=0) + 1
    keys = np.ravel_multi_index(
        (point_objects, *place.T), (int(point_objects.max()) + 1, *sizes.tolist())
    )
    _, first, merged = np.unique(keys, return_index=True, return_inverse=True)
    counts = np.bincount(merged)
    means = [np.bincount(merged, points[:, axis]) / counts for axis in range(3)]
    corners = merged[triangles]
    whole = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    return np.stack(means, axis=1).astype(np.float32), corners[whole], point_objects[first]


def write_views(surfaces: Surfaces, folder: Path) -> None:
    """Write `VIEW_FILES` into `folder`."""
    for name, shown in ((COARSE_NAME, thinned(surfaces)), (FULL_NAME, surfaces)):
        head = json.dumps(_head(shown)).encode()
        head += b" " * (-len(head) % 4)
        points = np.ascontiguousarray(shown.mesh.points, "<f4")
        triangles = np.ascontiguousarray(shown.triangles, "<u4")
        n_bytes = 4 + len(head) + points.nbytes + triangles.nbytes
        verify = partial(require_bytes, n_bytes=n_bytes)
        with (
            written_beside(folder / name, verify=verify, room_bytes=n_bytes) as beside,
            beside.open("wb") as file,
        ):
            file.write(np.uint32(len(head)).astype("<u4").tobytes())
            file.write(head)
            file.write(points.data)
            file.write(triangles.data)


def view_points(path: Path) -> NDArray[np.float32]:
    """Return the points of a mesh that `write_views` wrote, (n, 3)."""
    with path.open("rb") as file:
        length = int(np.frombuffer(file.read(4), "<u4")[0])
        count = json.loads(file.read(length))["points"]
        return np.fromfile(file, "<f4", 3 * count).reshape(count, 3)


def _head(surfaces: Surfaces) -> dict[str, Any]:
    """Return what precedes the mesh.

    ``objects`` holds columns: the ids, how many points each object has in this file, and what
    is known of its size under the names of `quantities.QUANTITIES`; also name, class and colour
    where people have given any.
    """
    rows, unit = surfaces.objects, surfaces.unit
    ids = [row.id for row in rows]
    counts = np.bincount(surfaces.point_objects, minlength=max(ids) + 1)
    known = {each.name: each.column(unit) for each in QUANTITIES}
    columns: dict[str, list[Any]] = {
        known["object"]: ids,
        "points": counts[ids].tolist(),
        known["volume"]: [row.volume for row in rows],
        known["area"]: [row.area for row in rows],
        known["voxels"]: [row.voxels for row in rows],
        known["faces"]: [row.faces for row in rows],
    }
    for place, axis in enumerate("xyz"):
        columns[known[f"centroid_{axis}"]] = [row.centroid[place] for row in rows]
    if any(row.mean_score is not None for row in rows):
        columns[known["mean_score"]] = [row.mean_score for row in rows]
    if any(row.name is not None for row in rows):
        columns["name"] = [row.name for row in rows]
        columns["class"] = [row.class_name for row in rows]
        columns["colour"] = [row.colour for row in rows]
    columns["bounds"] = [list(row.bounds) for row in rows]
    return {
        "unit": unit,
        "points": int(surfaces.mesh.n_points),
        "faces": int(surfaces.mesh.n_cells),
        "objects": columns,
    }
