"""Objects by their class: sums of each, and how the classes lie to each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from deepsxt_core.surface.lengths import Unit, plain_unit
from deepsxt_core.surface.measure.neighbours import CONTACT_VOXELS
from deepsxt_core.surface.measure.quantities import ObjectQuantities
from deepsxt_core.surface.measure.uncertainty import total_error
from deepsxt_core.surface.surfaces import Surfaces


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTotals:
    """Sums over the objects of one class, in the unit of their surfaces.

    Attributes
    ----------
    name : str or None
        None for those without a class.
    objects : int
    volume, enclosed_volume, area : float
    volume_error, area_error : float or None
        Of the sums; None where an object has none.
    median_diameter : float
        Of balls of the enclosed volumes.
    """

    name: str | None
    objects: int
    volume: float
    volume_error: float | None
    enclosed_volume: float
    area: float
    area_error: float | None
    median_diameter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassContacts:
    """How the objects of one class lie to those of another, in the unit of their surfaces.

    Attributes
    ----------
    name, other : str
        The two classes.
    objects : int
        Of the class `name`.
    touching : int
        Those of them within `CONTACT_VOXELS` voxel edges of an object of the class `other`.
    contact_area : float
        Of their surfaces that close to it, together.
    median_gap, smallest_gap : float
        From their surface to the nearest one of the other class, from point to point.
    """

    name: str
    other: str
    objects: int
    touching: int
    contact_area: float
    median_gap: float
    smallest_gap: float


def class_totals(found: Sequence[ObjectQuantities]) -> tuple[ClassTotals, ...]:
    """Return the sums of each class, that of most objects first."""
    counted = Counter(row.class_name for row in found)
    return tuple(
        _total(name, [row for row in found if row.class_name == name])
        for name, _ in counted.most_common()
    )


def _total(name: str | None, members: Sequence[ObjectQuantities]) -> ClassTotals:
    return ClassTotals(
        name=name,
        objects=len(members),
        volume=sum(row.volume for row in members),
        volume_error=total_error(members, "volume"),
        enclosed_volume=sum(row.enclosed_volume for row in members),
        area=sum(row.area for row in members),
        area_error=total_error(members, "area"),
        median_diameter=float(np.median([row.equivalent_diameter for row in members])),
    )


def class_contacts(surfaces: Surfaces) -> tuple[ClassContacts, ...]:
    """Return how each class lies to each other one; nothing where there are not two.

    Gaps are from point to point of the meshes, as in `neighbourhoods`. Objects of one class are
    not compared with each other: their gaps stand in the table of the objects.
    """
    rows = surfaces.objects
    names = sorted({row.class_name for row in rows if row.class_name is not None})
    if len(names) < 2:
        return ()
    edge = float(np.cbrt(sum(row.volume for row in rows) / sum(row.voxels for row in rows)))
    reach = CONTACT_VOXELS * edge
    ids = [row.id for row in rows]
    all_points = np.asarray(surfaces.mesh.points, np.float64)
    points = np.split(all_points, np.searchsorted(surfaces.point_objects, ids)[1:])
    faces = np.split(surfaces.triangles, np.searchsorted(surfaces.face_objects, ids)[1:])
    places = {
        name: [place for place, row in enumerate(rows) if row.class_name == name] for name in names
    }
    trees = {
        name: cKDTree(np.concatenate([points[place] for place in own]))
        for name, own in places.items()
    }
    found = []
    for name, other in ((a, b) for a in names for b in names if a != b):
        gaps, area = [], 0.0
        for place in places[name]:
            distances, _ = trees[other].query(points[place])
            gaps.append(float(distances.min()))
            if gaps[-1] <= 2 * reach:
                corners = all_points[faces[place]]
                sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
                near, _ = trees[other].query(corners.mean(axis=1), distance_upper_bound=reach)
                area += float(np.linalg.norm(sides, axis=1)[np.isfinite(near)].sum() / 2)
        found.append(
            ClassContacts(
                name=name,
                other=other,
                objects=len(gaps),
                touching=sum(gap <= reach for gap in gaps),
                contact_area=area,
                median_gap=float(np.median(gaps)),
                smallest_gap=min(gaps),
            )
        )
    return tuple(found)


def total_columns(found: Sequence[ClassTotals], unit: Unit) -> dict[str, list[Any]]:
    """Return a table of one line per class, by names with units."""
    length = plain_unit(unit)
    powers = {
        "volume": 3, "volume_error": 3, "enclosed_volume": 3,
        "area": 2, "area_error": 2, "median_diameter": 1,
    }  # fmt: skip
    columns: dict[str, list[Any]] = {
        "class": [group.name for group in found],
        "objects": [group.objects for group in found],
    }
    for name, power in powers.items():
        ending = f"{length}{power if power > 1 else ''}"
        columns[f"{name}_{ending}"] = [getattr(group, name) for group in found]
    return columns


def contact_columns(found: Sequence[ClassContacts], unit: Unit) -> dict[str, list[Any]]:
    """Return a table of one line per pair of classes, by names with units."""
    length = plain_unit(unit)
    return {
        "class": [pair.name for pair in found],
        "to_class": [pair.other for pair in found],
        "objects": [pair.objects for pair in found],
        "touching": [pair.touching for pair in found],
        f"contact_area_{length}2": [pair.contact_area for pair in found],
        f"median_gap_{length}": [pair.median_gap for pair in found],
        f"smallest_gap_{length}": [pair.smallest_gap for pair in found],
    }
