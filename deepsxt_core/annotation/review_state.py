"""Where a review stands: coverage, what comes next, and what follows for the whole tomogram."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.review_operations import PlanReview
from deepsxt_core.annotation.review_plan import (
    OBJECTS,
    UNITS,
    Plan,
    Review,
    face_edges,
    outline_area,
)
from deepsxt_core.annotation.reviewing import members_of
from deepsxt_core.annotation.runs import spread
from deepsxt_core.geometry import Geometry
from deepsxt_core.review import ERRORS, Estimate, Found, Judged, Machine, Population, estimates

if TYPE_CHECKING:
    from deepsxt_core.annotation.annotation import Annotation

_WRONG, _MISSED, _AREA, _WRONG_OBJECTS, _MISSED_OBJECTS = range(len(ERRORS))


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the review of one kind has come.

    Attributes
    ----------
    all, right, corrected, wrong, doubtful : int
        How many there are, and how many of them were judged so; a tile is *corrected* where
        something was mended.
    sampled, targeted : int
        How many of those that were decided came from the random sample, and how many not.
    lacking : int
        How many more of the random sample it takes to say anything.
    """

    all: int
    right: int
    corrected: int
    wrong: int
    doubtful: int
    sampled: int
    targeted: int
    lacking: int


@dataclass(frozen=True, slots=True)
class ReviewState:
    """Where a review stands.

    Attributes
    ----------
    plan : Plan
    tiles, objects : Coverage
    estimates : tuple of Estimate
        Volume in µm³ and area in µm², or in voxels and their faces where the voxel size is not
        known.
    unit : str
        ``"µm"`` or ``"voxel"``.
    """

    plan: Plan
    tiles: Coverage
    objects: Coverage
    estimates: tuple[Estimate, ...]
    unit: str

    def unit_of(self, name: str) -> str:
        """Return the unit of an estimate, such as ``"µm³"``; empty for a number or a share."""
        return {"volume": f"{self.unit}³", "area": f"{self.unit}²"}.get(name, "")

    def to_json(self) -> dict[str, Any]:
        """Return what people are told, as an object of JSON."""
        return {
            "class": self.plan.class_name,
            "tiles": asdict(self.tiles),
            "objects": asdict(self.objects),
            "estimates": [asdict(one) for one in self.estimates],
            "unit": self.unit,
        }


def review_state(annotation: "Annotation") -> ReviewState | None:
    """Return where the review of an annotation stands; None where none was planned.

    What was decided is compared as it is now with what it was when the review was planned, so
    that a later correction counts too.
    """
    table = annotation.objects
    review = table.review
    if review is None:
        return None
    plan, tiles, objects = review.plan, review.of(UNITS), review.of(OBJECTS)
    of_tile = _tile_errors(annotation, plan, tiles)
    of_object = _object_errors(review)
    machine = Machine(sum(plan.voxels), sum(plan.area), len(plan.objects))
    filled = [n for n in plan.voxels if n]
    typical = float(np.mean(filled)) if filled else 1.0
    outline = sum(plan.area) / len(filled) if filled else 1.0
    kinds = [
        Found(plan.units.groups(tiles), of_tile, np.array([typical, typical, outline, 0.0, 0.1])),
        Found(plan.found.groups(objects), of_object, np.array([0.0, 0.0, 0.0, 1.0, 0.0])),
    ]
    corrected = sum(bool(errors.any()) for errors in of_tile.values())
    wrong = sum(bool(errors.any()) for errors in of_object.values())
    return ReviewState(
        plan,
        _coverage(plan.units, tiles, corrected=corrected),
        _coverage(plan.found, objects, wrong=wrong),
        tuple(_sized(one, annotation.geometry) for one in estimates(machine, kinds)),
        "voxel" if annotation.geometry.voxel_size_nm is None else "µm",
    )


def next_to_judge(review: Review, kind: str, queue: str) -> int | None:
    """Return the tile, or the id of the object, that comes next; None at the end."""
    population = review.plan.units if kind == UNITS else review.plan.found
    judged = review.of(kind)
    place = (
        population.next_sampled(judged) if queue == "random" else population.next_targeted(judged)
    )
    return place if kind == UNITS or place is None else review.plan.objects[place][0]


def _coverage(
    population: Population, judged: Judged, *, corrected: int = 0, wrong: int = 0
) -> Coverage:
    return Coverage(
        all=len(population),
        right=len(judged.decided) - corrected - wrong,
        corrected=corrected,
        wrong=wrong,
        doubtful=len(judged.doubtful),
        sampled=len(judged.sampled),
        targeted=len(judged.targeted),
        lacking=population.lacking(judged),
    )


def _sized(one: Estimate, geometry: Geometry) -> Estimate:
    """Return an estimate in µm, where the voxel size is known."""
    size = geometry.voxel_size_nm
    if size is None or one.name not in ("volume", "area"):
        return one
    dz, dy, dx = (edge / 1000 for edge in size)
    factor = dz * dy * dx if one.name == "volume" else dz * float(np.sqrt(dy * dx))
    numbers = (one.machine, one.value, one.low, one.high)
    return Estimate(one.name, *(None if n is None else n * factor for n in numbers))


def _object_errors(review: Review) -> dict[int, NDArray[np.float64]]:
    """Return whether each decided object is wrong, by its place in the plan."""
    found = {}
    for place, (number, *_) in enumerate(review.plan.objects):
        verdict, _ = review.judged.get((OBJECTS, number), ("doubtful", ""))
        if verdict != "doubtful":
            found[place] = np.zeros(len(ERRORS))
            found[place][_WRONG_OBJECTS] = verdict == "wrong"
    return found


def _tile_errors(
    annotation: "Annotation", plan: Plan, judged: Judged
) -> dict[int, NDArray[np.float64]]:
    """Return what differs in each decided tile from what the machine had found."""
    was_member = np.zeros(1 << 16, bool)
    was_member[[number for number, *_ in plan.objects]] = True
    is_member = members_of(annotation.objects, plan.class_name)
    boxes = {unit: plan.tiles[unit] for unit in sorted(judged.decided)}
    before = _as_planned(annotation, list(boxes.values()))
    edges = face_edges(annotation.geometry)
    parts: dict[int, float] = {}
    found = {}
    for unit, box in boxes.items():
        ids = annotation.read_box(box)[0]
        now, then = is_member[ids], was_member[before[box]]
        errors = np.zeros(len(ERRORS))
        errors[_WRONG] = np.count_nonzero(then & ~now)
        errors[_MISSED] = np.count_nonzero(now & ~then)
        errors[_AREA] = outline_area(now, edges) - plan.area[unit]
        for number in np.unique(ids[now & ~was_member[ids]]).tolist():
            if number not in parts:
                parts[number] = 1 / len(_units_of(annotation, plan, number))
            errors[_MISSED_OBJECTS] += parts[number]
        found[unit] = errors
    return found


def _units_of(annotation: "Annotation", plan: Plan, number: int) -> NDArray[np.int64]:
    """Return the tiles that an object reaches into."""
    places = [
        np.argwhere(annotation.read_box(box) == number) + box.first
        for box in annotation.boxes_of(number)
    ]
    return plan.tiles.at(np.concatenate(places))


def _as_planned(annotation: "Annotation", boxes: list[Box]) -> dict[Box, NDArray[np.uint16]]:
    """Return the ids (y, x) of boxes of one slice each as they were when the review was planned."""
    found = {box: annotation.read_box(box)[0] for box in boxes}
    slices: dict[int, list[Box]] = {}
    for box in boxes:
        slices.setdefault(box.z0, []).append(box)
    for runs in annotation.changes_since(PlanReview.kind):
        z, y, x = runs.places(annotation.shape)
        for layer in set(np.unique(z).tolist()) & set(slices):
            here = z == layer
            rows, firsts, lengths = y[here], x[here], runs.length[here]
            columns = spread(firsts, lengths)
            rows, old = np.repeat(rows, lengths), np.repeat(runs.old[here], lengths)
            for box in slices[layer]:
                inside = (
                    (rows >= box.y0) & (rows < box.y1) & (columns >= box.x0) & (columns < box.x1)
                )
                found[box][rows[inside] - box.y0, columns[inside] - box.x0] = old[inside]
    return found
