"""What can be said about each object: size, shape, place, and the table of it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from deepsxt_core.files import not_as_written, written_beside
from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.columns import QUANTITIES
from deepsxt_core.surface.measure.neighbours import neighbourhoods
from deepsxt_core.surface.measure.shapes import feret_diameter, mean_curvature, outer_faces, solid
from deepsxt_core.surface.surfaces import Surfaces

_WORDS = ("name", "class_name", "measured", "cut_by_border", "capped", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectQuantities:
    """The values of `QUANTITIES` for one object, its names and flags; None where there is none.

    Attributes
    ----------
    measured : str or None
        "membrane" or "body", which is what a membrane encloses and the membrane itself.
    cut_by_border : bool or None
        Whether it goes on beyond the volume, so that all sizes are too small.
    capped : bool or None
        Whether the program has closed it where its membrane is not seen.
    state : str or None
        Whether a person has looked at it: machine-made, reviewed, corrected, doubtful.
    """

    object: int
    volume: float
    volume_error: float | None = None
    volume_error_threshold: float | None = None
    volume_error_network: float | None = None
    volume_error_growth: float | None = None
    volume_error_mesh: float | None = None
    volume_error_voxel_size: float | None = None
    enclosed_volume: float
    area: float
    area_error: float | None = None
    area_error_threshold: float | None = None
    area_error_network: float | None = None
    area_error_growth: float | None = None
    area_error_voxel_size: float | None = None
    outer_area: float
    sphericity: float
    equivalent_diameter: float
    equivalent_diameter_error: float | None = None
    feret_diameter: float
    long_axis: float
    middle_axis: float
    short_axis: float
    elongation: float
    long_axis_to_z_deg: float
    beam_elongation: float
    mean_curvature: float
    mean_thickness: float
    mean_thickness_error: float | None = None
    euler_number: int
    mean_score: float | None
    mean_grey_value: float | None
    nearest_object: int | None
    gap: float | None
    contact_area: float | None
    nearest_centroid_distance: float | None
    centroid_x: float
    centroid_y: float
    centroid_z: float
    voxels: int
    faces: int
    name: str | None = None
    class_name: str | None = None
    measured: str | None = None
    cut_by_border: bool | None = None
    capped: bool | None = None
    state: str | None = None


def quantify(surfaces: Surfaces) -> tuple[ObjectQuantities, ...]:
    """Return what can be said about each object from its mesh."""
    points = np.asarray(surfaces.mesh.points, np.float64)
    centroids = np.array([row.centroid for row in surfaces.objects])
    distances: NDArray[np.float64] | None = None
    if len(centroids) > 1:
        distances = cKDTree(centroids).query(centroids, k=2)[0][:, 1]
    ids, face_objects = [row.id for row in surfaces.objects], surfaces.face_objects
    starts = np.searchsorted(face_objects, ids)
    ends = np.searchsorted(face_objects, ids, side="right")
    next_to = neighbourhoods(surfaces)
    found = []
    for place, row in enumerate(surfaces.objects):
        triangles = surfaces.triangles[starts[place] : ends[place]]
        first = int(triangles.min())
        own = points[first : int(triangles.max()) + 1] - row.centroid
        triangles = triangles - first
        outer = triangles[outer_faces(own, triangles)]
        body, beside = solid(own, outer), next_to[place]
        found.append(
            ObjectQuantities(
                object=row.id,
                volume=row.volume,
                volume_error_mesh=row.volume_error,
                enclosed_volume=body.volume,
                area=row.area,
                outer_area=body.area,
                # Wadell 1935, Journal of Geology 43, 250-280.
                sphericity=float(np.cbrt(36 * np.pi * body.volume**2) / body.area),
                equivalent_diameter=float(np.cbrt(6 * body.volume / np.pi)),
                feret_diameter=feret_diameter(own),
                long_axis=body.axes[0],
                middle_axis=body.axes[1],
                short_axis=body.axes[2],
                elongation=body.axes[0] / body.axes[2],
                long_axis_to_z_deg=float(np.degrees(np.arccos(min(1.0, abs(body.direction[2]))))),
                beam_elongation=body.beam_elongation,
                mean_curvature=mean_curvature(own, outer),
                mean_thickness=2 * row.volume / row.area,
                euler_number=len(own) - len(triangles) // 2,  # closed: 3 edges per 2 faces
                mean_score=row.mean_score,
                mean_grey_value=row.mean_grey_value,
                nearest_object=None if beside is None else beside.nearest,
                gap=None if beside is None else beside.gap,
                contact_area=None if beside is None else beside.contact_area,
                nearest_centroid_distance=None if distances is None else float(distances[place]),
                centroid_x=row.centroid[0],
                centroid_y=row.centroid[1],
                centroid_z=row.centroid[2],
                voxels=row.voxels,
                faces=row.faces,
                name=row.name,
                class_name=row.class_name,
            )
        )
    return tuple(found)


def totals(found: Sequence[ObjectQuantities], unit: Unit) -> dict[str, Any]:
    """Return sums and medians over all objects of a tomogram, by names with their unit."""
    volume, area = (sum(getattr(each, name) for each in found) for name in ("volume", "area"))
    length = plain_unit(unit)

    def median(name: str) -> float:
        return float(np.median([getattr(each, name) for each in found]))

    return {
        "objects": len(found),
        "membranes": sum(each.measured == "membrane" for each in found),
        "bodies": sum(each.measured == "body" for each in found),
        "cut_by_border": sum(bool(each.cut_by_border) for each in found),
        "capped": sum(bool(each.capped) for each in found),
        f"volume_{length}3": volume,
        f"enclosed_volume_{length}3": sum(each.enclosed_volume for each in found),
        f"area_{length}2": area,
        f"mean_thickness_{length}": 2 * volume / area,
        f"median_equivalent_diameter_{length}": median("equivalent_diameter"),
        "median_sphericity": median("sphericity"),
        "median_beam_elongation": median("beam_elongation"),
    }


def table(found: Sequence[ObjectQuantities], unit: Unit) -> dict[str, list[Any]]:
    """Return the columns by their names with units; those without any value are left out."""
    quantities: dict[str, list[Any]] = {
        quantity.column(unit): [getattr(each, quantity.name) for each in found]
        for quantity in QUANTITIES
    }
    words: dict[str, list[Any]] = {
        name.removesuffix("_name"): [getattr(each, name) for each in found] for name in _WORDS
    }
    columns = {"object": quantities["object"]} | words | quantities
    return {
        name: values
        for name, values in columns.items()
        if any(value is not None for value in values)
    }


def write_quantities(found: Sequence[ObjectQuantities], unit: Unit, path: Path) -> Path:
    """Write the table to `path` as CSV, or as Parquet if that is its ending, and return it."""
    return write_columns(table(found, unit), path)


def write_columns(columns: Mapping[str, Sequence[Any]], path: Path) -> Path:
    """Write columns to `path` as CSV, or as Parquet if that is its ending, and return it."""
    rows = list(zip(*columns.values(), strict=True))
    with written_beside(path, verify=partial(_require_rows, len(rows))) as beside:
        if path.suffix == ".parquet":
            import pyarrow
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.table(dict(columns)), beside)
        else:
            with beside.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(rows)
    return path


def _require_rows(n: int, path: Path) -> None:
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            found = pyarrow.parquet.read_metadata(path).num_rows
        except (OSError, pyarrow.ArrowInvalid) as error:
            raise not_as_written(str(error)) from error
    else:
        with path.open(newline="", encoding="utf-8") as file:
            found = sum(1 for _ in csv.reader(file)) - 1
    if found != n:
        raise not_as_written(f"{found} instead of {n} lines")
