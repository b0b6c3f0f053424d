"""Batches of simulated slices, the same for the same seed.

Some slices are drawn on the way, others come from tomograms that were simulated before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import keras
import numpy as np
from numpy.typing import NDArray

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.phantom import SliceParams, draw_slice
from deepsxt_core.preprocessing import IntensityRange, normalise
from deepsxt_core.training.augmentation import alone, augment, seen

Images = NDArray[np.float32]
Pair = tuple[Images, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchParams:
    """How batches are cut from simulated slices.

    Attributes
    ----------
    batch_size : int
        Crops per batch.
    crop_px : int
        Side of a crop, a multiple of 16, at most the side of a slice.
    new_slices : int
        Slices drawn anew per batch; fewer than `batch_size` means that slices are used again,
        cropped and augmented otherwise.
    window : int
        Number of recent slices that a batch picks from.
    positive_weight : float
        Weight of a membrane pixel of a drawn slice in the loss, against 1 for the rest. Membranes
        are few: above 1 they are found more readily.
    seed : int
        Same seed, same batches.
    slices : SliceParams
        What drawn slices look like.
    tomogram_share : float
        Chance of a crop to come from a simulated tomogram, where there are some.
    tomogram_weight : float
        As `positive_weight`, for crops of tomograms: their truth misses nothing, so that it needs
        less help.
    context : int
        Slices above and below that the network sees; drawn slices have none.
    zoom : float
        As in `augment`.
    """

    batch_size: int = 4
    crop_px: int = 192
    new_slices: int = 2
    window: int = 32
    positive_weight: float = 3.0
    seed: int = 0
    slices: SliceParams = field(default_factory=SliceParams)
    tomogram_share: float = 0.5
    tomogram_weight: float = 1.0
    context: int = 0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        if self.crop_px < 16 or self.crop_px % 16 or self.crop_px > min(self.slices.shape):
            raise InvalidParameterError(
                "crop_px must be a multiple of 16 that fits into a slice of "
                f"{self.slices.shape}: got {self.crop_px}."
            )
        for name in ("batch_size", "new_slices", "window"):
            if getattr(self, name) < 1:
                raise InvalidParameterError(
                    f"{name} must be at least 1: got {getattr(self, name)}."
                )
        for name in ("positive_weight", "tomogram_weight"):
            if not getattr(self, name) > 0:
                raise InvalidParameterError(f"{name} must be above 0: got {getattr(self, name)}.")
        if not 0 <= self.tomogram_share <= 1:
            raise InvalidParameterError(
                f"tomogram_share must be between 0 and 1: got {self.tomogram_share}."
            )


class PhantomBatches(keras.utils.PyDataset):
    """Batches (image, label, weight) of augmented crops, float32.

    The image is (batch, crop, crop, slices seen), the others (batch, crop, crop, 1). The image is
    standardised, the label 0 or 1. Batch `i` depends on the seed and on `i` alone, not on
    who asks for it and when.

    Parameters
    ----------
    params : BatchParams
    count : int
        Number of batches.
    tomograms : sequence of (ndarray, ndarray)
        Simulated tomograms (z, y, x), membranes dark, and their truth; slices at least as large
        as a crop.
    first : int
        Number of the first batch.
    """

    def __init__(
        self,
        params: BatchParams,
        count: int,
        tomograms: Sequence[Pair] = (),
        *,
        first: int = 0,
    ) -> None:
        # One thread draws ahead while the network computes.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.params = params
        self.count = count
        self.tomograms = tomograms
        self.first = first
        self._slice = lru_cache(maxsize=2 * params.window)(self._draw)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Images, Images, Images]:
        params = self.params
        number = self.first + index
        rng = np.random.default_rng([params.seed, 1, number])
        newest = (number + 1) * params.new_slices
        picked = rng.choice(
            np.arange(max(newest - params.window, 0), newest),
            params.batch_size,
            replace=newest < params.batch_size,
        )
        crops = [self._crop(rng, int(n)) for n in picked]
        images, labels, weights = (np.stack(part) for part in zip(*crops, strict=True))
        return images, labels[..., np.newaxis], weights[..., np.newaxis]

    def _crop(self, rng: np.random.Generator, number: int) -> tuple[Images, Images, Images]:
        """Return a crop of any simulated tomogram, or of the drawn slice `number`."""
        params = self.params
        if self.tomograms and rng.random() < params.tomogram_share:
            volume, truth = self.tomograms[int(rng.integers(len(self.tomograms)))]
            z = int(rng.integers(len(volume)))
            around = np.arange(z - params.context, z + params.context + 1)
            run = volume[np.clip(around, 0, len(volume) - 1)]
            image, membrane = seen(rng, np.moveaxis(run, 0, -1)), truth[z]
            membrane_weight = params.tomogram_weight
        else:
            image, membrane = self._slice(number)
            image = alone(image, 2 * params.context + 1)
            membrane_weight = params.positive_weight
        image, membrane = augment(rng, image, membrane, params.crop_px, zoom=params.zoom)
        weight = np.where(membrane, np.float32(membrane_weight), np.float32(1))
        return image, membrane.astype(np.float32), weight

    def _draw(self, number: int) -> Pair:
        return draw_slice(np.random.default_rng([self.params.seed, 0, number]), self.params.slices)


def draw_validation(count: int, seed: int, params: SliceParams) -> tuple[Images, NDArray[np.bool_]]:
    """Draw slices as the network meets them in use: whole and standardised, not augmented.

    Returns
    -------
    images : ndarray
        (count, y, x, 1) float32.
    labels : ndarray
        (count, y, x) bool.
    """
    pairs = [draw_slice(np.random.default_rng([seed, 2, n]), params) for n in range(count)]
    images = [normalise(image[np.newaxis], _intensity(image))[0] for image, _ in pairs]
    return np.stack(images)[..., np.newaxis], np.stack([label for _, label in pairs])


def _intensity(image: Images) -> IntensityRange:
    low, median, high = np.percentile(image, [0.1, 50, 99.9])
    return IntensityRange(float(low), float(high), float(median))
