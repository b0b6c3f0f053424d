from dataclasses import asdict

import numpy as np
import pytest

from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.preview import MEMBRANE, preview_samples
from deepsxt_core.training.rehearsal import Rehearsal
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import split

PARAMS = TrainingParams(batch_size=4, crop_px=64, positive_weight=3.0)


@pytest.fixture
def data(folder):
    folder.add_drawn("a", "b")
    return open_training_set(folder.path)


def test_simulated_crops_stand_beside_the_own_ones(data):
    own = Samples(data, split(data).training, **PARAMS.sampling() | {"batch_size": 3})

    batch = Rehearsal(own, PARAMS, 2).draw(5)

    np.testing.assert_array_equal(batch.image[:3], own.draw(5).image)
    assert batch.image.shape == batch.target.shape == batch.weight.shape == (5, 64, 64, 1)
    assert all(part.dtype == np.float32 for part in batch)
    assert set(np.unique(batch.weight[3:])) <= {1, 3}
    assert (batch.target[batch.weight == 3] == 1).all()


def test_simulated_tomograms_are_rehearsed_beside_drawn_slices(data):
    own = Samples(data, split(data).training, **PARAMS.sampling() | {"batch_size": 3})
    stripes = np.zeros((5, 128, 128), np.float32)
    stripes[:, :, ::4] = -1

    rehearsal = Rehearsal(own, PARAMS, 2, [(stripes, stripes < 0)])

    targets = [target for n in range(10) for target in rehearsal.draw(n).target[3:]]
    striped = sum(float((target > 0).mean()) == 0.25 for target in targets)
    assert 0 < striped < len(targets)


def test_the_same_batch_comes_again(data):
    def rehearsal():
        return Rehearsal(Samples(data, split(data).training, **PARAMS.sampling()), PARAMS, 2)

    before = rehearsal()
    before.draw(0)
    for one, other in zip(before.draw(7), rehearsal().draw(7), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_preview_tints_what_training_would_learn(data):
    parts = split(data)
    pictures = preview_samples(data, parts, PARAMS, count=4)
    plain = preview_samples(data, parts, PARAMS, count=4, labels=False)
    batch = Samples(data, parts.training, **PARAMS.sampling()).draw(0)

    for picture, grey, target in zip(pictures, plain, batch.target[..., 0], strict=True):
        assert picture.dtype == np.uint8
        tinted = (picture != grey).any(axis=-1)
        np.testing.assert_array_equal(tinted, target > 0)
        # Towards the colour, in every channel.
        nearer = abs(picture - np.array(MEMBRANE, float)) <= abs(grey - np.array(MEMBRANE, float))
        assert nearer[target > 0].all()
    assert not np.array_equal(pictures[0], preview_samples(data, parts, PARAMS, number=1)[0])


def test_parameters_travel_as_json():
    assert TrainingParams.from_json(asdict(PARAMS)) == PARAMS
