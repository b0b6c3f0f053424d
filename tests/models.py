"""Models for tests: as small as the architecture allows, with random weights."""

import functools

import keras

from deepsxt_core.network import NetworkConfig, build_network
from deepsxt_core.network.parts import CoderConfig, NeckConfig


def small_config(width: int = 1, **ours: int) -> NetworkConfig:
    """One stage, one branch: inputs must be divisible by 2, and by the stem's factor."""
    coder = CoderConfig(n_filters=(width, width), kernel_sizes=(3, 3))
    return NetworkConfig(
        width=width,
        encoder=coder,
        neck=NeckConfig(n_filters=width, kernel_sizes=(1,), depth=1),
        image_decoder=coder,
        label_decoder=coder,
        **ours,
    )


@functools.cache
def small_network() -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_network(small_config(2))
