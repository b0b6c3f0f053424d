"""A recipe tried on one slice each of some tomograms, before a batch of them is started."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepsxt_core import access
from deepsxt_core.access import Access
from deepsxt_core.errors import CancelledError, DeepSXTError
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs.trial import TrialDesk
from deepsxt_core.network import find_installed
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.subjects import TomogramSubject
from deepsxt_core.workspace import Tomogram

TRIED = 3
"""Of a batch, so many tomograms are tried."""


@dataclass(frozen=True, slots=True)
class TriedSlice:
    """What a try came to.

    Attributes
    ----------
    tomogram : Tomogram
    params : SegmentParams
        As the recipe and what was settled for the tomogram have it.
    z : int
        The middle slice of what crop and binning leave of the range.
    scores : ndarray or None
        (y, x), float32 in [-1, 1]; None if it failed.
    seconds_per_megapixel : float or None
        What scoring took.
    problem : str
        Why it failed.
    """

    tomogram: Tomogram
    params: SegmentParams
    z: int
    scores: NDArray[np.float32] | None = None
    seconds_per_megapixel: float | None = None
    problem: str = ""


def spread(chosen: Sequence[str], count: int = TRIED) -> list[str]:
    """Return the first, the last, and some in between."""
    if len(chosen) <= count:
        return list(chosen)
    return [chosen[round(place)] for place in np.linspace(0, len(chosen) - 1, count)]


class Preview:
    """Tries a recipe on some tomograms, one after the other, while nobody waits for it.

    Parameters
    ----------
    tomograms : sequence of Tomogram
    recipe : Recipe
        Whose source is the network.
    desk : TrialDesk
        Whose process is asked.

    Attributes
    ----------
    tried : list of TriedSlice
        So far.
    """

    def __init__(self, tomograms: Sequence[Tomogram], recipe: Recipe, desk: TrialDesk) -> None:
        self.count = len(tomograms)
        self.tried: list[TriedSlice] = []
        self._tomograms, self._recipe, self._desk = tuple(tomograms), recipe, desk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(access.found(),), daemon=True)
        self._thread.start()

    @property
    def is_at_work(self) -> bool:
        """Whether more is to come."""
        return self._thread.is_alive() and not self._stop.is_set()

    def cancel(self) -> None:
        """Stop, also in the middle of a try; what was tried stays."""
        self._desk.stop(self._stop)

    def wait(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def seconds_per_megapixel(self) -> float | None:
        """Return what scoring takes, for one rotation; None before anything was tried.

        That is the fastest try: others hold what comes once for each size of slice.
        """
        known = [each.seconds_per_megapixel for each in self.tried if each.seconds_per_megapixel]
        return min(known) / self._recipe.segment.rotations if known else None

    def _run(self, known: Access | None) -> None:
        with access.given(known):
            for tomogram in self._tomograms:
                try:
                    self.tried.append(self._one(tomogram))
                except CancelledError:
                    return

    def _one(self, tomogram: Tomogram) -> TriedSlice:
        params, z = self._recipe.segment, 0
        try:
            subject = TomogramSubject(tomogram.folder.parents[1], tomogram.id)
            params = params.settled(subject.open()[2])
            z = sum(params.z_range(tomogram.volume(params.region).shape[0])) // 2
            found, seconds = self._desk.score(tomogram, self._recipe.model, z, params, self._stop)
            scores = self._of_class(found)
        except CancelledError:
            raise
        except DeepSXTError as error:
            return TriedSlice(tomogram, params, z, problem=str(error))
        pixels = scores.shape[0] * scores.shape[1]
        return TriedSlice(tomogram, params, z, scores, 1e6 * seconds / pixels)

    def _of_class(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores of the class that the recipe takes."""
        if scores.ndim == 2:
            return scores
        model = find_installed(self._recipe.model)
        return scores[..., model.classes().index(self._recipe.class_of(model))]
