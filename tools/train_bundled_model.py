"""Train the bundled model: ``python -m tools.train_bundled_model --out FOLDER``.

It learns from simulations: slices drawn on the way, and tomograms simulated before the start. With
``--real FOLDER`` it is fine-tuned on the labelled slices there afterwards. The same seed, number
of steps and versions give the same batches in the same order; weights agree up to the rounding of
the machine.
"""

import argparse
import logging
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepsxt_core.files import written_beside
from deepsxt_core.network import NetworkConfig, build_network, load_model, save_model
from deepsxt_core.network.compact import compact_config, quick_config
from deepsxt_core.phantom import PRESETS, PhantomParams, SliceParams, simulate
from deepsxt_core.training.batches import BatchParams, Pair, PhantomBatches, draw_validation
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.finetune import finetune
from deepsxt_core.training.pairing import find_pairs
from deepsxt_core.training.params import TrainingParams
from tools.fitting import Checkpoints, FitParams, fit_image, fit_score

TOMOGRAMS = 120
REAL_STEPS = 100
NETWORKS = {"compact": compact_config, "quick": quick_config}
_ZOOM = 0.25
_VALIDATION_SEED = 1_000_003
_VALIDATION_SLICES = 24
# Of the simulated tomograms; the card is measured on other seeds and on the third preset.
_TOMOGRAM_PRESETS = ("hzb", "mistral")
_TOMOGRAM_SHAPE = (16, 384, 384)
_TOMOGRAM_SEED = 1000

logger = logging.getLogger(__name__)


def varied_preset(number: int) -> PhantomParams:
    """Return the parameters of training tomogram `number`: a preset, varied.

    No two real tomograms are measured alike: pixel, dose, thickness, tilt range, alignment and
    filter are drawn from ranges around those of the preset, low doses among them.
    """
    seed = _TOMOGRAM_SEED + number
    rng = np.random.default_rng([seed, 3])
    preset = PRESETS[_TOMOGRAM_PRESETS[number % len(_TOMOGRAM_PRESETS)]]
    return replace(
        preset,
        shape=_TOMOGRAM_SHAPE,
        seed=seed,
        voxel_size_nm=preset.voxel_size_nm * np.exp(rng.uniform(-0.2, 0.35)),
        photons=preset.photons * np.exp(rng.uniform(-2.0, 0.9)),
        tilt_range_deg=rng.uniform(55, 70),
        thickness_um=preset.thickness_um * rng.uniform(0.6, 1.2),
        alignment_error_px=rng.uniform(0.3, 1.5),
        cutoff=rng.uniform(0.18, 0.32),
        gold_nm=rng.uniform(90, 200),
        gold_beads=preset.gold_beads * rng.uniform(0, 2.5),
    )


def training_tomograms(count: int, folder: Path) -> list[Pair]:
    """Return simulated tomograms with their truth, kept in `folder` once they are made."""
    folder.mkdir(parents=True, exist_ok=True)
    tomograms = []
    for n in range(count):
        path = folder / f"tomogram_{n:03d}.npz"
        if not path.is_file():
            logger.info("Simulating tomogram %d of %d.", n + 1, count)
            phantom = simulate(varied_preset(n))
            with written_beside(path) as partial, partial.open("wb") as file:
                np.savez(file, image=phantom.volume, truth=phantom.truth)
        with np.load(path) as kept:
            tomograms.append((kept["image"], kept["truth"]))
    return tomograms


def train(
    folder: Path,
    fit: FitParams,
    batches: BatchParams,
    tomograms: int,
    config: NetworkConfig,
    start: Path | None = None,
) -> None:
    """Train a network on simulated slices and save it as a model folder.

    Parameters
    ----------
    folder : Path
        The model folder to write. A card that is already there is kept. Checkpoints are written
        beside it, to ``FOLDER.training``.
    fit : FitParams
    batches : BatchParams
    tomograms : int
        How many to simulate.
    config : NetworkConfig
    start : Path, optional
        Weights to start from instead of fresh ones.
    """
    keras.utils.set_random_seed(fit.seed)
    network = build_network(config)
    if start is not None:
        network.load_weights(start)
    checkpoints = folder.with_name(folder.name + ".training")
    checkpoints.mkdir(parents=True, exist_ok=True)
    images, labels = draw_validation(_VALIDATION_SLICES, _VALIDATION_SEED, SliceParams())
    images = np.repeat(images, config.slices_seen, axis=-1)
    simulated = training_tomograms(tomograms, checkpoints)
    batches = replace(batches, context=config.context)
    began = time.monotonic()
    fit_score(
        network,
        PhantomBatches(batches, fit.steps, simulated),
        fit,
        [Checkpoints(network, checkpoints, fit, images, labels)],
    )
    if fit.image_steps:
        repainting = PhantomBatches(batches, fit.image_steps, simulated, first=fit.steps)
        fit_image(network, repainting, fit)
    card_path = folder / "card.md"
    card = card_path.read_text(encoding="utf-8") if card_path.is_file() else ""
    save_model(folder, network, config, card)
    logger.info("Saved %s after %.1f min.", folder, (time.monotonic() - began) / 60)


def real_params(steps: int, seed: int) -> TrainingParams:
    """Return how the bundled model is fine-tuned on real slices."""
    return TrainingParams(minutes=None, steps=steps, positive_weight=3.0, regions=1, seed=seed)


def adapt(folder: Path, real: Path, steps: int, seed: int, tomograms: int = 0) -> None:
    """Fine-tune the model in `folder` on labelled slices, ``NAME.tif`` and ``NAME.labels.tif``.

    The model before that is kept beside it, in ``FOLDER.training/simulated``. The card stays.
    The last weights are taken: what a few slices can hold back is too little to choose by.
    """
    work = folder.with_name(folder.name + ".training")
    simulated = work / "simulated"
    shutil.copytree(folder, simulated, dirs_exist_ok=True)
    base = load_model(simulated)
    data = open_training_set(find_pairs(real))
    rehearsed = training_tomograms(tomograms, work)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "tuned"
        tuned = finetune(base, data, real_params(steps, seed), out, tomograms=rehearsed)
        save_model(folder, load_model(tuned.info.folder).network, base.config, base.info.card)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.train_bundled_model", description="Train the bundled model."
    )
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--network", choices=sorted(NETWORKS), default="compact")
    parser.add_argument("--steps", type=int, default=FitParams().steps, help="batches to train on")
    parser.add_argument("--image-steps", type=int, default=FitParams().image_steps)
    parser.add_argument("--learning-rate", type=float, default=FitParams().learning_rate)
    parser.add_argument(
        "--tomograms", type=int, default=TOMOGRAMS, help="tomograms to simulate beside drawn slices"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--positive-weight",
        type=float,
        default=BatchParams().positive_weight,
        help="weight of a membrane pixel against 1 for the rest",
    )
    parser.add_argument("--start", type=Path, help="weights to start from")
    parser.add_argument("--real", type=Path, help="labelled slices to fine-tune on at the end")
    parser.add_argument("--real-steps", type=int, default=REAL_STEPS, help="batches for that")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train(
        arguments.out,
        FitParams(
            steps=arguments.steps,
            image_steps=arguments.image_steps,
            learning_rate=arguments.learning_rate,
            seed=arguments.seed,
        ),
        BatchParams(seed=arguments.seed, positive_weight=arguments.positive_weight, zoom=_ZOOM),
        arguments.tomograms,
        NETWORKS[arguments.network](),
        arguments.start,
    )
    if arguments.real is not None:
        adapt(
            arguments.out, arguments.real, arguments.real_steps, arguments.seed, arguments.tomograms
        )


if __name__ == "__main__":
    main()
