"""Compare simulated with real slices by number: noise, histogram and membrane profiles.

    python -m benchmarks.phantom_realism FOLDER

FOLDER holds real slices sxt_*.tif and, in labelled_sxt_patches, NAME.tif with NAME.labels.tif. The
same measurements are made on a phantom of each preset, and printed as the tables of
docs/phantom.md. Slices are standardised first; those with bright membranes are inverted.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage, stats
from skimage.morphology import skeletonize

from deepsxt_core.phantom import PRESETS, simulate

PATCH_PX = 64
BANDS = ((0.0, 0.06), (0.06, 0.12), (0.12, 0.2), (0.2, 0.3), (0.3, 0.5))
REACH_PX = 15
SEEDS = (3000, 3001)
SHAPE = (24, 320, 320)


@dataclass(frozen=True)
class Sample:
    """One slice, float, membranes dark; its membranes where they are known."""

    name: str
    image: NDArray[np.float64]
    truth: NDArray[np.bool_] | None = None


def real_samples(folder: Path) -> Iterator[Sample]:
    """Read the real slices and patches of a folder."""
    for path in sorted(folder.glob("sxt_*.tif")):
        image = tifffile.imread(path).astype(float)
        bright = "bright" in path.stem or "bogus" in path.stem
        yield Sample(path.stem, -image if bright else image)
    for path in sorted((folder / "labelled_sxt_patches").glob("*.labels.tif")):
        image = tifffile.imread(path.with_name(path.name.replace(".labels", "")))
        yield Sample(path.name.split(".")[0], image.astype(float), tifffile.imread(path) > 0)


def simulated_samples() -> Iterator[Sample]:
    """Simulate phantoms of all presets and return the middle slice of each."""
    for name, preset in PRESETS.items():
        for seed in SEEDS:
            phantom = simulate(replace(preset, shape=SHAPE, seed=seed))
            middle = SHAPE[0] // 2
            image = phantom.volume[middle].astype(float)
            yield Sample(f"{name}, seed {seed}", image, phantom.truth[middle])


def noise_bands(image: NDArray[np.float64]) -> list[float]:
    """Return the share of the power of the flattest patches in bands of frequency."""
    window = np.hanning(PATCH_PX)[:, None] * np.hanning(PATCH_PX)
    spectra, slow = [], []
    frequency = np.hypot(np.fft.fftfreq(PATCH_PX)[:, None], np.fft.fftfreq(PATCH_PX))
    for y in range(0, image.shape[0] - PATCH_PX + 1, PATCH_PX // 2):
        for x in range(0, image.shape[1] - PATCH_PX + 1, PATCH_PX // 2):
            patch = image[y : y + PATCH_PX, x : x + PATCH_PX]
            fine = patch - ndimage.gaussian_filter(patch, 8)
            spectra.append(np.abs(np.fft.fft2(fine * window)) ** 2)
            slow.append(patch.std())
    flattest = np.argsort(slow)[: max(len(slow) // 5, 1)]
    power = np.mean([spectra[k] for k in flattest], axis=0)
    bands = [power[(frequency >= low) & (frequency < high)].sum() for low, high in BANDS]
    return list(np.array(bands) / np.sum(bands))


def membrane_profile(sample: Sample) -> tuple[float, float]:
    """Return the width in pixels and the contrast, over the noise beside it, of membranes."""
    if sample.truth is None or sample.truth.sum() < 200:
        return np.nan, np.nan
    image = (sample.image - sample.image.mean()) / sample.image.std()
    distance = ndimage.distance_transform_edt(sample.truth)
    slope = np.stack(np.gradient(ndimage.gaussian_filter(distance, 2)))
    structure = [
        ndimage.gaussian_filter(a * b, 4)
        for a, b in ((slope[0], slope[0]), (slope[0], slope[1]), (slope[1], slope[1]))
    ]
    angle = 0.5 * np.arctan2(2 * structure[1], structure[2] - structure[0])
    ys, xs = np.nonzero(skeletonize(sample.truth))
    steps = np.arange(-REACH_PX, REACH_PX + 1)
    y = ys[:, None] + np.sin(angle[ys, xs])[:, None] * steps
    x = xs[:, None] + np.cos(angle[ys, xs])[:, None] * steps
    inside = ((y > 0) & (y < image.shape[0] - 1) & (x > 0) & (x < image.shape[1] - 1)).all(axis=1)
    profiles = ndimage.map_coordinates(image, [y[inside], x[inside]], order=1)
    if len(profiles) < 30:
        return np.nan, np.nan
    mean = profiles.mean(axis=0)
    flank = np.abs(steps) >= 8
    depth = mean[flank].mean() - mean
    peak = depth[np.abs(steps) <= 3].max()
    noise = (image - ndimage.gaussian_filter(image, 4))[~sample.truth].std()
    fine = np.interp(np.linspace(-8, 8, 321), steps, depth)
    centre = 160
    left = centre - np.argmax(fine[centre::-1] < peak / 2)
    right = centre + np.argmax(fine[centre:] < peak / 2)
    return (right - left) / 20, peak / noise


def row(sample: Sample) -> str:
    """Return one row of the table."""
    standard = (sample.image - sample.image.mean()) / sample.image.std()
    width, contrast = membrane_profile(sample)
    cells = [f"{share:.2f}" for share in noise_bands(standard)]
    cells += [
        f"{stats.skew(standard, axis=None):+.2f}",
        f"{stats.kurtosis(standard, axis=None):.1f}",
    ]
    cells += ["" if np.isnan(v) else f"{v:.1f}" for v in (width, contrast)]
    return f"| {sample.name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="real slices")
    folder = parser.parse_args().folder
    bands = [f"{low:g}–{high:g}" for low, high in BANDS]
    names = ["slice", *bands, "skewness", "kurtosis", "width (px)", "contrast"]
    print("| " + " | ".join(names) + " |")
    print("|---" * len(names) + "|")
    for samples in (real_samples(folder), simulated_samples()):
        for sample in samples:
            print(row(sample), flush=True)


if __name__ == "__main__":
    main()
