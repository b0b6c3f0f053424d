"""Which parts of a training set are held back to measure on.

Neighbouring slices of a tomogram show nearly the same: a model measured on one after training on
the other looks better than it is. So whole images are held back, or a run of slices, or a strip
of an image, with a gap to what is trained on.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.parameters import Limits, checked
from deepsxt_core.training.class_table import marked
from deepsxt_core.training.datasets import Source, TrainingSet

_WHOLE_FROM = 6
MIN_STRIP_PX = 32
_MIN_RUN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitParams:
    """How much is held back, and how far from the rest.

    Attributes
    ----------
    fraction : float
        Part of the labelled data to measure on; never trained on.
    gap_slices : int
        Slices of a tomogram left out between the two.
    gap_images : int
        The same for images whose names end in consecutive numbers and that may be neighbours.
    gap_px : int
        The same within an image.
    seed : int
        Chooses what is held back.

    Raises
    ------
    InvalidParameterError
        If a value is out of its range.
    """

    fraction: Annotated[float, Limits(above=0, most=0.5)] = 0.2
    gap_slices: Annotated[int, Limits(least=0, unit="slices")] = 8
    gap_images: Annotated[int, Limits(least=0, unit="images")] = 2
    gap_px: Annotated[int, Limits(least=0, unit="px")] = 16
    seed: Annotated[int, Limits(least=0)] = 0

    def __post_init__(self) -> None:
        checked(self)


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of one slice: rows `y0` to `y1`, columns `x0` to `x1`, ends exclusive."""

    source: int
    z: int
    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def area_px(self) -> int:
        """Number of pixels."""
        return (self.y1 - self.y0) * (self.x1 - self.x0)


@dataclass(frozen=True, slots=True)
class Split:
    """What is trained on and what is measured on.

    Attributes
    ----------
    training, validation : tuple of Block
        With labels.
    unlabelled : tuple of Block
        Whole slices without labels, to train on.
    rule : str
        How it was split, for people.
    """

    training: tuple[Block, ...]
    validation: tuple[Block, ...]
    unlabelled: tuple[Block, ...]
    rule: str


def split(data: TrainingSet, params: SplitParams | None = None) -> Split:
    """Hold back a part of the labelled data.

    From 6 labelled files on, whole files, neighbours by name; of fewer, a run of slices at one
    end of each tomogram, and a strip at one side of each image.

    Raises
    ------
    TrainingDataError
        If the labelled images are too small or too few for it.
    """
    params = params or SplitParams()
    rng = np.random.default_rng(params.seed)
    labelled = [i for i, source in enumerate(data.sources) if source.labelled]
    if len(labelled) >= _WHOLE_FROM:
        found = _whole_files(data, labelled, params, rng)
        if found is not None:
            return found
    return _parts(data, labelled, params, rng)


def taught_by_all(data: TrainingSet, parts: Split, rule: str) -> Split:
    """Return a split in which nothing is held back; what was is looked at on the way."""
    every = range(len(data.sources))
    return Split(
        labelled_blocks(data, [i for i in every if data.sources[i].labelled]),
        parts.validation,
        unlabelled_blocks(data, every),
        rule,
    )


def whole_slice(source: Source, number: int, z: int) -> Block:
    """Return a whole slice of a source."""
    return Block(number, z, 0, source.image.shape[1], 0, source.image.shape[2])


def labelled_blocks(data: TrainingSet, numbers: Iterable[int]) -> tuple[Block, ...]:
    """Return the labelled slices of some sources."""
    return tuple(
        whole_slice(data.sources[n], n, z) for n in numbers for z in data.sources[n].labelled
    )


def unlabelled_blocks(data: TrainingSet, numbers: Iterable[int]) -> tuple[Block, ...]:
    """Return the slices of some sources that nobody has labelled."""
    return tuple(
        whole_slice(data.sources[n], n, z) for n in numbers for z in data.sources[n].unlabelled
    )


def away_from(data: TrainingSet, held: Collection[int], gap: int) -> list[int]:
    """Return the sources that are neither held back nor neighbours by name of one that is."""
    names = [source.name for source in data.sources]
    return [
        i
        for i, name in enumerate(names)
        if i not in held and not any(_are_near(name, names[j], gap) for j in held)
    ]


def _whole_files(
    data: TrainingSet, labelled: list[int], params: SplitParams, rng: np.random.Generator
) -> Split | None:
    """Hold back a run of files in the order of their names; None if membranes lie in one part."""
    count = max(1, round(params.fraction * len(labelled)))
    for start in rng.permutation(len(labelled) - count + 1):
        held = labelled[start : start + count]
        others = away_from(data, held, params.gap_images)
        rest = [i for i in others if data.sources[i].labelled]
        if all(any(sum(data.sources[i].membrane_px) for i in part) for part in (held, rest)):
            unlabelled = unlabelled_blocks(data, others)
            rule = f"{len(held)} of {len(labelled)} labelled files"
            return Split(labelled_blocks(data, rest), labelled_blocks(data, held), unlabelled, rule)
    return None


def _are_near(one: str, two: str, gap: int) -> bool:
    """Return whether names end in numbers that are at most `gap` apart, and are the same else."""
    matches = [re.fullmatch(r"(.*?)(\d+)", name) for name in (one, two)]
    if matches[0] is None or matches[1] is None or matches[0][1] != matches[1][1]:
        return False
    return abs(int(matches[0][2]) - int(matches[1][2])) <= gap


def _parts(
    data: TrainingSet, labelled: list[int], params: SplitParams, rng: np.random.Generator
) -> Split:
    training: list[Block] = []
    validation: list[Block] = []
    unlabelled: list[Block] = []
    runs = strips = 0
    for i, source in enumerate(data.sources):
        free = source.unlabelled
        if i in labelled:
            at_end = bool(rng.integers(2))
            parted = _run(source, i, params, at_end)
            if parted is not None:
                runs += 1
                held = [block.z for block in parted[1]]
                reach = min(held) - params.gap_slices, max(held) + params.gap_slices
                free = tuple(z for z in free if not reach[0] <= z <= reach[1])
            else:
                parted = _strip(source, i, params, at_end)
                strips += bool(parted[1])
            training += parted[0]
            validation += parted[1]
        unlabelled += [whole_slice(source, i, z) for z in free]
    rules = []
    if runs:
        rules.append(
            f"a run of slices at one end of {runs} tomograms, {params.gap_slices} "
            "slices away from the rest"
        )
    if strips:
        rules.append(
            f"a strip at one side of {strips} images, {params.gap_px} px away from the rest"
        )
    if not has_membrane(data, validation) or not has_membrane(data, training):
        raise TrainingDataError(
            f"The {len(labelled)} labelled files are too small, or hold too few membranes, to "
            "hold a part back to measure on. Label more images, at least two with membranes on "
            f"both sides, each larger than {2 * MIN_STRIP_PX + params.gap_px} px."
        )
    return Split(tuple(training), tuple(validation), tuple(unlabelled), " and ".join(rules))


def has_membrane(data: TrainingSet, blocks: Sequence[Block]) -> bool:
    """Return whether a label in one of the blocks is a membrane, or of another class."""
    return any(
        bool(marked(data.sources[b.source].read_labels(b.z)[b.y0 : b.y1, b.x0 : b.x1]).any())
        for b in blocks
    )


def _run(
    source: Source, number: int, params: SplitParams, at_end: bool
) -> tuple[list[Block], list[Block]] | None:
    """Part the labelled slices of a tomogram; None if there are too few."""
    slices = source.labelled
    if len(slices) < _MIN_RUN:
        return None
    count = max(1, round(params.fraction * len(slices)))
    held = slices[-count:] if at_end else slices[:count]
    rest = [z for z in slices if min(abs(z - h) for h in held) > params.gap_slices]
    if not rest:
        return None
    return [whole_slice(source, number, z) for z in rest], [
        whole_slice(source, number, z) for z in held
    ]


def strip_of(source: Source, number: int, z: int, first: int, end: int) -> Block:
    """Return a part of a slice along its longer side."""
    height, width = source.image.shape[1:]
    if height >= width:
        return Block(number, z, first, end, 0, width)
    return Block(number, z, 0, height, first, end)


def _strip(
    source: Source, number: int, params: SplitParams, at_end: bool
) -> tuple[list[Block], list[Block]]:
    """Part every labelled slice along its longer side; nothing is held back of a small one.

    The other side is taken if only that parts the membranes.
    """
    height, width = source.image.shape[1:]
    length = max(height, width)
    strip = max(MIN_STRIP_PX, round(params.fraction * length))
    whole = [whole_slice(source, number, z) for z in source.labelled]
    if length - strip - params.gap_px < MIN_STRIP_PX:
        return whole, []
    data = TrainingSet((source,))
    cut = partial(strip_of, source, number)
    parted: tuple[list[Block], list[Block]] = whole, []
    for last in (at_end, not at_end):
        held = (length - strip, length) if last else (0, strip)
        rest = (0, held[0] - params.gap_px) if last else (strip + params.gap_px, length)
        parted = (
            [cut(z, *rest) for z in source.labelled],
            [cut(z, *held) for z in source.labelled],
        )
        alone = [Block(0, b.z, b.y0, b.y1, b.x0, b.x1) for b in parted[1]]
        if has_membrane(data, alone):
            break
    return parted
