"""The score on PyTorch or JAX, through Keras alone."""

import re

import keras
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.inference.tiling import ScoreTiles, per_class

# PyTorch says "out of memory", JAX "RESOURCE_EXHAUSTED: Out of memory"; neither shares a class.
_EXHAUSTED = re.compile(r"out of memory|resource_exhausted", re.IGNORECASE)


def device_name() -> str:
    """Return the device that will compute, for people: ``"CPU"`` or the name of the GPU."""
    if keras.config.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name())
        return "MPS" if torch.backends.mps.is_available() else "CPU"
    import jax

    device = jax.devices()[0]
    return "CPU" if device.platform == "cpu" else str(device.device_kind)


def compile_score(network: keras.Model) -> ScoreTiles:
    """Return what scores tiles; JAX compiles it once for each size of input.

    It raises `MemoryError` where the device has too little memory for its input.
    """

    def score(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return per_class(np.asarray(network.predict_on_batch(tiles)))
        except RuntimeError as error:
            if not _EXHAUSTED.search(str(error)):
                raise
            raise MemoryError("The network's memory is exhausted.") from error

    return score
