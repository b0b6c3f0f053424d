"""Simulated crops beside the labelled ones, so that a network does not forget what it knows."""

import numpy as np

from deepsxt_core.phantom import SliceParams
from deepsxt_core.training.batches import BatchParams, PhantomBatches
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.samples import Batch, Samples

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
    """

    def __init__(self, own: Samples, params: TrainingParams, simulated: int) -> None:
        self._own = own
        self._weight = np.float32(params.positive_weight)
        side = max(_SLICE_PX, params.crop_px)
        # One new slice per batch: drawing must not take longer than the step of the network.
        self._simulated = PhantomBatches(
            BatchParams(
                batch_size=simulated,
                crop_px=params.crop_px,
                new_slices=1,
                seed=params.seed,
                slices=SliceParams(shape=(side, side)),
            ),
            _ENDLESS,
        )

    def draw(self, number: int) -> Batch:
        """Return batch `number`."""
        own = self._own.draw(number)
        image, label, _ = self._simulated[number]
        membrane = label > 0
        return Batch(
            np.concatenate([own.image, image]),
            np.concatenate([own.target, np.where(membrane, np.float32(1), np.float32(-1))]),
            np.concatenate([own.weight, np.where(membrane, self._weight, np.float32(1))]),
        )
