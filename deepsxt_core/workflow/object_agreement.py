"""Which objects a segmentation has missed, and which it has made up: slab by slab, worst first."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.checks import MOST_IDS
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.evaluation.comparison import read_truth
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.surface.field.bodies import BodyJoiner
from deepsxt_core.volume import Labels, Mask, Score, Tag

MOST_TOLD = 100
_SLAB_VOXELS = 2**22


@dataclass(frozen=True, slots=True)
class ObjectAgreement:
    """An object of one side, and how much of it the other side has.

    Attributes
    ----------
    voxels : int
        Those that are judged.
    shared : int
        Those of them that the other side marks too.
    voxel : tuple of int
        One of them (z, y, x), in the midst of most; counted in the segmentation.
    id : int or None
        Where an annotation numbers it; else it is a connected part.
    name : str
        As people have named it.
    """

    voxels: int
    shared: int
    voxel: tuple[int, int, int]
    id: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """The objects that agree least, `MOST_TOLD` at most of each kind.

    Attributes
    ----------
    true : int
        Objects of the truth.
    found : int
        Objects of the segmentation.
    missed : tuple of ObjectAgreement
        Those of the truth that are not found as a whole, the smallest share first.
    invented : int
        How many of the segmentation are nowhere in the truth.
    nowhere : tuple of ObjectAgreement
        Those, the largest first.
    """

    true: int
    found: int
    missed: tuple[ObjectAgreement, ...]
    invented: int
    nowhere: tuple[ObjectAgreement, ...]


def compare_objects(
    prediction: Score | Mask,
    truth: Mask,
    params: EvaluateParams | None = None,
    progress: Progress | None = None,
) -> ObjectReport:
    """Compare the objects of a segmentation with those of the truth, voxel by voxel.

    Those of an annotation are its own, those of others connected parts. What nobody has judged
    belongs to no object. Memory is bounded by a slab.

    Parameters
    ----------
    prediction : Score or Mask
    truth : Mask
    params : EvaluateParams, optional
        Threshold and label to ignore count.
    progress : Progress, optional

    Raises
    ------
    InvalidParameterError
        If the shapes do not fit.
    """
    params, progress = params or EvaluateParams(), progress or NoProgress()
    depth, height, width = prediction.volume.shape
    sides = [_Side(side.tags if isinstance(side, Labels) else None) for side in (truth, prediction)]
    progress.stage("Comparing objects", depth, "slice")
    for first, end in prediction.volume.slabs(max(1, _SLAB_VOXELS // (height * width))):
        low = max(0, first - 1)  # a slice more, in which objects go on
        labels, unknown = read_truth(prediction, truth, params, low, end)
        if isinstance(prediction, Score):
            marks: NDArray = prediction.read_mask(low, end, params.threshold)
        else:
            marks = prediction.volume.read(low, end)
        true, marked = (labels > 0) & ~unknown, (marks > 0) & ~unknown
        for side, inside, numbers, other in (
            (sides[0], true, labels, marked),
            (sides[1], marked, marks, true),
        ):
            side.add(inside, numbers, other, low, first - low)
        progress.advance(end - first)
    true_objects, found_objects = (side.objects() for side in sides)
    missed = [one for one in true_objects if one.shared < one.voxels]
    missed.sort(key=lambda one: (one.shared / one.voxels, -one.voxels))
    nowhere = [one for one in found_objects if not one.shared]
    nowhere.sort(key=lambda one: -one.voxels)
    return ObjectReport(
        len(true_objects),
        len(found_objects),
        tuple(missed[:MOST_TOLD]),
        len(nowhere),
        tuple(nowhere[:MOST_TOLD]),
    )


class _Side:
    """The objects of one side, as the slabs come."""

    def __init__(self, tags: Mapping[int, Tag] | None) -> None:
        self._tags = tags
        self._joiner = BodyJoiner()
        self._voxels = np.zeros(1 if tags is None else MOST_IDS + 1, np.int64)
        self._shared = np.zeros_like(self._voxels)
        self._most = np.zeros_like(self._voxels)
        self._place = np.zeros((len(self._voxels), 3), np.int64)

    def add(
        self,
        inside: NDArray[np.bool_],
        numbers: NDArray,
        other: NDArray[np.bool_],
        low: int,
        known: int,
    ) -> None:
        """Take in a slab from slice `low` on, whose first `known` slices were there before."""
        start = 0
        if self._tags is None:
            start = self._joiner.labels
            labels, _ = self._joiner.add(inside)
            self._grow(self._joiner.labels + 1)
        else:
            labels = np.where(inside, numbers, 0)
        fresh = labels[known:]
        flat = np.flatnonzero(fresh)
        of = fresh.ravel()[flat].astype(np.int64) + start
        self._shared += np.bincount(of[other[known:].ravel()[flat]], minlength=len(self._shared))
        order = np.argsort(of, kind="stable")
        present, begin, count = np.unique(of[order], return_index=True, return_counts=True)
        self._voxels[present] += count
        more = count > self._most[present]
        middle = flat[order[(begin + count // 2)[more]]]
        self._most[present[more]] = count[more]
        z, y, x = np.unravel_index(middle, fresh.shape)
        self._place[present[more]] = np.stack([z + low + known, y, x], axis=1)

    def objects(self) -> list[ObjectAgreement]:
        """Return all objects that have a voxel."""
        if self._tags is not None:
            ids = np.flatnonzero(self._voxels).tolist()
            return [self._object(number, [number], self._tags[number].name) for number in ids]
        body = self._joiner.joined().body_of_label
        order = np.argsort(body, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(body[order])) + 1)
        found = [self._object(None, group) for group in groups if body[group[0]] != body[0]]
        return [one for one in found if one.voxels]

    def _object(
        self, number: int | None, labels: "NDArray | list[int]", name: str = ""
    ) -> ObjectAgreement:
        chief = labels[int(np.argmax(self._most[labels]))]
        z, y, x = self._place[chief].tolist()
        voxels, shared = int(self._voxels[labels].sum()), int(self._shared[labels].sum())
        return ObjectAgreement(voxels, shared, (z, y, x), number, name)

    def _grow(self, length: int) -> None:
        more = length - len(self._voxels)
        self._voxels, self._shared, self._most = (
            np.pad(values, (0, more)) for values in (self._voxels, self._shared, self._most)
        )
        self._place = np.pad(self._place, ((0, more), (0, 0)))
