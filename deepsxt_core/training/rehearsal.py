"""Simulated crops beside the labelled ones, so that a network does not forget what it knows."""

from collections.abc import Sequence

import numpy as np

from deepsxt_core.phantom import SliceParams
from deepsxt_core.training.batches import BatchParams, Pair, PhantomBatches
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.samples import Batch, Images, Samples

_SLICE_PX = 256
_ENDLESS = 2**40


class Rehearsal:
    """Batches of own crops with simulated ones after them.

    Parameters
    ----------
    own : Samples
    params : TrainingParams
        Crop, weight and seed of the simulated crops.
    simulated : int
        How many there are in a batch.
    tomograms : sequence of (ndarray, ndarray)
        Simulated tomograms and their truth, for half of the simulated crops.
    context : int
        As of `own`.
    channel : int
        That of membranes; simulated crops tell nothing of other classes.
    """

    def __init__(
        self,
        own: Samples,
        params: TrainingParams,
        simulated: int,
        tomograms: Sequence[Pair] = (),
        context: int = 0,
        channel: int = 0,
    ) -> None:
        self._own = own
        self._channel = channel
        side = max(_SLICE_PX, params.crop_px)
        # One new slice per batch: drawing must not take longer than the step of the network.
        self._simulated = PhantomBatches(
            BatchParams(
                batch_size=simulated,
                crop_px=params.crop_px,
                new_slices=1,
                positive_weight=params.positive_weight,
                seed=params.seed,
                slices=SliceParams(shape=(side, side)),
                context=context,
            ),
            _ENDLESS,
            tomograms,
        )

    def draw(self, number: int) -> Batch:
        """Return batch `number`."""
        own = self._own.draw(number)
        image, label, weight = self._simulated[number]
        target = 2 * label - 1
        if own.target.shape[-1] > 1:
            target, weight = (self._among_classes(part, own.target) for part in (target, weight))
        return Batch(
            np.concatenate([own.image, image]),
            np.concatenate([own.target, target]),
            np.concatenate([own.weight, weight]),
        )

    def _among_classes(self, part: Images, like: Images) -> Images:
        """Return the one channel of simulated crops in its place, 0 in the others."""
        wide = np.zeros((len(part), *like.shape[1:]), np.float32)
        wide[..., self._channel] = part[..., 0]
        return wide
