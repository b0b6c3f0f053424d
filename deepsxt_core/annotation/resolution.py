"""What an operation comes to: changed boxes, and changes of the table."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.objects import TableChange

TILE = (64, 128, 128)
"""The largest box that is worked on at once, whole cubes of the store; a million voxels."""


@dataclass(frozen=True, slots=True)
class Change:
    """A box before and after; no two changes of an operation have a voxel in common.

    Attributes
    ----------
    box : Box
    old, new : ndarray
        uint16 (z, y, x).
    """

    box: Box
    old: NDArray[np.uint16]
    new: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an operation changes.

    Attributes
    ----------
    changes : iterator of Change
        Made one by one, so that they need not be in memory together.
    table : list of TableChange
        Complete once the changes are taken.
    """

    changes: Iterator[Change] = field(default_factory=lambda: iter(()))
    table: list[TableChange] = field(default_factory=list)
