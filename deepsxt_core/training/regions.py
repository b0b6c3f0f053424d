"""Which regions of a training set are left out in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepsxt_core.training.datasets import Source, TrainingSet
from deepsxt_core.training.splits import (
    MIN_STRIP_PX,
    Split,
    SplitParams,
    away_from,
    has_membrane,
    labelled_blocks,
    strip_of,
    unlabelled_blocks,
    whole_slice,
)


@dataclass(frozen=True, slots=True)
class Region:
    """A region, and how all is split when it is left out.

    Attributes
    ----------
    name : str
        For people.
    split : Split
    """

    name: str
    split: Split


def regions(data: TrainingSet, params: SplitParams, most: int) -> tuple[Region, ...]:
    """Return at most `most` regions to leave out in turn; none if there are not two.

    Of several labelled files, each is one, or several neighbours by name are; of one tomogram, runs
    of labelled slices; of one image, strips. What is too close to a region is not learnt from when
    it is left out; neighbours by name are where less than half of the other files would remain.
    """
    labelled = [i for i, source in enumerate(data.sources) if source.labelled]
    if len(labelled) > 1:
        found = _files(data, labelled, params, most)
    else:
        source = data.sources[labelled[0]]
        found = _runs(source, labelled[0], params, most)
        if len(_usable(data, found)) < 2:
            found = _strips(source, labelled[0], params, most)
    usable = _usable(data, found)
    return tuple(usable) if len(usable) > 1 else ()


def _usable(data: TrainingSet, found: Sequence[Region]) -> list[Region]:
    """Return the regions that hold membranes, as does the rest."""
    return [
        region
        for region in found
        if has_membrane(data, region.split.validation) and has_membrane(data, region.split.training)
    ]


def _files(data: TrainingSet, labelled: list[int], params: SplitParams, most: int) -> list[Region]:
    names = [source.name for source in data.sources]
    found = []
    for group in np.array_split(labelled, min(most, len(labelled))):
        held = [int(i) for i in group]
        gap = params.gap_images
        while True:
            others = away_from(data, held, gap)
            rest = [i for i in others if data.sources[i].labelled]
            if 2 * len(rest) >= len(labelled) - len(held) or not gap:
                break
            gap -= 1
        title = names[held[0]] if len(held) == 1 else f"{names[held[0]]} to {names[held[-1]]}"
        split = Split(
            labelled_blocks(data, rest),
            labelled_blocks(data, held),
            unlabelled_blocks(data, others),
            title,
        )
        found.append(Region(title, split))
    return found


def _runs(source: Source, number: int, params: SplitParams, most: int) -> list[Region]:
    found = []
    for part in np.array_split(source.labelled, most):
        held = [int(z) for z in part]
        if not held:
            continue
        low, high = held[0] - params.gap_slices, held[-1] + params.gap_slices
        rest, free = (
            tuple(whole_slice(source, number, z) for z in slices if not low <= z <= high)
            for slices in (source.labelled, source.unlabelled)
        )
        title = f"slices {held[0] + 1} to {held[-1] + 1}"
        own = tuple(whole_slice(source, number, z) for z in held)
        found.append(Region(title, Split(rest, own, free, title)))
    return found


def _strips(source: Source, number: int, params: SplitParams, most: int) -> list[Region]:
    height, width = source.image.shape[1:]
    length = max(height, width)
    count = min(most, length // MIN_STRIP_PX)
    along = "y" if height >= width else "x"
    cut = partial(strip_of, source, number)
    found = []
    for n in range(count):
        first, end = length * n // count, length * (n + 1) // count
        sides = ((0, first - params.gap_px), (end + params.gap_px, length))
        rest = tuple(
            cut(z, *side)
            for z in source.labelled
            for side in sides
            if side[1] - side[0] >= MIN_STRIP_PX
        )
        title = f"{along} from {first} to {end} px"
        own = tuple(cut(z, first, end) for z in source.labelled)
        found.append(Region(title, Split(rest, own, (), title)))
    return found
