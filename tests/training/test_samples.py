from dataclasses import replace

import numpy as np
import pytest

from deepsxt_core.training.datasets import IGNORED, open_training_set
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import Block, split
from tests.training.conftest import draw

OPTIONS = {"batch_size": 8, "crop_px": 96, "positive_weight": 2.0}


@pytest.fixture
def data(folder):
    image, label = draw(0)
    label[:] = False
    label[:, ::10] = True
    folder.add("a", np.where(label, np.float32(20), image), label)
    return open_training_set(folder.path)


def test_batches_depend_on_seed_and_number_alone(data):
    blocks = split(data).training
    in_order = Samples(data, blocks, seed=1, **OPTIONS)
    before = [in_order.draw(i) for i in range(4)]

    alone = Samples(data, blocks, seed=1, **OPTIONS).draw(3)
    other = Samples(data, blocks, seed=2, **OPTIONS).draw(3)

    for ours, theirs in zip(alone, before[3], strict=True):
        assert ours.shape == (8, 96, 96, 1)
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(alone.image, other.image)


def test_weights_are_of_membranes_the_rest_and_the_unknown(data):
    """The block is narrower than a crop: nothing is known beyond its edges."""
    batch = Samples(data, split(data).training, seed=0, **OPTIONS).draw(0)

    assert set(np.unique(batch.target)) == {-1, 1}
    assert set(np.unique(batch.weight)) == {0, 1, 2}
    assert (batch.target[batch.weight == 2] == 1).all()
    assert (batch.target[batch.weight == 1] == -1).all()


def test_what_is_held_back_is_never_shown(data):
    parts = split(data)
    (held,) = parts.validation
    source = data.sources[0]
    values = source.read_image(0)
    values[:, held.x0 : held.x1] = np.nan

    class Spoiled:
        def read_run(self, z, context):  # noqa: ARG002
            return values[np.newaxis]

        def read_labels(self, z):
            return source.read_labels(z)

    samples = Samples(replace(data, sources=(Spoiled(),)), parts.training, seed=0, **OPTIONS)

    assert all(np.isfinite(samples.draw(i).image).all() for i in range(4))


def test_a_few_judged_pixels_are_enough(folder):
    """Of 512 × 512 pixels, two lines of 40 are judged, one of them a membrane."""
    image, _ = draw(0, (512, 512))
    label = np.full(image.shape, 128, np.uint8)
    label[300:304, 100:140] = 255
    label[310:314, 100:140] = 0
    folder.add("sparse", image, label)
    blocks = (Block(0, 0, 0, 512, 0, 512),)

    samples = Samples(open_training_set(folder.path), blocks, seed=0, **OPTIONS)
    batches = [samples.draw(i) for i in range(3)]

    for batch in batches:
        assert (batch.weight.max(axis=(1, 2, 3)) > 0).all()
        # Every other crop holds the membrane.
        assert (batch.target[::2].max(axis=(1, 2, 3)) == 1).all()


def test_without_augmentation_grey_values_stay(data):
    """Only turns, flips and crops are left, of the slice as it is standardised."""
    samples = Samples(data, split(data).training, seed=0, augmentation=0.0, **OPTIONS)
    ours = np.concatenate([samples.draw(i).image.ravel() for i in range(2)])
    varied = Samples(data, split(data).training, seed=0, **OPTIONS).draw(0).image

    assert abs(ours.mean()) < 0.1
    assert ours.std() == pytest.approx(1, abs=0.1)
    assert abs(varied.reshape(8, -1).std(axis=1) - 1).max() > 0.3


def test_inverted_crops_are_the_negatives(data):
    options = OPTIONS | {"batch_size": 1}
    plain = Samples(data, split(data).training, seed=0, **options)
    negative = Samples(data, split(data).training, seed=0, invert_chance=1.0, **options)

    np.testing.assert_array_equal(-negative.draw(0).image, plain.draw(0).image)


def test_nothing_is_learnt_where_nothing_was_measured(folder):
    image, label = draw(0)
    void = np.zeros(image.shape, bool)
    void[:, 90:] = True
    folder.add("a", np.where(void, np.float32(0), image), label)
    folder.add("b", image, label)
    masked, whole = open_training_set(folder.path).sources
    assert (masked.read_labels(0)[void] == IGNORED).all()
    np.testing.assert_array_equal(masked.read_labels(0)[~void], whole.read_labels(0)[~void])
    there = masked.read_image(0)
    assert there[~void].std() == pytest.approx(1, abs=0.05)
    # No edge: the void goes on as what lies beside it.
    assert np.abs(there[:, 92] - there[:, 87]).mean() < 1


def test_the_void_of_training_data_is_what_people_say(folder):
    rng = np.random.default_rng(0)
    image = rng.normal(100, 5, (96, 120)).astype(np.float32)
    label = np.zeros(image.shape, np.uint8)
    label[20:30, 20:90] = 1
    image[:, 90:] = 0
    image[40:43, 40:43] = 77
    folder.add("a", image, label)

    def ignored(**said):
        (source,) = open_training_set(folder.path, DataParams(**said)).sources
        return source.read_labels(0) == IGNORED

    np.testing.assert_array_equal(ignored(), image == 0)
    assert not ignored(void=False).any()
    np.testing.assert_array_equal(ignored(void_value=77.0), image == 77)


def test_neighbours_are_shown_to_most_crops_and_the_last_slice_stands_for_what_lies_beyond(folder):
    grey = np.array([1, 2, 4], np.float32)[:, np.newaxis, np.newaxis]
    image, label = draw(0, (128, 128))
    folder.add("stack", image * grey, np.stack([label] * 3))
    data = open_training_set(folder.path)
    source = data.sources[0]
    alone, last = np.stack([source.read_image(z) for z in range(3)]), source.read_run(2, 1)
    np.testing.assert_array_equal(last, alone[[1, 2, 2]])

    options = OPTIONS | {"batch_size": 32, "augmentation": 0.0}
    blocks = (Block(0, 1, 0, 128, 0, 128),)
    crops = Samples(data, blocks, seed=0, context=1, **options).draw(0).image
    assert crops.shape == (32, 96, 96, 3)
    repeated = [np.array_equal(crop[..., 0], crop[..., 2]) for crop in crops]
    assert 3 <= sum(repeated) <= 20
