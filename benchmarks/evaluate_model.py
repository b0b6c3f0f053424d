"""Measure how well a model finds membranes, beside a ridge filter: the numbers of its card.

    python benchmarks/evaluate_model.py --patches FOLDER

FOLDER holds real slices NAME.tif, membranes dark, with their labels NAME.labels.tif. Without it
only simulated data is measured: slices and tomograms of seeds that training does not use, most of
the tomograms of a microscope that it does not use either, and the sample. Every set is scored as
a whole, at threshold 0, within 0 and within 3 pixels.
"""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from skimage.filters import sato

from deepsxt_core.evaluation import BoundaryCounts, PixelCounts
from deepsxt_core.inference import Predictor
from deepsxt_core.network import load_model
from deepsxt_core.phantom import PRESETS, SliceParams, draw_slice, sample_tomogram, simulate
from deepsxt_core.preprocessing import measure_intensity, normalise
from deepsxt_core.volume import Volume

TOLERANCE_PX = 3
PHANTOM_SEEDS = range(2_000_000, 2_000_040)
SAMPLE_SLICES = slice(0, 64, 4)
TOMOGRAMS = (("b24", 2000), ("b24", 2001), ("b24", 2002), ("hzb", 2003), ("mistral", 2004))
TOMOGRAM_SHAPE = (32, 384, 384)
TOMOGRAM_SLICES = slice(3, 32, 6)
RIDGE_SIGMAS_PX = (2.0, 3.0, 4.0, 5.0, 6.0)

Runs = list[NDArray[np.float32]]
"""Each (2 n + 1, y, x): a slice between its neighbours."""

Masks = list[NDArray[np.bool_]]


def real_patches(folder: Path) -> tuple[Runs, Masks]:
    """Read and standardise NAME.tif with NAME.labels.tif."""
    images, truths = [], []
    for label_path in sorted(folder.glob("*.labels.tif")):
        image = tifffile.imread(label_path.with_name(label_path.name.replace(".labels", "")))
        images.append(prepared(image))
        truths.append(tifffile.imread(label_path) > 0)
    return images, truths


def phantom_slices(seeds: Iterable[int] = PHANTOM_SEEDS) -> tuple[Runs, Masks]:
    """Draw slices of seeds that training does not use."""
    pairs = [draw_slice(np.random.default_rng(seed), SliceParams()) for seed in seeds]
    return [prepared(image) for image, _ in pairs], [truth for _, truth in pairs]


def sample_slices(context: int) -> tuple[Runs, Masks]:
    """Return slices of the sample tomogram, with `context` above and below."""
    volume, truth, _ = sample_tomogram()
    return _some_slices(volume, truth, SAMPLE_SLICES, context)


def tomogram_slices(
    context: int, tomograms: Iterable[tuple[str, int]] = TOMOGRAMS
) -> tuple[Runs, Masks]:
    """Return slices of tomograms simulated for this, as training has none, with neighbours."""
    images, truths = [], []
    for preset, seed in tomograms:
        phantom = simulate(replace(PRESETS[preset], shape=TOMOGRAM_SHAPE, seed=seed))
        some = _some_slices(phantom.volume, phantom.truth, TOMOGRAM_SLICES, context)
        images += some[0]
        truths += some[1]
    return images, truths


def _some_slices(
    volume: NDArray, truth: NDArray[np.bool_], chosen: slice, context: int
) -> tuple[Runs, Masks]:
    whole = normalise(volume.astype(np.float32), measure_intensity(Volume.from_array(volume)))
    padded = np.pad(whole, ((context, context), (0, 0), (0, 0)), mode="edge")
    places = range(*chosen.indices(len(volume)))
    return [padded[z : z + 2 * context + 1] for z in places], list(truth[chosen])


def prepared(image: NDArray) -> NDArray[np.float32]:
    """Return a slice without neighbours, (1, y, x), standardised."""
    intensity = measure_intensity(Volume.from_array(image))
    return normalise(image[np.newaxis].astype(np.float32), intensity)


def score(predictor: Predictor, run: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score the middle slice of a run; where there are no neighbours, it stands for them."""
    beside = len(run) // 2
    return predictor.score(run, (beside, beside))[0]


def summarise(masks: Iterable[NDArray[np.bool_]], truths: Masks) -> str:
    """Return the scores of a whole set as cells of a table."""
    pixels, near = PixelCounts(), BoundaryCounts()
    for mask, truth in zip(masks, truths, strict=True):
        pixels += PixelCounts.of(mask, truth)
        near += BoundaryCounts.of(mask, truth, TOLERANCE_PX)
    scores = pixels.scores()
    values = (scores.f1, scores.precision, scores.recall, near.f1, near.precision, near.recall)
    return " | ".join(f"{value:.3f}" for value in values)


def ridge_masks(images: Runs, truths: Masks) -> Masks:
    """Return the masks of a ridge filter with the scale and threshold best on these very truths."""
    best_f1, best_masks = -1.0, []
    for sigma in RIDGE_SIGMAS_PX:
        ridges = [sato(run[len(run) // 2], sigmas=[sigma], black_ridges=True) for run in images]
        for level in np.percentile(np.concatenate(ridges, axis=None), range(70, 100)):
            masks = [ridge > level for ridge in ridges]
            counts = sum(map(PixelCounts.of, masks, truths), PixelCounts())
            if counts.scores().f1 > best_f1:
                best_f1, best_masks = counts.scores().f1, masks
    return best_masks


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=Path, help="folder of NAME.tif and NAME.labels.tif")
    parser.add_argument("--model", default="deepsxt-compact", help="name or folder of a model")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    sets = {
        "simulated tomograms": tomogram_slices(model.config.context),
        "simulated slices": phantom_slices(),
        "sample tomogram": sample_slices(model.config.context),
    }
    if arguments.patches is not None:
        sets = {"real patches": real_patches(arguments.patches), **sets}
    print(
        f"| data | method | F1 | precision | recall | F1 {TOLERANCE_PX} px | precision | recall |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, (images, truths) in sets.items():
        for rotations in (1, 4):
            predictor = Predictor(model, rotations=rotations)
            masks = [score(predictor, run) > 0 for run in images]
            print(f"| {name} | model, rotations={rotations} | {summarise(masks, truths)} |")
        print(f"| {name} | ridge filter | {summarise(ridge_masks(images, truths), truths)} |")


if __name__ == "__main__":
    main()
