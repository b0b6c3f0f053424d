"""Where an object lies and how large it is."""

from dataclasses import dataclass

import numpy as np

from deepsxt_core.annotation.annotation import Annotation
from deepsxt_core.annotation.boxes import Box


@dataclass(frozen=True, slots=True)
class Extent:
    """What is known of the voxels of an object.

    Attributes
    ----------
    voxels : int
    box : Box or None
        The smallest that holds all of them; None if there are none.
    voxel : (z, y, x) or None
        One of them, in the midst of where most are.
    """

    voxels: int
    box: Box | None
    voxel: tuple[int, int, int] | None


def extent_of(annotation: Annotation, number: int) -> Extent:
    """Look at all voxels of an object."""
    boxes: list[Box] = []
    voxels, most, voxel = 0, 0, None
    for box in annotation.boxes_of(number):
        places = np.argwhere(annotation.read_box(box) == number)
        if not len(places):
            continue
        voxels += len(places)
        low, high = places.min(axis=0) + box.first, places.max(axis=0) + 1 + box.first
        boxes.append(Box(*low.tolist(), *high.tolist()))
        if len(places) > most:
            most = len(places)
            nearest = np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()
            z, y, x = (places[nearest] + box.first).tolist()
            voxel = (z, y, x)
    return Extent(voxels, Box.union(boxes), voxel)
