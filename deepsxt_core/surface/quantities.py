"""What can be said about each object: size, shape, place, and how sure it is."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import cdist

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.files import written_beside
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.extraction import reconstruct
from deepsxt_core.surface.params import ReconstructParams
from deepsxt_core.surface.surfaces import Surfaces, Unit
from deepsxt_core.volume import Mask, Score

THRESHOLD_STEP = 0.02
"""By which the threshold is moved up and down for the error bars: one code of a score is 0.008."""

_VERTICES_COMPARED = 200
# A surface of which more than this share lies closest to a second object holds both.
_MERGED = 0.1
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of the table: its name, its title and power of length, and what it means."""

    name: str
    title: str
    power: int = 0
    help: str = ""

    def column(self, unit: Unit) -> str:
        """Return the name with its unit, such as ``volume_um3``."""
        length = "um" if unit == "µm" else unit
        power = str(self.power) if self.power > 1 else ""
        return f"{self.name}_{length}{power}" if self.power else self.name

    def heading(self, unit: Unit) -> str:
        """Return the title with its unit, such as ``Volume (µm³)``."""
        return f"{self.title} ({unit}{' ²³'[self.power - 1].strip()})" if self.power else self.title


QUANTITIES = (
    Quantity("object", "Object", 0, "1 is the object of most voxels."),
    Quantity("volume", "Volume", 3, "Of the membrane or body itself; a lumen does not count."),
    Quantity("volume_error", "± volume", 3, "Half the change from the threshold ± one step."),
    Quantity("enclosed_volume", "Enclosed volume", 3, "Within the outer surface, lumen included."),
    Quantity("area", "Area", 2, "Of all its surfaces; a membrane has two sides."),
    Quantity("area_error", "± area", 2, "Half the change from the threshold ± one step."),
    Quantity("outer_area", "Outer area", 2, "Of the outer surface alone."),
    Quantity("sphericity", "Sphericity", 0, "Of the outer surface: 1 is a ball, less is not."),
    Quantity("equivalent_diameter", "Diameter", 1, "Of a ball of the enclosed volume."),
    Quantity("feret_diameter", "Feret diameter", 1, "Largest distance between two points of it."),
    Quantity("long_axis", "Long axis", 1, "Of the ellipsoid with the same moments of inertia."),
    Quantity("middle_axis", "Middle axis", 1, "Of the ellipsoid with the same moments."),
    Quantity("short_axis", "Short axis", 1, "Of the ellipsoid with the same moments."),
    Quantity("elongation", "Elongation", 0, "Long axis / short axis."),
    Quantity(
        "long_axis_to_z_deg",
        "Long axis to z (°)",
        0,
        "Angle to the beam. Where most objects are long along z, suspect the missing wedge.",
    ),
    Quantity(
        "mean_thickness",
        "Thickness",
        1,
        "2 × volume / area: that of a membrane; a solid body has no meaningful one.",
    ),
    Quantity("euler_number", "Euler number", 0, "2 for each closed surface, less 2 per handle."),
    Quantity("mean_score", "Mean score", 0, "Inside, of the score after smoothing."),
    Quantity(
        "nearest_centroid_distance", "Nearest neighbour", 1, "From centroid to nearest centroid."
    ),
    Quantity("centroid_x", "x", 1, "Of the centroid."),
    Quantity("centroid_y", "y", 1, "Of the centroid."),
    Quantity("centroid_z", "z", 1, "Of the centroid."),
    Quantity("voxels", "Voxels", 0, "Above the threshold, after smoothing."),
    Quantity("faces", "Triangles", 0, "Of its surfaces."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectQuantities:
    """The values of `QUANTITIES` for one object; None where there is none to give."""

    object: int
    volume: float
    volume_error: float | None = None
    enclosed_volume: float
    area: float
    area_error: float | None = None
    outer_area: float
    sphericity: float
    equivalent_diameter: float
    feret_diameter: float
    long_axis: float
    middle_axis: float
    short_axis: float
    elongation: float
    long_axis_to_z_deg: float
    mean_thickness: float
    euler_number: int
    mean_score: float | None
    nearest_centroid_distance: float | None
    centroid_x: float
    centroid_y: float
    centroid_z: float
    voxels: int
    faces: int


def quantify(surfaces: Surfaces) -> tuple[ObjectQuantities, ...]:
    """Return what can be said about each object from its mesh."""
    points = np.asarray(surfaces.mesh.points, np.float64)
    centroids = np.array([row.centroid for row in surfaces.objects])
    neighbours: NDArray[np.float64] | None = None
    if len(centroids) > 1:
        neighbours = cKDTree(centroids).query(centroids, k=2)[0][:, 1]
    ids, face_objects = [row.id for row in surfaces.objects], surfaces.face_objects
    starts = np.searchsorted(face_objects, ids)
    ends = np.searchsorted(face_objects, ids, side="right")
    found = []
    for place, row in enumerate(surfaces.objects):
        triangles = surfaces.triangles[starts[place] : ends[place]]
        first = int(triangles.min())
        own = points[first : int(triangles.max()) + 1] - row.centroid
        triangles = triangles - first
        outer = _outer_faces(own, triangles)
        volume, area, axes, direction = _solid(own, triangles[outer])
        found.append(
            ObjectQuantities(
                object=row.id,
                volume=row.volume,
                enclosed_volume=volume,
                area=row.area,
                outer_area=area,
                # Wadell 1935, Journal of Geology 43, 250-280.
                sphericity=float(np.cbrt(36 * np.pi * volume**2) / area),
                equivalent_diameter=float(np.cbrt(6 * volume / np.pi)),
                feret_diameter=_feret_diameter(own),
                long_axis=axes[0],
                middle_axis=axes[1],
                short_axis=axes[2],
                elongation=axes[0] / axes[2],
                long_axis_to_z_deg=float(np.degrees(np.arccos(min(1.0, abs(direction[2]))))),
                mean_thickness=2 * row.volume / row.area,
                euler_number=len(own) - len(triangles) // 2,  # closed: 3 edges per 2 faces
                mean_score=row.mean_score,
                nearest_centroid_distance=None if neighbours is None else float(neighbours[place]),
                centroid_x=row.centroid[0],
                centroid_y=row.centroid[1],
                centroid_z=row.centroid[2],
                voxels=row.voxels,
                faces=row.faces,
            )
        )
    return tuple(found)


def measure(
    source: Score | Mask,
    params: ReconstructParams | None = None,
    progress: Progress | None = None,
) -> tuple[Surfaces, tuple[ObjectQuantities, ...]]:
    """Reconstruct and measure; of a score with error bars, from the threshold ± one step.

    The objects of the two other surfaces are given to those that they lie closest to. An
    object that merges with another one or vanishes at one of them has no error bar.
    """
    params, progress = params or ReconstructParams(), progress or NoProgress()
    surfaces = reconstruct(source, params, progress)
    found = quantify(surfaces)
    if isinstance(source, Mask):
        return surfaces, found
    low = max(-1.0, params.threshold - THRESHOLD_STEP)
    high = min(params.threshold + THRESHOLD_STEP, np.nextafter(1.0, 0.0))
    sizes = [
        _sizes_at(source, replace(params, threshold=threshold), surfaces, progress)
        for threshold in (low, high)
    ]
    errors = np.abs(sizes[0] - sizes[1]) / 2
    return surfaces, tuple(
        each
        if np.isnan(error).any()
        else replace(each, volume_error=float(error[0]), area_error=float(error[1]))
        for each, error in zip(found, errors, strict=True)
    )


def table(found: Sequence[ObjectQuantities], unit: Unit) -> dict[str, list[Any]]:
    """Return the columns by their names with units; those without any value are left out."""
    columns = {
        quantity.column(unit): [getattr(each, quantity.name) for each in found]
        for quantity in QUANTITIES
    }
    return {
        name: values
        for name, values in columns.items()
        if any(value is not None for value in values)
    }


def write_quantities(found: Sequence[ObjectQuantities], unit: Unit, path: Path) -> Path:
    """Write the table to `path` as CSV, or as Parquet if that is its ending, and return it."""
    columns = table(found, unit)
    with written_beside(path) as partial:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.table(columns), partial)
        else:
            with partial.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
    return path


def parquet_is_known() -> bool:
    """Tell whether Parquet can be written: pyarrow comes with Streamlit."""
    return find_spec("pyarrow") is not None


def _outer_faces(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which faces belong to closed surfaces that face away from what they enclose."""
    ends = (triangles[:, :2].ravel(), triangles[:, 1:].ravel())
    edges = (np.ones(len(ends[0]), bool), ends)
    graph = scipy.sparse.coo_array(edges, shape=(len(points), len(points)))
    n, piece = scipy.sparse.csgraph.connected_components(graph, directed=False)
    if n == 1:
        return np.ones(len(triangles), bool)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    piece_of_face = piece[triangles[:, 0]]
    volumes = np.bincount(piece_of_face, np.einsum("ij,ij->i", a, np.cross(b, c)), n)
    return volumes[piece_of_face] > 0


def _solid(
    points: NDArray[np.float64], triangles: NDArray[np.int64]
) -> tuple[float, float, list[float], NDArray[np.float64]]:
    """Return volume, area, axes (long to short) and direction of the long axis (x, y, z).

    The second moments of a solid follow from the tetrahedra between its faces and the origin;
    for one with corners 0, a, b, c and s = a + b + c: V/20 (a aᵀ + b bᵀ + c cᵀ + s sᵀ).
    """
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    tetrahedra = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    volume = float(tetrahedra.sum())
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    s = a + b + c
    second = sum((part * tetrahedra[:, np.newaxis]).T @ part for part in (a, b, c, s)) / 20
    mean = tetrahedra @ s / 4 / volume
    covariance = second / volume - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(covariance)
    # The variance of an ellipsoid along an axis of length d is d²/20.
    axes = np.sqrt(20 * np.maximum(values[::-1], 1e-30))
    return volume, area, axes.tolist(), vectors[:, -1]


def _feret_diameter(points: NDArray[np.float64]) -> float:
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:  # flat, or too few points
        corners = points
    return max(
        float(cdist(corners[first : first + _ROWS_AT_ONCE], corners).max())
        for first in range(0, len(corners), _ROWS_AT_ONCE)
    )


def _sizes_at(
    source: Score, params: ReconstructParams, base: Surfaces, progress: Progress
) -> NDArray[np.float64]:
    """Return volume and area (objects, 2) at another threshold, NaN where there is no partner."""
    merged: set[int] = set()
    sizes = np.full((len(base.objects), 2), np.nan)
    try:
        # Pieces that are now too small still belong to the object that they came from.
        other = reconstruct(source, replace(params, min_voxels=0, min_volume_um3=0.0), progress)
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
        sizes[place] = np.nan_to_num(sizes[place]) + np.array([row.volume, row.area])
        owning = ids[times > _MERGED * times.sum()]
        if len(owning) > 1:
            merged |= {place_of_id[int(each)] for each in owning}
    sizes[list(merged)] = np.nan
    return sizes
