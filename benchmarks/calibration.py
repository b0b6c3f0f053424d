"""Measure what a model's scores mean as probabilities: the calibration section of its card.

    python -m benchmarks.calibration --model MODEL --real FOLDER --keep

MODEL is a name or a folder. A temperature and a bias are fitted on simulated tomograms and slices
of seeds that neither training nor `benchmarks.evaluate_model` use, and judged on those of the
latter. FOLDER holds real slices NAME.tif with their labels NAME.labels.tif: the same is judged
there, and a fit of their own, each slice by what the others tell. Where the model has learnt from
them they flatter it, which is said. `--keep` writes the calibration into the model's folder,
`--on real` that of the real slices.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import evaluate_model
from deepsxt_core.evaluation import ScoreHistogram
from deepsxt_core.evaluation.calibration import (
    BINNING,
    UNCALIBRATED,
    Calibration,
    curve,
    fit,
)
from deepsxt_core.inference import Predictor, SegmentParams
from deepsxt_core.network import Model, load_model
from deepsxt_core.network.calibrations import write_calibration
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.volume import Score
from deepsxt_core.workflow.calibrating import Calibrated, fitted, histograms

FIT_SEEDS = range(3_000_000, 3_000_040)
FIT_TOMOGRAMS = (("b24", 3000), ("b24", 3001), ("b24", 3002), ("hzb", 3003), ("mistral", 3004))
TABLE = """| data | pixels | membrane | error as scored | after temperature |
|---|--:|--:|--:|--:|"""


def counted(
    predictor: Predictor, images: Iterable[NDArray[np.float32]], truths: Iterable[NDArray[np.bool_]]
) -> ScoreHistogram:
    """Return how often each code occurs on and off the membranes of slices with neighbours."""
    found = ScoreHistogram.empty()
    for image, truth in zip(images, truths, strict=True):
        codes = Score.encode(evaluate_model.score(predictor, image))
        found += ScoreHistogram.of(codes, truth)
    return found


def to_fit_on(context: int) -> tuple[evaluate_model.Runs, evaluate_model.Masks]:
    """Simulate slices and tomograms that nothing else uses."""
    drawn = evaluate_model.phantom_slices(FIT_SEEDS)
    simulated = evaluate_model.tomogram_slices(context, FIT_TOMOGRAMS)
    return drawn[0] + simulated[0], drawn[1] + simulated[1]


def row(name: str, histogram: ScoreHistogram, found: Calibration) -> str:
    """Return the errors before and after as a row of the table."""
    voxels = int((histogram.membrane + histogram.background).sum())
    share = int(histogram.membrane.sum()) / voxels
    errors = [curve(histogram, one).error for one in (UNCALIBRATED, found)]
    return f"| {name} | {voxels:,} | {share:.3f} | {errors[0]:.4f} | {errors[1]:.4f} |"


def print_simulated(model: Model) -> Calibration:
    """Print what the fit on simulated data comes to; return it."""
    predictor = Predictor(model, precision="float32", rotations=SegmentParams().rotations)
    context = predictor.context
    whole = counted(predictor, *to_fit_on(context))
    found = fit(whole, "simulated tomograms and slices that it has not learnt from")
    print(f"Temperature {found.temperature:.3f}, bias {found.bias:+.3f}, fitted on "
          f"{found.fitted_on}; {BINNING}.\n")  # fmt: skip
    print(TABLE)
    print(row("the fit itself", whole, found))
    points: list[tuple[str, ScoreHistogram]] = []
    for name, data in (
        ("simulated tomograms", evaluate_model.tomogram_slices(context)),
        ("simulated slices", evaluate_model.phantom_slices()),
        ("sample tomogram", evaluate_model.sample_slices(context)),
    ):
        held_back = counted(predictor, *data)
        print(row(name, held_back, found), flush=True)
        points.append((name, held_back))
    print_points(points, found)
    return found


def print_real(model: Model, folder: Path, simulated: Calibration) -> Calibrated:
    """Print how the calibration does on real slices, and what they would fit themselves."""
    data = open_training_set(folder)
    parts = histograms(model, data.sources)
    names = [source.name for source in data.sources if source.labelled]
    whole = sum(parts, ScoreHistogram.empty())
    named = [*zip(names, parts, strict=True), ("real slices, all", whole)]
    print(f"\n{TABLE}")
    for name, part in named:
        print(row(name, part, simulated))
    own = fitted(parts, f"{len(names)} labelled real slices, which it may have learnt from")
    after = "none" if own.after is None else f"{own.after.error:.4f}"
    print(f"\nFitted on the real slices themselves: temperature {own.calibration.temperature:.3f}, "
          f"bias {own.calibration.bias:+.3f}; each slice by what the others tell: {after}. "
          "What the model has learnt from flatters it.")  # fmt: skip
    print_points(named[-1:], simulated)
    print_points([("real slices, their own fit", whole)], own.calibration)
    return own


def print_points(data: list[tuple[str, ScoreHistogram]], found: Calibration) -> None:
    """Print calibration curves, after temperature: what share is membrane at each probability."""
    print("\n| probability given (mean of the bin), share that is membrane | |\n|---|---|")
    for name, histogram in data:
        rows = curve(histogram, found).rows()
        points = (f"{r['mean_probability']:.3f} → {r['share_of_membrane']:.3f}" for r in rows)
        print(f"| {name} | {', '.join(points)} |")


def main() -> None:
    """Print the tables, and keep the calibration if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="deepsxt-compact", help="name or folder of a model")
    parser.add_argument("--real", type=Path, help="folder of NAME.tif and NAME.labels.tif")
    parser.add_argument("--keep", action="store_true", help="write it into the model's folder")
    parser.add_argument("--on", choices=("simulated", "real"), default="simulated")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    print(f"Model {model.info.name}, SHA-256 {model.info.sha256()}")
    found = print_simulated(model)
    if arguments.real is not None:
        own = print_real(model, arguments.real, found)
        found = own.calibration if arguments.on == "real" else found
    if arguments.keep:
        write_calibration(model.info.folder, found)


if __name__ == "__main__":
    main()
