"""Scores a volume slab by slab; memory is bounded by the slab.

Scores (n, y, x) have one axis more, the last, where the network has several classes.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from statistics import median

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.inference.checkpoint import Slab
from deepsxt_core.inference.params import SegmentParams
from deepsxt_core.inference.predictor import Predictor
from deepsxt_core.inference.rescaling import Rescaling, choose_rescaling
from deepsxt_core.preprocessing import (
    IntensityRange,
    clean,
    measure_intensity,
    measure_min_max,
    normalise,
    normalise_published,
    suggest_invert,
)
from deepsxt_core.progress import Progress
from deepsxt_core.volume import Score, Volume

_IN_HAND = 3

KeepSlab = Callable[[Slab, NDArray[np.uint8]], None]
"""Receives a slab and its codes (n, y, x) of one class."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the slices of one volume reach the network; the same for all of them.

    Attributes
    ----------
    intensity : IntensityRange
    invert : bool
    published : bool
        Whether grey values are scaled as in the published software.
    rescaling : Rescaling or None
    """

    intensity: IntensityRange
    invert: bool
    published: bool
    rescaling: Rescaling | None = None

    def apply(self, slices: NDArray, margins: tuple[int, int] = (0, 0)) -> "PreparedSlices":
        """Return slices (n, y, x) as the network sees them.

        So many as `margins` says, at the start and at the end, are seen and not scored. Absurd
        single voxels are mended, and the void is filled with what lies beside it; not so in the
        published way.
        """
        values, nonfinite = clean(slices, self.intensity.median)
        scored = slice(margins[0], len(slices) - margins[1])
        for beside in (slices[: scored.start], slices[scored.stop :]):
            nonfinite -= clean(beside, self.intensity.median)[1]
        if self.published:
            standardised = normalise_published(values, self.intensity, invert=self.invert)
            return PreparedSlices(standardised, nonfinite, None, margins)
        valid = np.stack([self.intensity.valid(image) for image in slices])
        for image, measured in zip(values, valid, strict=True):
            image[:] = self.intensity.mended(image, measured)
        seen: NDArray[np.bool_] | None = valid
        if self.rescaling is not None:
            # Clipped first, so that a bright spot does not spread.
            values = np.clip(values, self.intensity.low, self.intensity.high)
            values, seen = self.rescaling.to_network(values), None
        standardised = normalise(values, self.intensity, invert=self.invert, valid=seen)
        return PreparedSlices(standardised, nonfinite, valid[scored], margins)

    def score(self, predictor: Predictor, prepared: "PreparedSlices") -> NDArray[np.float32]:
        """Score what `apply` returned; the scores (n, y, x) have the pixels of the volume.

        The void scores -1.
        """
        return self.finish(predictor.score(prepared.standardised, prepared.margins), prepared)

    def finish(
        self, scores: NDArray[np.float32], prepared: "PreparedSlices"
    ) -> NDArray[np.float32]:
        """Bring what the network says of prepared slices to the pixels of the volume."""
        if self.rescaling is not None:
            scores = self.rescaling.to_tomogram(scores)
        if prepared.valid is not None:
            valid = prepared.valid.reshape(*prepared.valid.shape, *(1,) * (scores.ndim - 3))
            scores = np.where(valid, scores, np.float32(-1))
        return scores

    def network_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (y, x) of a slice of that shape as the network sees it."""
        return shape if self.rescaling is None else self.rescaling.network_shape


@dataclass(frozen=True, slots=True)
class PreparedSlices:
    """Slices as the network sees them.

    Attributes
    ----------
    standardised : ndarray
        float32 (n + margins, y, x), at the pixel size of the network.
    nonfinite_voxels : int
        Of the slices that are scored: were NaN or infinite.
    valid : ndarray or None
        bool (n, y, x), at the pixel size of the volume: where something was measured. None where
        that is not looked at.
    margins : (int, int)
        So many slices at the start and at the end are seen and not scored.
    """

    standardised: NDArray[np.float32]
    nonfinite_voxels: int
    valid: NDArray[np.bool_] | None
    margins: tuple[int, int] = (0, 0)

    @property
    def void_voxels(self) -> int:
        """How many pixels lie in the void."""
        return 0 if self.valid is None else int(np.count_nonzero(~self.valid))


@dataclass(frozen=True, slots=True)
class ScoredSlab:
    """The scores of a run of slices.

    Attributes
    ----------
    first : int
        Its first slice in the volume.
    codes : ndarray
        (n, y, x), or (n, y, x, classes), uint8.
    nonfinite_voxels, void_voxels : int
        Were NaN or infinite; lie where nothing was reconstructed.
    seconds : float
        What it took.
    """

    first: int
    codes: NDArray[np.uint8]
    nonfinite_voxels: int
    void_voxels: int
    seconds: float

    def per_class(self) -> list[NDArray[np.uint8]]:
        """Return the codes (n, y, x) of each class."""
        codes = self.codes[..., np.newaxis] if self.codes.ndim == 3 else self.codes
        return [np.ascontiguousarray(codes[..., number]) for number in range(codes.shape[-1])]


ScoreSlabs = Callable[[Sequence[tuple[int, int]]], Generator[ScoredSlab, None, None]]
"""Scores slabs, given as (first, end), and yields them in any order."""


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """What scoring a volume came to.

    Attributes
    ----------
    positive_voxels, voxels : int
        Scored above 0, and in all.
    nonfinite_voxels : int
        Were NaN or infinite and counted as the median.
    void_voxels : int
        Lie where nothing was reconstructed, and score -1.
    seconds_per_slice : float
        The median over the slabs, which leaves the first one's compilation out.
    """

    positive_voxels: int
    voxels: int
    nonfinite_voxels: int
    void_voxels: int
    seconds_per_slice: float


def prepare(
    volume: Volume, params: SegmentParams, known_nm: tuple[float, float] | None = None
) -> Preparation:
    """Measure the volume's grey values, and settle whether they are inverted and rescaled.

    `known_nm` is the smallest and the largest pixel that the model was made for.
    """
    published = params.tiling == "compat"
    intensity = (
        measure_min_max(volume) if published else measure_intensity(volume, params.void_rule)
    )
    invert = suggest_invert(volume, params.void_rule) if params.invert is None else params.invert
    rescaled = params.rescale and not published
    rescaling = choose_rescaling(volume, known_nm) if rescaled else None
    return Preparation(intensity, invert, published, rescaling)


def read_prepared(
    volume: Volume, context: int, preparation: Preparation, first: int, end: int
) -> PreparedSlices:
    """Read slices `first` to `end` with up to `context` on either side, as the network sees them.

    The volume may hold more than what is scored: what lies beside it is looked at all the same.
    """
    margins = min(context, first), min(context, volume.shape[0] - end)
    return preparation.apply(volume.read(first - margins[0], end + margins[1]), margins)


def score_slab(
    volume: Volume, predictor: Predictor, preparation: Preparation, first: int, end: int
) -> ScoredSlab:
    """Score slices `first` to `end`."""
    begun = time.monotonic()
    prepared = read_prepared(volume, predictor.context, preparation, first, end)
    codes = Score.encode(preparation.score(predictor, prepared))
    return ScoredSlab(
        first,
        codes,
        prepared.nonfinite_voxels,
        prepared.void_voxels,
        time.monotonic() - begun,
    )


def score_here(volume: Volume, predictor: Predictor, preparation: Preparation) -> ScoreSlabs:
    """Return what scores slabs in this process, one after the other.

    While the network scores a slab, the next one is read and prepared, and the one before is
    finished and kept by whoever asked. At most `_IN_HAND` are in memory.
    """

    def prepared(first: int, end: int) -> PreparedSlices:
        return read_prepared(volume, predictor.context, preparation, first, end)

    def network(ready: Future[PreparedSlices]) -> tuple[PreparedSlices, NDArray[np.float32]]:
        slices = ready.result()
        return slices, predictor.score(slices.standardised, slices.margins)

    def scored(ranges: Sequence[tuple[int, int]]) -> Generator[ScoredSlab, None, None]:
        waiting: deque[tuple[int, Future[tuple[PreparedSlices, NDArray[np.float32]]]]] = deque()
        missing, before = iter(ranges), time.monotonic()
        with ThreadPoolExecutor(1) as preparing, ThreadPoolExecutor(1) as scoring:
            try:
                while True:
                    for first, end in islice(missing, _IN_HAND - len(waiting)):
                        ready = preparing.submit(prepared, first, end)
                        waiting.append((first, scoring.submit(network, ready)))
                    if not waiting:
                        return
                    first, future = waiting.popleft()
                    slices, scores = future.result()
                    codes = Score.encode(preparation.finish(scores, slices))
                    now = time.monotonic()
                    seconds, before = now - before, now
                    yield ScoredSlab(
                        first, codes, slices.nonfinite_voxels, slices.void_voxels, seconds
                    )
            finally:
                for executor in (preparing, scoring):
                    executor.shutdown(wait=False, cancel_futures=True)

    return scored


def score_volume(
    volume: Volume,
    slices_at_once: int,
    score_slabs: ScoreSlabs,
    z_range: tuple[int, int],
    keepers: Sequence[KeepSlab],
    progress: Progress,
    finished: Sequence[Sequence[Slab]] = (),
) -> list[SegmentSummary]:
    """Score the slices of `z_range` and hand the codes of each class to its keeper, slab by slab.

    Slabs that are `finished` in each class are counted and not scored again. There is one summary
    per class.
    """
    z0, z1 = z_range
    _, height, width = volume.shape
    known = [{(slab.first, slab.end): slab for slab in slabs} for slabs in finished]
    done = set.intersection(*map(set, known)) if known else set()
    ranges = list(volume.slabs(slices_at_once, z0, z1))
    kept = [key for first, end in ranges if (key := (first - z0, end - z0)) in done]
    of_classes = [[slabs[key] for key in kept] for slabs in known] or [[] for _ in keepers]
    progress.stage("Segmenting", z1 - z0, "slice", sum(end - first for first, end in kept))
    missing = [(first, end) for first, end in ranges if (first - z0, end - z0) not in done]
    with closing(score_slabs(missing)) as scored:
        for part in scored:
            for codes, keep, slabs in zip(part.per_class(), keepers, of_classes, strict=True):
                slab = Slab.of(
                    part.first - z0,
                    codes,
                    nonfinite=part.nonfinite_voxels,
                    void=part.void_voxels,
                    seconds=part.seconds,
                )
                keep(slab, codes)
                slabs.append(slab)
            progress.advance(len(part.codes))
    return [
        SegmentSummary(
            sum(slab.positive_voxels for slab in slabs),
            (z1 - z0) * height * width,
            sum(slab.nonfinite_voxels for slab in slabs),
            sum(slab.void_voxels for slab in slabs),
            median(slab.seconds / (slab.end - slab.first) for slab in slabs),
        )
        for slabs in of_classes
    ]
