"""From an operation to the runs of voxels that it changes; nothing is written here."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from deepsxt_core.annotation import (
    clicking,
    operations,
    painting,
    proposing,
    regrouping,
    reshaping,
    reviewing,
)
from deepsxt_core.annotation.operations import Operation
from deepsxt_core.annotation.resolution import Resolution
from deepsxt_core.annotation.runs import Runs
from deepsxt_core.annotation.scene import Scene

_RESOLVERS: dict[type, Callable[[Any, Scene], Resolution]] = {
    operations.Paint: painting.paint,
    operations.Erase: painting.erase,
    operations.FillSlice: painting.fill_slice,
    operations.FillBox: painting.fill_box,
    operations.Click: clicking.click,
    operations.Propose: proposing.propose,
    operations.CopySlice: painting.copy_slice,
    operations.Interpolate: painting.interpolate,
    operations.Grow: reshaping.grow,
    operations.Shrink: reshaping.shrink,
    operations.Smooth: reshaping.smooth,
    operations.Split: reshaping.split,
    operations.Delete: regrouping.delete,
    operations.Merge: regrouping.merge,
    operations.MergeResult: regrouping.merge_result,
    operations.EditObjects: regrouping.edit_objects,
    operations.EditClass: regrouping.edit_class,
    operations.RemoveClass: regrouping.remove_class,
    operations.PlanReview: reviewing.plan_review,
    operations.Judge: reviewing.judge,
}


def resolve(operation: Operation, scene: Scene) -> Resolution:
    """Return what an operation changes in a scene; objects that are locked keep their voxels.

    Raises
    ------
    InvalidParameterError
        If the operation does not fit the scene; maybe only when the changes are taken.
    """
    return _RESOLVERS[type(operation)](operation, scene)


def changed_runs(resolution: Resolution, scene: Scene) -> Iterator[Runs]:
    """Yield the runs of each change."""
    locked = scene.locked
    any_locked = locked.any()
    for change in resolution.changes:
        new = change.new
        if any_locked:
            new = np.where(locked[change.old], change.old, new)
        yield Runs.between(change.box, change.old, new, scene.labels.shape)
