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
from deepsxt_core.surface.lengths import Unit
from deepsxt_core.surface.measure.neighbours import CONTACT_VOXELS, neighbourhoods
from deepsxt_core.surface.measure.shapes import feret_diameter, mean_curvature, outer_faces, solid
from deepsxt_core.surface.surfaces import Surfaces


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
        if self.power < 0:
            return f"{self.name}_per_{length}"
        power = str(self.power) if self.power > 1 else ""
        return f"{self.name}_{length}{power}" if self.power else self.name

    def heading(self, unit: Unit) -> str:
        """Return the title with its unit, such as ``Volume (µm³)``."""
        if self.power < 0:
            return f"{self.title} (1/{unit})"
        return f"{self.title} ({unit}{' ²³'[self.power - 1].strip()})" if self.power else self.title


QUANTITIES = (
    Quantity("object", "Object", 0, "1 is the object of most voxels."),
    Quantity("volume", "Volume", 3, "Of the membrane or body itself; a lumen does not count."),
    Quantity(
        "volume_error",
        "± volume",
        3,
        "The larger change from the threshold ± one step; of a small body at least what it "
        "encloses more or less than its voxels.",
    ),
    Quantity("enclosed_volume", "Enclosed volume", 3, "Within the outer surface, lumen included."),
    Quantity("area", "Area", 2, "Of all its surfaces; a membrane has two sides."),
    Quantity("area_error", "± area", 2, "The larger change from the threshold ± one step."),
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
        "beam_elongation",
        "Size along / across z",
        0,
        "Along the beam / across it. Objects turned at random have 1 on average; the missing "
        "wedge makes it larger.",
    ),
    Quantity(
        "mean_curvature",
        "Mean curvature",
        -1,
        "Of the outer surface: 1 / radius for a ball, half of that for a tube.",
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
        "mean_grey_value",
        "Mean grey value",
        0,
        "Inside, of the tomogram: the linear absorption coefficient where the file holds that.",
    ),
    Quantity("nearest_object", "Nearest object", 0, "The one with the smallest gap."),
    Quantity("gap", "Gap to it", 1, "Between the two surfaces."),
    Quantity(
        "contact_area",
        "Contact area",
        2,
        f"Of its surface within {CONTACT_VOXELS:g} voxels of another object.",
    ),
    Quantity(
        "nearest_centroid_distance", "Nearest centroid", 1, "From centroid to nearest centroid."
    ),
    Quantity("centroid_x", "x", 1, "Of the centroid."),
    Quantity("centroid_y", "y", 1, "Of the centroid."),
    Quantity("centroid_z", "z", 1, "Of the centroid."),
    Quantity("voxels", "Voxels", 0, "Above the threshold, after smoothing."),
    Quantity("faces", "Triangles", 0, "Of its surfaces."),
)


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
    beam_elongation: float
    mean_curvature: float
    mean_thickness: float
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
                volume_error=row.volume_error,
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
    """Return sums and medians over all objects of a tomogram, by names with their unit.

    The error bars add up: one threshold moves all objects the same way. Objects without one
    do not contribute to them.
    """
    volume, area = (sum(getattr(each, name) for each in found) for name in ("volume", "area"))
    errors = {
        name: [error for each in found if (error := getattr(each, name)) is not None]
        for name in ("volume_error", "area_error")
    }
    length = "um" if unit == "µm" else unit

    def median(name: str) -> float:
        return float(np.median([getattr(each, name) for each in found]))

    return {
        "objects": len(found),
        "membranes": sum(each.measured == "membrane" for each in found),
        "bodies": sum(each.measured == "body" for each in found),
        "cut_by_border": sum(bool(each.cut_by_border) for each in found),
        "capped": sum(bool(each.capped) for each in found),
        f"volume_{length}3": volume,
        f"volume_error_{length}3": sum(errors["volume_error"]) if errors["volume_error"] else None,
        f"enclosed_volume_{length}3": sum(each.enclosed_volume for each in found),
        f"area_{length}2": area,
        f"area_error_{length}2": sum(errors["area_error"]) if errors["area_error"] else None,
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
