"""Annotations as labels to train on."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation import (
    MEMBRANE,
    Annotation,
    Box,
    ObjectTable,
    is_annotation,
    judged,
    open_annotation,
)
from deepsxt_core.annotation.creation import JOURNAL
from deepsxt_core.annotation.frozen import Frozen
from deepsxt_core.annotation.review_plan import UNITS, Plan
from deepsxt_core.annotation.reviewing import members_of
from deepsxt_core.errors import TrainingDataError
from deepsxt_core.volume import Volume

SUFFIX = ".annotation"


def is_annotated(path: Path) -> bool:
    """Return whether `path` is an annotation that is named as one to train on."""
    return path.suffix.lower() == SUFFIX and is_annotation(path)


def open_annotated(folder: Path, ignore_label: int, classes: Sequence[str] = ()) -> Volume:
    """Open the annotation in a folder as `training_labels`."""
    return replace(training_labels(open_annotation(folder), ignore_label, classes), path=folder)


def training_labels(
    annotation: Annotation | Frozen, ignore_label: int, classes: Sequence[str] = ()
) -> Volume:
    """Return an annotation as labels to train on, uint8 (z, y, x).

    1 where there is an object of the class membrane, or of any class if there is none of that;
    `ignore_label` where there is one that nobody has judged. If tiles of membranes, or of all
    objects, were reviewed, `ignore_label` everywhere else.

    Where `classes` are named, their objects count, from 1 in this order; a review counts where it
    was of all objects, or of the one class.
    """
    value_of = _numbers(annotation.objects, classes)
    review = annotation.objects.review
    reviewed = (None, MEMBRANE) if not classes else (None, *classes[: len(classes) == 1])
    if review is not None and review.plan.class_name in reviewed:
        tiles = review.of(UNITS).decided
        if tiles:
            if not classes:
                value_of = members_of(annotation.objects, review.plan.class_name).astype(np.uint8)
            return _reviewed_labels(annotation, review.plan, tiles, ignore_label, value_of)
    members = [row for row in annotation.objects.values() if row.class_name == MEMBRANE]
    labels = judged(annotation, classes or ([MEMBRANE] if members else None))

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        values = labels.read_mask(z0, z1).astype(np.uint8)
        if classes:
            values = value_of[labels.volume.read(z0, z1)]
        values[labels.not_judged(z0, z1)] = ignore_label
        return values

    return replace(labels.volume, dtype=np.dtype(np.uint8), reader=read)


def _numbers(objects: ObjectTable, classes: Sequence[str]) -> NDArray[np.uint8]:
    """Return the number of the class of each id, from 1, or 0; uint8 (65,536,)."""
    found = np.zeros(len(members_of(objects, None)), np.uint8)
    for number, name in enumerate(classes, 1):
        found[members_of(objects, name)] = number
    return found


def _reviewed_labels(
    annotation: Annotation | Frozen,
    plan: Plan,
    tiles: Collection[int],
    ignore_label: int,
    value_of: NDArray[np.uint8],
) -> Volume:
    """Return labels in tiles as they are now, `ignore_label` around them, uint8 (z, y, x)."""
    labels = annotation.labels
    boxes = [plan.tiles[tile] for tile in sorted(tiles)]

    def read(z0: int, z1: int) -> NDArray[np.uint8]:
        values = np.full((z1 - z0, *labels.shape[1:]), ignore_label, np.uint8)
        here = [box for box in boxes if z0 <= box.z0 < z1]
        slab = Box(z0, 0, 0, z1, *labels.shape[1:])
        if here:
            ids = labels.read(z0, z1)
            for place in (box.within(slab) for box in here):
                values[place] = value_of[ids[place]]
        return values

    return replace(labels, dtype=np.dtype(np.uint8), reader=read)


def changing_file(path: Path) -> Path:
    """Return the file that changes whenever labels do: of an annotation, its journal."""
    return path / JOURNAL if path.is_dir() else path


def refuse_links_within(folder: Path) -> None:
    """Refuse an annotation that has a link in it: opening one may write into its folders.

    Raises
    ------
    TrainingDataError
    """
    if any(inner.is_symlink() for inner in folder.rglob("*")):
        raise TrainingDataError(
            f"'{folder.name}' holds a link, which is not followed. Put the files themselves there."
        )
