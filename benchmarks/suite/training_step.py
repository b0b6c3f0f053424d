"""One step of training the bundled network: ``python -m benchmarks.suite.training_step``."""

import json
from dataclasses import asdict

import keras
import numpy as np

from benchmarks.suite.measuring import measured
from deepsxt_core.network import load_model
from deepsxt_core.training.trainee import Trainee


def main() -> None:
    """Print what an eager step and a compiled one take."""
    network = load_model().network
    image = np.random.default_rng(0).normal(size=(4, 256, 256, 1)).astype(np.float32)
    truth = np.concatenate([np.sign(image), np.ones_like(image), np.ones_like(image)], axis=-1)
    found = {}
    for name, eagerly in (("ours", None), ("eager", True)):
        trainee = Trainee(network.inputs, network.outputs, name="trainee")
        trainee.compile(keras.optimizers.AdamW(1e-5), run_eagerly=eagerly)
        trainee.train_on_batch(image, truth)
        work = lambda trainee=trainee: trainee.train_on_batch(image, truth)  # noqa: E731
        found[name] = asdict(measured(work, 3))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
