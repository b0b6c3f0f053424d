"""Every body of a tomogram as a machine-made object: part by part, the surest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.annotation.boxes import Box
from deepsxt_core.annotation.clicking import body_row, may_be_taken, new_class, surroundings_of
from deepsxt_core.annotation.objects import ORGANELLE, PROPOSED, TableChange, row_change
from deepsxt_core.annotation.operations import Propose
from deepsxt_core.annotation.resolution import Change, Resolution
from deepsxt_core.annotation.scene import Scene
from deepsxt_core.bodies.growth import REACH_PX, grow_body
from deepsxt_core.bodies.seeds import find_seeds

# What is looked at together, without what lies around it.
_PART = (128, 192, 192)
# Bodies of which more than this share lies in another one are the same, or a part of it.
_SAME = 0.5
_LEAST_VOXELS = 64


@dataclass(frozen=True, slots=True)
class Proposal:
    """A body somewhere in the tomogram.

    Attributes
    ----------
    box : Box
    packed : ndarray
        Its mask in the box, as `numpy.packbits` gives it.
    voxels : int
    confidence : float
        How likely at least half of it is right, from 0 to 1.
    true_voxels : (low, high)
        Between what its true number of voxels lies in 95 of 100 cases.
    """

    box: Box
    packed: NDArray[np.uint8]
    voxels: int
    confidence: float
    true_voxels: tuple[float, float]

    def mask(self, part: Box) -> NDArray[np.bool_]:
        """Return which voxels of a part of its box belong to it, bool (z, y, x)."""
        whole = np.unpackbits(self.packed, count=self.box.voxels).astype(bool)
        return whole.reshape(self.box.shape)[part.within(self.box)]


def propose(operation: Propose, scene: Scene) -> Resolution:
    """Resolve `Propose`."""
    parts, seen = list(scene.whole.tiles(_PART)), []
    scene.progress.stage("Looking for bodies", len(parts), "part")
    for part in parts:
        seen += proposals_in(scene, part)
        scene.progress.advance()
    found = distinct(seen, operation.least_confidence)
    class_name = operation.class_name or ORGANELLE
    ids = scene.table.free_ids(len(found))
    table: list[TableChange] = []

    def changes() -> Iterator[Change]:
        placed: set[int] = set()
        yield from _placed(scene, found, ids, placed)
        if placed:
            table.extend(new_class(scene, class_name))
        for number, one in zip(ids, found, strict=True):
            if number in placed:
                origin = f"{PROPOSED}, confidence {one.confidence:.2f}"
                row = body_row(number, class_name, origin, one.true_voxels)
                table.append(row_change(None, row))

    return Resolution(changes(), table)


def proposals_in(scene: Scene, part: Box) -> list[Proposal]:
    """Return the bodies that are found from points in a part of the tomogram.

    Raises
    ------
    InvalidParameterError
        If there is no score.
    """
    box = part.grown(scene.margins(REACH_PX)).meet(scene.whole)
    seen = surroundings_of(scene, box)
    score = np.nan_to_num(scene.score_of(part), nan=-1.0)
    found: list[Proposal] = []
    covered = np.zeros(part.shape, bool)
    for seed in find_seeds(score):
        if covered[seed]:
            continue
        body = grow_body(seen, [tuple(np.add(seed, np.subtract(part.first, box.first)).tolist())])
        if body is None or body.voxels < _LEAST_VOXELS:
            continue
        first = np.add(body.first, box.first).tolist()
        place = Box(*first, *np.add(first, body.mask.shape).tolist())
        packed = np.packbits(body.mask)
        one = Proposal(place, packed, body.voxels, body.confidence, body.true_voxels)
        found.append(one)
        inner = place.meet(part)
        if body.confidence > 0.5 and not inner.is_empty:
            covered[inner.within(part)] |= body.mask[inner.within(place)]
    return found


def distinct(found: Sequence[Proposal], least_confidence: float) -> list[Proposal]:
    """Return the proposals that are sure enough, without those that lie in surer ones."""
    kept: list[Proposal] = []
    for one in sorted(found, key=lambda each: -each.confidence):
        if one.confidence < least_confidence:
            break
        if not any(_overlap(one, other) > _SAME for other in kept):
            kept.append(one)
    return kept


def _overlap(one: Proposal, other: Proposal) -> float:
    shared = one.box.meet(other.box)
    if shared.is_empty:
        return 0.0
    both = np.count_nonzero(one.mask(shared) & other.mask(shared))
    return both / min(one.voxels, other.voxels)


def _placed(
    scene: Scene, found: Sequence[Proposal], ids: Sequence[int], placed: set[int]
) -> Iterator[Change]:
    """Yield the cubes that bodies are put into, and note which have got voxels."""
    taken = may_be_taken(scene)
    for cube in scene.whole.tiles(scene.labels.edges):
        here = [
            (number, one)
            for number, one in zip(ids, found, strict=True)
            if not cube.meet(one.box).is_empty
        ]
        if not here:
            continue
        old = scene.labels.read(cube)
        new = old.copy()
        for number, one in here:
            shared = cube.meet(one.box)
            part = new[shared.within(cube)]
            part[one.mask(shared) & taken[part]] = number
            if (part == number).any():
                placed.add(number)
        yield Change(cube, old, new)
