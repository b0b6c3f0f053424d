"""Operations on whole objects and on the table: delete, merge, another result, rows, classes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.annotation.numbering import Numbered
from deepsxt_core.annotation.objects import (
    NOT_JUDGED,
    ObjectRow,
    TableChange,
    row_change,
    shade_of,
)
from deepsxt_core.annotation.operations import (
    Delete,
    EditClass,
    EditObjects,
    Merge,
    MergeResult,
    RemoveClass,
)
from deepsxt_core.annotation.resolution import TILE, Change, Resolution
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.annotation.sources import SourceParams, numbered, opened, place_of
from deepsxt_core.annotation.strokes import Limits
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.progress import NoProgress


def delete(operation: Delete, scene: Scene) -> Resolution:
    """Resolve `Delete`."""
    rows = scene.table.require(operation.objects)
    changes = _renamed(scene, dict.fromkeys(operation.objects, 0))
    return Resolution(changes, [row_change(row, None) for row in rows])


def merge(operation: Merge, scene: Scene) -> Resolution:
    """Resolve `Merge`."""
    first, *others = scene.table.require(operation.objects)
    changes = _renamed(scene, {row.id: first.id for row in others})
    table = [row_change(row, None) for row in others]
    if first.true_voxels is not None:
        table.append(row_change(first, replace(first, true_voxels=None)))
    return Resolution(changes, table)


def merge_result(operation: MergeResult, scene: Scene) -> Resolution:
    """Resolve `MergeResult`."""
    class_name = operation.class_name or NOT_JUDGED
    scene.table.require_class(class_name)
    source = opened(operation.source)
    place = place_of(source, scene.labels.shape, scene.geometry.first_voxel)
    params = SourceParams(
        threshold=operation.threshold,
        low=operation.low,
        separate=operation.separate,
        min_voxels=operation.min_voxels,
    )
    found = numbered(source, params, place, NoProgress())
    ids = dict(zip(sorted(found.names), scene.table.free_ids(len(found.names)), strict=True))
    origin = Path(operation.source).name
    rows = [
        new_row(ids[number], found.names[number], class_name, origin)
        for number in sorted(found.names)
    ]
    table: list[TableChange] = []
    return Resolution(_added(scene, found, ids, operation.limits, rows, table), table)


def new_row(number: int, name: str, class_name: str, origin: str) -> ObjectRow:
    """Return the row of an object that comes from a result."""
    shown = name if name.startswith("Label") else f"Object {number}"
    return ObjectRow(
        id=number, name=shown, class_name=class_name, colour=shade_of(number), origin=origin
    )


def edit_objects(operation: EditObjects, scene: Scene) -> Resolution:
    """Resolve `EditObjects`."""
    fields = ("name", "colour", "class_name", "state", "locked")
    wanted = {name: getattr(operation, name) for name in fields}
    edits = {name: value for name, value in wanted.items() if value is not None}
    if operation.class_name is not None:
        scene.table.require_class(operation.class_name)
    rows = scene.table.require(operation.objects, unlocked=False)
    changed = [(row, replace(row, **edits)) for row in rows]
    return Resolution(table=[row_change(old, new) for old, new in changed if old != new])


def edit_class(operation: EditClass, scene: Scene) -> Resolution:
    """Resolve `EditClass`."""
    classes = scene.table.classes
    old = classes.get(operation.name)
    colour = operation.colour or old or shade_of(len(classes))
    if operation.rename in (None, operation.name):
        changed = [TableChange(operation.name, old, colour)] if old != colour else []
        return Resolution(table=changed)
    scene.table.require_class(operation.name)
    if operation.rename in classes:
        raise InvalidParameterError(f"There is a class '{operation.rename}' already.")
    _refuse_not_judged(operation.name)
    return Resolution(
        table=[
            TableChange(operation.rename, None, colour),
            *_reclassified(scene, operation.name, operation.rename),
            TableChange(operation.name, old, None),
        ]
    )


def remove_class(operation: RemoveClass, scene: Scene) -> Resolution:
    """Resolve `RemoveClass`."""
    scene.table.require_class(operation.name)
    _refuse_not_judged(operation.name)
    return Resolution(
        table=[
            *_reclassified(scene, operation.name, NOT_JUDGED),
            TableChange(operation.name, scene.table.classes[operation.name], None),
        ]
    )


def _refuse_not_judged(name: str) -> None:
    if name == NOT_JUDGED:
        raise InvalidParameterError(f"The class '{NOT_JUDGED}' stays, under this name.")


def _reclassified(scene: Scene, name: str, into: str) -> Iterable[TableChange]:
    members = [row for row in scene.table.values() if row.class_name == name]
    return [row_change(row, replace(row, class_name=into)) for row in members]


def _renamed(scene: Scene, into: Mapping[int, int]) -> Iterator[Change]:
    """Yield the cubes of some objects, in which each has another id."""
    new_ids = np.arange(MOST_IDS + 1, dtype=np.uint16)
    new_ids[list(into)] = list(into.values())
    for box in scene.labels.boxes_of(into):
        old = scene.labels.read(box)
        yield Change(box, old, new_ids[old])


def _added(
    scene: Scene,
    found: Numbered,
    ids: Mapping[int, int],
    limits: Limits,
    rows: Iterable[ObjectRow],
    table: list[TableChange],
) -> Iterator[Change]:
    """Yield the boxes that objects are added to, then note the rows of those that were."""
    id_of = np.zeros(MOST_IDS + 1, np.uint16)
    id_of[list(ids)] = list(ids.values())
    placed = np.zeros(MOST_IDS + 1, bool)
    for z0, numbers in found.slabs():
        slab = found.place._replace(z0=z0, z1=z0 + len(numbers))
        for box in slab.tiles((len(numbers), *TILE[1:])):
            added: NDArray[np.uint16] = id_of[numbers[box.within(slab)]]
            if not added.any():
                continue
            old = scene.labels.read(box)
            free = (added > 0) & scene.may_change(box, old, limits)
            placed[np.unique(added[free])] = True
            yield Change(box, old, np.where(free, added, old))
    table.extend(row_change(None, row) for row in rows if placed[row.id])
