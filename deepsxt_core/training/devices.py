"""Several accelerators for one training, by Keras' own distribution."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


def device_count() -> int:
    """Return on how many devices a batch can be spread.

    Keras spreads training on the JAX backend alone; with others, one device works.
    """
    if keras.config.backend() != "jax":
        return 1
    return max(1, len(keras.distribution.list_devices()))


@contextmanager
def spread() -> Iterator[None]:
    """Let all devices share the batches of what is built and trained inside; one: no change.

    Each device holds all weights and gets an equal part of a batch. Batches must be divisible by
    `device_count`. What is predicted outside needs not be.
    """
    if device_count() == 1:
        yield
        return
    with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
        yield
