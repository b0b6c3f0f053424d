from dataclasses import replace

import keras
import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.network import NetworkConfig, load_model, score_network
from deepsxt_core.network.parts import CoderConfig, NeckConfig
from deepsxt_core.phantom import SliceParams
from deepsxt_core.training.batches import BatchParams, PhantomBatches
from tools import train_bundled_model as bundled
from tools.fitting import FitParams, count_pixels, fit_image, fit_score, score_loss

FIT = FitParams(steps=12, image_steps=6, checkpoint_steps=6, learning_rate=1e-2)
BATCHES = BatchParams(batch_size=2, crop_px=32, window=4, slices=SliceParams(shape=(32, 32)))


def tiny_config():
    encoder = CoderConfig(n_filters=(4, 4), kernel_sizes=(3, 3), block_depth=1)
    return NetworkConfig(
        width=4,
        encoder=encoder,
        neck=NeckConfig(n_filters=4, kernel_sizes=(1,), depth=1),
        image_decoder=encoder,
        label_decoder=replace(encoder, use_skip_connections=True),
        context=1,
        stem_factor=2,
    )


@pytest.fixture
def network():
    """The smallest network with the two outputs and the layer names that fitting relies on."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="encoder")(inputs)
    image = keras.layers.Conv2D(1, 3, padding="same", name="image_head")(features)
    score = keras.layers.Conv2D(1, 3, padding="same", activation="tanh", name="label_head")(
        features
    )
    return keras.Model(inputs, [image, score])


def weights_of(network, prefix):
    return [
        np.array(weight)
        for layer in network.layers
        if layer.name.startswith(prefix)
        for weight in layer.get_weights()
    ]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_the_loss_is_the_cross_entropy_of_the_score():
    label = keras.ops.convert_to_tensor([[1.0], [0.0], [1.0]])
    score = keras.ops.convert_to_tensor([[0.0], [0.8], [0.8]])

    loss = keras.ops.convert_to_numpy(score_loss(label, score))

    np.testing.assert_allclose(loss, -np.log([0.5, 0.1, 0.9]), rtol=1e-5)


class SameBatch(keras.utils.PyDataset):
    """One easy batch again and again: dark pixels are membranes."""

    def __init__(self, count):
        super().__init__()
        rng = np.random.default_rng(0)
        self.label = (rng.random((2, 32, 32, 1)) < 0.3).astype(np.float32)
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return 1 - 3 * self.label, self.label, 1 + self.label


def test_fitting_learns_an_easy_task(network):
    task = SameBatch(120)
    image, label, _ = task[0]

    fit_score(network, task, replace(FIT, steps=120), [])

    score = keras.ops.convert_to_numpy(score_network(network)(image))
    assert ((score > 0) == (label > 0)).mean() > 0.95


def test_fitting_the_score_leaves_the_image_decoder_and_the_other_way_round(network):
    image_before, score_before = weights_of(network, "image_"), weights_of(network, "label_")
    fit_score(network, PhantomBatches(BATCHES, FIT.steps), FIT, [])
    score_between = weights_of(network, "label_")
    encoder_between = weights_of(network, "encoder")
    assert same(image_before, weights_of(network, "image_"))
    assert not same(score_before, score_between)

    fit_image(network, PhantomBatches(BATCHES, FIT.image_steps), FIT)

    assert same(score_between, weights_of(network, "label_"))
    assert same(encoder_between, weights_of(network, "encoder"))
    assert not same(image_before, weights_of(network, "image_"))


def test_the_image_decoder_learns_to_repaint_its_input(network):
    task = SameBatch(150)
    image = task[0][0]

    fit_image(network, task, replace(FIT, image_steps=150))

    repainted = keras.ops.convert_to_numpy(network(image)[0])
    assert np.corrcoef(repainted.ravel(), image.ravel())[0, 1] > 0.8


def test_counting_uses_threshold_zero(network):
    scorer = score_network(network)
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)
    labels = keras.ops.convert_to_numpy(scorer(images))[..., 0] > 0

    assert count_pixels(scorer, images, labels).scores().f1 == 1


def test_training_writes_a_model_that_loads_and_is_the_same_for_the_same_seed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(bundled, "_VALIDATION_SLICES", 1)

    for name in ("one", "two"):
        params = replace(FIT, steps=4, checkpoint_steps=2, image_steps=0)
        bundled.train(tmp_path / name, params, BATCHES, 0, tiny_config())
    one, two = (load_model(tmp_path / name).network for name in ("one", "two"))

    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    assert (tmp_path / "one.training" / "last.weights.h5").is_file()


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"image_steps": -1}, {"learning_rate": 0.0}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        FitParams(**wrong)
