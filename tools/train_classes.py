"""Train a model of several classes: ``python -m tools.train_classes --out FOLDER``.

An example of what `deepsxt finetune --classes` does, on simulated tomograms whose classes are
known. It has not been run to its end yet; what comes of it belongs in docs/training.md.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.evaluation import PixelCounts
from deepsxt_core.inference import SegmentParams, prepare
from deepsxt_core.inference.predictor import Predictor
from deepsxt_core.io import write_tiff
from deepsxt_core.network import Model, load_model
from deepsxt_core.phantom import PRESETS, Phantom, PhantomParams, simulate
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.finetune import finetune
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.reading import DataParams
from deepsxt_core.volume import Volume
from tools.train_bundled_model import varied_preset

NAMES = ("membrane", "nucleus", "mitochondrion", "droplet")
_SHAPE = (16, 256, 256)
_TEST_SEED = 9000

logger = logging.getLogger(__name__)


def table() -> str:
    """Return the table of classes of labels whose bit `n` stands for class `n`."""
    return ",".join(
        f"{code}={'+'.join(name for n, name in enumerate(NAMES) if code >> n & 1)}"
        for code in range(1, 1 << len(NAMES))
    )


def with_bodies(params: PhantomParams) -> PhantomParams:
    """Return the parameters of a tomogram that shows all classes more often than a cell does."""
    return replace(
        params, shape=_SHAPE, mitochondria=1.5, droplets=1.5, nucleus=params.seed % 2 == 0
    )


def labels_of(phantom: Phantom) -> NDArray[np.uint8]:
    """Return the classes of a phantom as bits, uint8 (z, y, x)."""
    labels = np.zeros(phantom.labels.shape, np.uint8)
    for number, name in enumerate(NAMES):
        labels |= phantom.of_class(name).astype(np.uint8) << np.uint8(number)
    return labels


def write_data(folder: Path, count: int) -> None:
    """Simulate the tomograms that are not in `folder` yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, labels = (folder / f"cell_{number:03d}{end}.tif" for end in ("", ".labels"))
        if not labels.is_file():
            logger.info("Simulating tomogram %d of %d.", number + 1, count)
            phantom = simulate(with_bodies(varied_preset(number)))
            write_tiff(Volume.from_array(phantom.volume, phantom.voxel_size_nm), image)
            write_tiff(Volume.from_array(labels_of(phantom), phantom.voxel_size_nm), labels)


def measured(model: Model, params: Sequence[PhantomParams]) -> dict[str, PixelCounts]:
    """Count the pixels of each class at threshold 0, on simulated tomograms."""
    counts = dict.fromkeys(model.config.classes, PixelCounts())
    predictor = Predictor(model, precision="float32")
    for one in params:
        phantom = simulate(one)
        volume = Volume.from_array(phantom.volume, phantom.voxel_size_nm)
        preparation = prepare(volume, SegmentParams(invert=False), model.config.pixel_size_nm)
        scores = preparation.score(predictor, preparation.apply(volume.read(0, volume.shape[0])))
        for number, name in enumerate(model.config.classes):
            counts[name] += PixelCounts.of(scores[..., number] > 0, phantom.of_class(name))
    return counts


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.train_classes", description="Train a model of several classes."
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--data", type=Path, required=True, help="folder of simulated tomograms")
    parser.add_argument("--tomograms", type=int, default=16)
    parser.add_argument("--tests", type=int, default=3, help="tomograms of each preset to test on")
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    write_data(arguments.data, arguments.tomograms)
    data = open_training_set(arguments.data, DataParams(classes=table(), invert=False))
    params = TrainingParams(
        minutes=None,
        steps=arguments.steps,
        learning_rate=1e-3,
        rehearsal=0.25,
        validation_steps=250,
        regions=1,
    )
    result = finetune(load_model(), data, params, arguments.out)
    logger.info("%s", result.verdict)
    model = load_model(arguments.out)
    for preset in ("hzb", "mistral", "b24"):
        seeds = range(_TEST_SEED, _TEST_SEED + arguments.tests)
        found = measured(model, [with_bodies(replace(PRESETS[preset], seed=s)) for s in seeds])
        for name, counts in found.items():
            scores = counts.scores()
            told = (preset, name, scores.f1, scores.precision, scores.recall)
            logger.info("%s, %s: F1 %.3f, precision %.3f, recall %.3f", *told)


if __name__ == "__main__":
    main()
