"""A look at what the network will be shown: augmented crops with their labels."""

from dataclasses import replace
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import Split

MEMBRANE = (46, 196, 182)
UNJUDGED = (255, 159, 28)
CLASSES = (MEMBRANE, (231, 29, 54), (94, 96, 206), (255, 214, 10), (214, 93, 177), (112, 193, 60))
"""Of the classes in their order, from the beginning again where there are more."""
_SHARE = 0.45
_REACH = 2.5


def preview_samples(
    data: TrainingSet,
    parts: Split,
    params: TrainingParams,
    *,
    number: int = 0,
    count: int = 8,
    labels: bool = True,
) -> list[NDArray[np.uint8]]:
    """Draw augmented crops as training would.

    Parameters
    ----------
    number : int
        Of the batch; another one shows other crops.
    count : int
        How many.
    labels : bool
        Whether membranes or classes are tinted, and what nobody has judged in another colour.

    Returns
    -------
    list of ndarray
        uint8 (crop, crop, 3).
    """
    one = replace(params, batch_size=count)
    batch = Samples(data, parts.training, **one.sampling()).draw(number)
    pictures = []
    for image, target, weight in zip(batch.image, batch.target, batch.weight, strict=True):
        grey = np.clip(image[..., 0] / _REACH, -1, 1)
        picture = np.repeat(np.rint(127.5 * (grey + 1))[..., np.newaxis], 3, axis=-1)
        if labels:
            inside = [target[..., n] > 0 for n in range(target.shape[-1])]
            tints = [*zip(inside, cycle(CLASSES), strict=False), (weight[..., 0] == 0, UNJUDGED)]
            for where, colour in tints:
                picture[where] = (1 - _SHARE) * picture[where] + _SHARE * np.array(colour)
        pictures.append(picture.astype(np.uint8))
    return pictures
