"""Operations of a review: what is planned, and what is judged."""

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import regrouping
from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.annotation.objects import REVIEW_KEY, ObjectTable, TableChange
from deepsxt_core.annotation.operations import Delete, EditObjects
from deepsxt_core.annotation.resolution import Resolution
from deepsxt_core.annotation.review_operations import Judge, PlanReview
from deepsxt_core.annotation.review_plan import (
    MOST_UNITS,
    OBJECTS,
    UNITS,
    Plan,
    Review,
    Tiles,
    face_edges,
    outline_area,
)
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.errors import InvalidParameterError

_SLAB = 32
"""Slices that are read together: their cubes are read once or twice."""
_TILES_PX = (128, 256, 512, 1024, 2048)
_CLOSE = 0.2
"""How far a score may be from the threshold to count as close to it."""

_STATES = {"right": "reviewed", "doubtful": "doubtful", None: "machine-made"}


def members_of(table: ObjectTable, class_name: str | None) -> NDArray[np.bool_]:
    """Return which ids are of a class, or of any, bool (65,536,)."""
    found = np.zeros(MOST_IDS + 1, bool)
    found[[row.id for row in table.values() if class_name in (None, row.class_name)]] = True
    return found


def plan_review(operation: PlanReview, scene: Scene) -> Resolution:
    """Resolve `PlanReview`."""
    if operation.class_name is not None:
        scene.table.require_class(operation.class_name)
    place = scene.whole if scene.score is None else scene.score.place.meet(scene.whole)
    tiles = _tiles(place, operation.tile_px)
    is_member = members_of(scene.table, operation.class_name)
    voxels, closeness, area = (np.zeros(len(tiles)) for _ in range(3))
    of_object = np.zeros((MOST_IDS + 1, 2), np.int64)
    unit, edges = 0, face_edges(scene.geometry)
    for slab in place.tiles((_SLAB, *scene.labels.shape[1:])):
        labels = scene.labels.read(slab)
        for z, ids in enumerate(labels, slab.z0):
            layer = slab._replace(z0=z, z1=z + 1)
            mask = close = is_member[ids]
            if scene.score is not None:
                close = np.abs(scene.score_of(layer)[0] - operation.threshold) < _CLOSE
            for column, chosen in enumerate((mask, mask & close)):
                of_object[:, column] += np.bincount(ids[chosen], minlength=MOST_IDS + 1)
            for tile in tiles.of_slice(z):
                rows, columns = tile.within(layer)[1:]
                voxels[unit] = np.count_nonzero(mask[rows, columns])
                closeness[unit] = np.count_nonzero(close[rows, columns])
                area[unit] = outline_area(mask[rows, columns], edges)
                unit += 1
    numbers = np.flatnonzero(is_member & (of_object[:, 0] > 0))
    plan = Plan(
        class_name=operation.class_name,
        first=place.first,
        end=place.end,
        tile_px=tiles.tile_px,
        threshold=None if scene.score is None else operation.threshold,
        seed=operation.seed,
        voxels=tuple(voxels.astype(int).tolist()),
        closeness=tuple(closeness.astype(int).tolist()),
        area=tuple(area.tolist()),
        objects=np.c_[numbers, of_object[numbers]].tolist(),
    )
    old = scene.table.review
    return Resolution(
        table=[
            TableChange(REVIEW_KEY, None if old is None else old.to_json(), Review(plan).to_json())
        ]
    )


def judge(operation: Judge, scene: Scene) -> Resolution:
    """Resolve `Judge`."""
    review = scene.table.review
    if review is None:
        raise InvalidParameterError("No review is planned. Begin one first.")
    if operation.units and operation.verdict == "wrong":
        raise InvalidParameterError(
            "A tile is not wrong: correct what is, then it is right. Or say that it is doubtful."
        )
    known = {number for number, *_ in review.plan.objects}
    for kind, numbers, within in (
        (UNITS, operation.units, range(len(review.plan.tiles))),
        (OBJECTS, operation.objects, known),
    ):
        unknown = [number for number in numbers if number not in within]
        if unknown:
            raise InvalidParameterError(f"There is no {kind} {unknown[0]} in the review.")
    after = None if operation.verdict is None else (operation.verdict, operation.queue)
    keys = [
        (kind, number)
        for kind, numbers in ((UNITS, operation.units), (OBJECTS, operation.objects))
        for number in numbers
    ]
    table = [
        TableChange(key, review.judged.get(key), after)
        for key in keys
        if review.judged.get(key) != after
    ]
    there = tuple(number for number in operation.objects if number in scene.table)
    if operation.verdict == "wrong" and there:
        removal = regrouping.delete(Delete(objects=there), scene)
        return Resolution(removal.changes, [*removal.table, *table])
    if there:
        state = _STATES[operation.verdict]
        # What was corrected by hand before stays so.
        edited = tuple(
            number
            for number in there
            if (scene.table[number].state, operation.verdict) != ("corrected", "right")
        )
        if edited:
            edit = EditObjects(objects=edited, state=state)
            table = [*regrouping.edit_objects(edit, scene).table, *table]
    return Resolution(table=table)


def _tiles(place: Box, wanted: int | None) -> Tiles:
    """Return tiles of a size, or the smallest of which there are not too many.

    Raises
    ------
    InvalidParameterError
        If there are too many.
    """
    sizes = _TILES_PX if wanted is None else (wanted,)
    found = next((tiles for size in sizes if len(tiles := Tiles(place, size)) <= MOST_UNITS), None)
    if found is None:
        raise InvalidParameterError(
            f"A review has at most {MOST_UNITS:,} tiles: with an edge of {sizes[-1]} px there are "
            f"{len(Tiles(place, sizes[-1])):,}. Take larger ones."
        )
    return found
