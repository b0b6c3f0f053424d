"""An annotation as surfaces, measurements, comparisons and training take it."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.annotation import Annotation
from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.annotation.frozen import Frozen
from deepsxt_core.annotation.objects import NOT_JUDGED, ObjectTable
from deepsxt_core.volume import MARKED_CODE, NOT_JUDGED_CODE, Labels, Tag


def judged(annotation: Annotation | Frozen, classes: Collection[str] | None = None) -> Labels:
    """Return the objects that people have given a class.

    The table is that of now, the voxels are read when they are needed.

    Parameters
    ----------
    annotation : Annotation or Frozen
    classes : collection of str, optional
        Those of other classes are left out as if they were nothing; None takes every class but
        *not judged*.
    """
    rows = annotation.objects.values()
    tags = {
        row.id: Tag(row.name, row.class_name, row.colour, row.state, row.is_capped, row.true_voxels)
        for row in rows
        if row.class_name != NOT_JUDGED and (classes is None or row.class_name in classes)
    }
    is_kept = _which(tags)
    is_unclear = _which([row.id for row in rows if row.class_name == NOT_JUDGED])
    labels = annotation.labels

    def read(z0: int, z1: int) -> NDArray[np.uint16]:
        ids = labels.read(z0, z1)
        return np.where(is_kept[ids], ids, np.uint16(0))

    def not_judged(z0: int, z1: int) -> NDArray[np.bool_]:
        return is_unclear[labels.read(z0, z1)]

    return Labels(replace(labels, reader=read), tags, not_judged)


def judged_codes(objects: ObjectTable) -> NDArray[np.uint8]:
    """Return what each id stands for, uint8 (65,536,): 255 an object, 1 not judged, 0 nothing."""
    codes = np.zeros(MOST_IDS + 1, np.uint8)
    for row in objects.values():
        codes[row.id] = NOT_JUDGED_CODE if row.class_name == NOT_JUDGED else MARKED_CODE
    return codes


def _which(ids: Collection[int]) -> NDArray[np.bool_]:
    """Return for each id whether it is among some, bool (65,536,)."""
    found = np.zeros(MOST_IDS + 1, bool)
    found[list(ids)] = True
    return found
