"""Data sets as the published software saves them."""

import numpy as np
import pytest

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.pairing import find_pairs
from deepsxt_core.training.splits import split
from tests.training.conftest import draw

SIDE = 112
SHAPES = [(96, 100), (112, 80), (90, 112), (96, 96), (80, 80), (112, 112), (100, 90)]


def padded(array, fill):
    """Return an array in the middle of a square, as the published software pads it."""
    missing = [SIDE - n for n in array.shape]
    widths = [(n // 2, n - n // 2) for n in missing]
    return np.pad(array, widths, constant_values=fill)[..., np.newaxis]


def stacks(shapes, first_seed, labelled=True):
    pairs = [draw(first_seed + i, shape) for i, shape in enumerate(shapes)]
    images = [padded(image, image.mean()) for image, _ in pairs]
    labels = [padded(np.where(label, 1, -1), -1) for _, label in pairs] if labelled else []
    return pairs, (
        np.array(images, np.float32).reshape(-1, SIDE, SIDE, 1),
        np.array(labels, np.float32),
        np.array(shapes, np.int32).reshape(-1, 2),
    )


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels_lose_their_padding(folder, save):
    training, arrays = stacks(SHAPES[:5], 0)
    test, more = stacks(SHAPES[5:], 5)
    save(folder.path / "labelled.npz", *arrays, *more)

    found = open_training_set(folder.path)

    assert found.counts()["labelled_slices"] == 7
    for source, (image, label) in zip(found.sources, training + test, strict=True):
        np.testing.assert_array_equal(source.image.read(0, 1)[0], image)
        np.testing.assert_array_equal(source.read_labels(0), label)
    assert len(split(found).validation) == 1


def test_images_without_labels_join_labelled_files(folder):
    folder.add_drawn("a", "b")
    _, arrays = stacks(SHAPES[:3], 2, labelled=False)
    _, none = stacks([], 0, labelled=False)
    np.savez(folder.path / "images.npz", *arrays, *none)

    found = open_training_set(folder.path)

    assert len(find_pairs(folder.path)) == 3
    counts = found.counts()
    assert (counts["labelled_slices"], counts["unlabelled_slices"]) == (2, 3)
    assert len(split(found).unlabelled) == 3


@pytest.mark.parametrize("spoil", ["members", "sizes", "labels", "cut"])
def test_other_layouts_are_refused(folder, spoil):
    _, (images, labels, sizes) = stacks(SHAPES[:3], 0)
    arrays = [images, labels, sizes, images, labels, sizes]
    match spoil:
        case "members":
            arrays.pop()
        case "sizes":
            arrays[2] = sizes * 2
        case "labels":
            arrays[4] = labels[:, 1:]
    path = folder.path / "set.npz"
    np.savez(path, *arrays)
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(TrainingDataError, match="set"):
        open_training_set(folder.path)
