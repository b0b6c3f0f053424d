"""What TensorFlow alone offers: a compiled graph, and memory that grows on demand."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from deepsxt_core.inference.tiling import ScoreTiles, per_class


def has_gpu() -> bool:
    """Return whether TensorFlow sees a GPU; its memory is then taken as needed, not at once."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    return bool(gpus)


def device_name() -> str:
    """Return the device that will compute, for people."""
    if not has_gpu():
        return "CPU"
    gpu = tf.config.list_physical_devices("GPU")[0]
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", "GPU"))


def compile_score(network: keras.Model) -> ScoreTiles:
    """Compile a score network to one graph for all sizes of input.

    What it returns raises `MemoryError` where the device has too little memory for its input.
    """
    graph = tf.function(
        lambda x: network(x, training=False),
        input_signature=[tf.TensorSpec(network.input_shape, tf.float32)],
    )

    def score(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return per_class(graph(tf.constant(tiles)).numpy())
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError("The network's memory is exhausted.") from error

    return score
