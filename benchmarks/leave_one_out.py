"""Measure what fine-tuning on a few labelled slices gains on a slice that it never saw.

    python benchmarks/leave_one_out.py FOLDER --base MODEL --minutes 10

`--steps` in place of `--minutes` gives the same on a machine of any speed.

FOLDER holds slices NAME.tif with labels NAME.labels.tif. Each is left out in turn, the model is
fine-tuned on the others, and the one left out is scored before and after, at threshold 0, within
0 and within 3 pixels. The slice left out takes no part in choosing the step that is kept.
"""

import argparse
import tempfile
from pathlib import Path

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor, SegmentParams
from deepsxt_core.network import Model, load_model
from deepsxt_core.training.datasets import Source, open_training_set
from deepsxt_core.training.finetune import finetune
from deepsxt_core.training.label_values import IGNORED
from deepsxt_core.training.pairing import find_pairs
from deepsxt_core.training.params import TrainingParams
from tools.train_bundled_model import (
    REAL_STEPS,
    TOMOGRAMS,
    real_params,
    training_tomograms,
)

TOLERANCE_PX = 3

Counts = tuple[PixelCounts, BoundaryCounts]


def count(model: Model, source: Source, rotations: int) -> Counts:
    """Compare the score of the labelled slices of an image with their labels."""
    predictor = Predictor(model, precision="float32", rotations=rotations)
    pixels, near = PixelCounts(), BoundaryCounts()
    for z in source.labelled:
        labels = source.read_labels(z)
        known = labels != IGNORED
        run = source.read_run(z, predictor.context)
        mask = (predictor.score(run, (predictor.context,) * 2)[0] > 0) & known
        pixels += PixelCounts.of(mask[known], labels[known] == 1)
        near += BoundaryCounts.of(mask, labels == 1, TOLERANCE_PX)
    return pixels, near


def cells(before: Counts, after: Counts) -> str:
    """Return the scores as cells of a table."""
    values = [
        value
        for pixels, near in (before, after)
        for value in (pixels.scores().f1, near.f1, pixels.scores().precision)
    ]
    return " | ".join(f"{value:.3f}" for value in values)


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of NAME.tif and NAME.labels.tif")
    parser.add_argument("--base", default="deepsxt-compact", help="name or folder of a model")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=10.0, help="per slice left out")
    budget.add_argument("--steps", type=int, help="batches per slice left out")
    parser.add_argument("--learning-rate", type=float, default=TrainingParams().learning_rate)
    parser.add_argument(
        "--tomograms",
        type=Path,
        help="folder of the simulated tomograms that the bundled model learnt from, or to make "
        "them in: fine-tunes as the bundled model was, in place of a budget",
    )
    parser.add_argument(
        "--rotations", type=int, default=SegmentParams().rotations, help="views averaged in scoring"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.tomograms:
        params = real_params(REAL_STEPS, arguments.seed)
        tomograms = training_tomograms(TOMOGRAMS, arguments.tomograms)
    else:
        params = TrainingParams(
            minutes=None if arguments.steps else arguments.minutes,
            steps=arguments.steps,
            learning_rate=arguments.learning_rate,
            regions=1,
            seed=arguments.seed,
        )
        tomograms = []
    base = load_model(arguments.base)
    pairs = find_pairs(arguments.folder)
    sources = open_training_set(pairs).sources
    budget_text = f"{params.steps} batches" if params.steps else f"{params.minutes:g} minutes"
    print(f"Base {base.info.name}, SHA-256 {base.info.sha256()}; {budget_text} each")
    print(f"| left out | F1 before | {TOLERANCE_PX} px | precision | after | {TOLERANCE_PX} px "
          "| precision | steps |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    total = [(PixelCounts(), BoundaryCounts()), (PixelCounts(), BoundaryCounts())]
    for left_out in (source for source in sources if source.labelled):
        others = [pair for pair in pairs if pair[0].stem != left_out.name]
        with tempfile.TemporaryDirectory() as folder:
            result = finetune(
                base,
                open_training_set(others),
                params,
                Path(folder) / "model",
                tomograms=tomograms,
            )
            tuned = load_model(result.info.folder)
        found = [count(model, left_out, arguments.rotations) for model in (base, tuned)]
        total = [(t[0] + f[0], t[1] + f[1]) for t, f in zip(total, found, strict=True)]
        print(f"| {left_out.name} | {cells(*found)} | {result.best_step} of {result.steps} |",
              flush=True)  # fmt: skip
    print(f"| all as one set | {cells(*total)} | |")


if __name__ == "__main__":
    main()
