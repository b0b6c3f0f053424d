"""A training that takes seconds: one dark line per image, and a network of three layers.

As a script, ``python -m tests.training.stand_in_training DATA FOLDER STEPS`` runs it.
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepsxt_core.evaluation import PixelCounts
from deepsxt_core.progress import NoProgress
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.devices import spread
from deepsxt_core.training.loop import Training
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import split

PARAMS = TrainingParams(
    minutes=None,
    steps=12,
    batch_size=2,
    crop_px=32,
    validation_steps=4,
    learning_rate=1e-2,
    regions=1,
)


def build_small() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    image = keras.layers.Conv2D(1, 3, padding="same")(features)
    score = keras.layers.Conv2D(1, 3, padding="same", activation="tanh")(features)
    return keras.Model(inputs, [image, score])


def read_log(path: Path) -> dict[int, float]:
    """Return the F1 of each step that was measured."""
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return {int(row["step"]): float(row["f1"]) for row in rows}


def prepare(
    data_folder: Path, folder: Path, params: TrainingParams, *, chooses: bool = True
) -> Training:
    data = open_training_set(data_folder)
    parts = split(data)
    with spread():
        network = build_small()
    options = {"batch_size": params.batch_size, "crop_px": params.crop_px, "positive_weight": 2.0}
    block = parts.validation[0]
    source = data.sources[block.source]
    image = source.read_image(block.z)[np.newaxis, ..., np.newaxis]
    truth = source.read_labels(block.z) == 1

    def measure():
        score = np.asarray(keras.ops.convert_to_numpy(network(image)[1]))[0, ..., 0]
        return {"f1": PixelCounts.of(score > 0, truth).scores().f1}

    training = Training(
        network,
        Samples(data, parts.training, seed=0, **options),
        Samples(data, parts.unlabelled, seed=1, **options) if parts.unlabelled else None,
        measure,
        chooses,
        params,
        folder,
        {"seed": params.seed},
    )
    training.network = network
    return training


if __name__ == "__main__":
    data_folder, folder, steps = sys.argv[1:]
    prepare(Path(data_folder), Path(folder), replace(PARAMS, steps=int(steps))).run(NoProgress())
