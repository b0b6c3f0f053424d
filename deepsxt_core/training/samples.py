"""Batches of augmented crops from the blocks that are trained on, the same for the same seed."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from deepsxt_core.training.augmentation import augment, seen
from deepsxt_core.training.class_table import IGNORED, of_class
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.splits import Block

Images = NDArray[np.float32]

_CACHE_BYTES = 512 * 2**20
_WINDOW_CROPS = 2


class Batch(NamedTuple):
    """What one step learns from; float32 (batch, crop, crop, 1), or one channel for each class.

    Attributes
    ----------
    image : ndarray
        About standardised; (batch, crop, crop, slices seen).
    target : ndarray
        (batch, crop, crop, classes): 1 on membranes, or in a class, -1 elsewhere.
    weight : ndarray
        Of each pixel in the loss of the score: 0 where nobody knows; of the shape of `target`.
    """

    image: Images
    target: Images
    weight: Images


class Draws(Protocol):
    """What batches come from."""

    def draw(self, number: int) -> Batch:
        """Return batch `number`, the same whenever it is asked for."""


class Samples:
    """Draws batches from blocks of a training set.

    Every other crop of a batch lies around a membrane, where there is one, and the others around
    any pixel that was judged: labels may be few and sparse. Of several classes, each has its turn.
    A batch depends on the seed and on its number alone, so that a run that goes on after a break
    sees the same batches. Slices are read when they are needed, and the latest are kept.

    Parameters
    ----------
    data : TrainingSet
    blocks : sequence of Block
        Drawn from in proportion to their area. Those smaller than a crop are mirrored at
        their edges, and nothing is learnt about labels there.
    batch_size : int
    crop_px : int
    positive_weight : float
        Weight of a membrane pixel, against 1 for the rest.
    seed : int
    augmentation, invert_chance : float
        As in `TrainingParams`.
    context : int
        Slices above and below that the network sees beside the one that is labelled. One crop
        of three is shown without them, for they are not always there.
    """

    def __init__(
        self,
        data: TrainingSet,
        blocks: Sequence[Block],
        *,
        batch_size: int,
        crop_px: int,
        positive_weight: float,
        seed: int,
        augmentation: float = 1.0,
        invert_chance: float = 0.0,
        context: int = 0,
    ) -> None:
        self._data = data
        self._blocks = blocks
        self._batch_size = batch_size
        self._crop_px = crop_px
        self._positive_weight = positive_weight
        self._seed = seed
        self._context = context
        self._varying = {"strength": augmentation, "invert_chance": invert_chance}
        areas = np.array([block.area_px for block in blocks], float)
        self._chances = areas / areas.sum()
        self._cache: OrderedDict[tuple[int, int], tuple[Images, NDArray[np.uint8]]] = OrderedDict()

    def draw(self, number: int) -> Batch:
        """Return batch `number`."""
        rng = np.random.default_rng([self._seed, number])
        picked = rng.choice(len(self._blocks), self._batch_size, p=self._chances)
        pairs = [self._crop(rng, self._blocks[b], n % 2 == 0) for n, b in enumerate(picked)]
        images = np.stack([image for image, _ in pairs])
        labels = np.stack([label for _, label in pairs])
        numbers = range(len(self._data.classes))
        inside = np.stack([of_class(labels, number) for number in numbers], axis=-1)
        weight = np.where(inside, np.float32(self._positive_weight), np.float32(1))
        weight[labels == IGNORED] = 0
        return Batch(images, np.where(inside, np.float32(1), np.float32(-1)), weight)

    def _crop(
        self, rng: np.random.Generator, block: Block, on_membrane: bool
    ) -> tuple[Images, NDArray[Any]]:
        image, labels = self._read(block)
        place = _place(rng, labels, on_membrane, len(self._data.classes))
        # Grey values are varied over a window a little larger than the crop: a whole slice of
        # 2000 px would cost more than the step of the network.
        window = []
        for n, centre in zip(labels.shape, place, strict=True):
            side = min(n, _WINDOW_CROPS * self._crop_px)
            first = min(max(0, centre - side // 2), n - side)
            window.append(slice(first, first + side))
        image, labels = image[tuple(window)], labels[tuple(window)]
        missing = [max(0, self._crop_px - n) for n in labels.shape]
        if any(missing):
            widths = [(n // 2, n - n // 2) for n in missing]
            image = np.pad(image, [*widths, (0, 0)], mode="symmetric")
            labels = np.pad(labels, widths, constant_values=IGNORED)
        image = seen(rng, image)
        return augment(rng, image, labels, self._crop_px, **self._varying)

    def _read(self, block: Block) -> tuple[Images, NDArray[Any]]:
        key = block.source, block.z
        if key not in self._cache:
            source = self._data.sources[block.source]
            run = np.moveaxis(source.read_run(block.z, self._context), 0, -1)
            self._cache[key] = run, source.read_labels(block.z)
            held = sum(image.nbytes + labels.nbytes for image, labels in self._cache.values())
            while held > _CACHE_BYTES and len(self._cache) > 1:
                _, (image, labels) = self._cache.popitem(last=False)
                held -= image.nbytes + labels.nbytes
        self._cache.move_to_end(key)
        image, labels = self._cache[key]
        region = slice(block.y0, block.y1), slice(block.x0, block.x1)
        return image[region], labels[region]


def _place(
    rng: np.random.Generator, labels: NDArray[np.uint8], on_membrane: bool, classes: int
) -> tuple[int, int]:
    """Return a random pixel: of a membrane or a class if wished, of what was judged, or any."""
    wanted = np.empty(0, int)
    if on_membrane:
        found = [each for n in range(classes) if (each := of_class(labels, n)).any()]
        # Of one class there is nothing to choose, and no draw.
        number = int(rng.integers(len(found))) if len(found) > 1 else 0
        wanted = np.flatnonzero(found[number]) if found else wanted
    if not wanted.size:
        wanted = np.flatnonzero(labels != IGNORED)
    pixel = rng.choice(wanted) if wanted.size else rng.integers(labels.size)
    y, x = np.unravel_index(pixel, labels.shape)
    return int(y), int(x)
