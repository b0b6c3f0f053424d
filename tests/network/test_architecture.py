from dataclasses import replace

import keras
import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.network import (
    NetworkConfig,
    build_network,
    load_legacy_weights,
    score_network,
)
from deepsxt_core.network.size import NetworkSize
from tests.models import small_config
from tests.tolerances import SCORE_ATOL


@pytest.fixture(scope="module")
def loaded(golden, golden_name):
    config = NetworkConfig.from_json(golden / f"{golden_name}.json")
    network = build_network(config)
    load_legacy_weights(network, golden / f"{golden_name}.h5")
    return network, np.load(golden / f"{golden_name}.npz")


@pytest.mark.parametrize("shape", ["square", "rect"])
def test_both_outputs_are_those_of_the_published_network(loaded, shape):
    network, arrays = loaded
    image, score = network(arrays[f"x_{shape}"], training=False)
    np.testing.assert_allclose(image, arrays[f"image_{shape}"], rtol=0, atol=SCORE_ATOL)
    np.testing.assert_allclose(score, arrays[f"label_{shape}"], rtol=0, atol=SCORE_ATOL)


def test_score_network_gives_the_score_without_the_image_decoder(loaded):
    network, arrays = loaded
    scoring = score_network(network)
    assert not [layer.name for layer in scoring.layers if layer.name.startswith("image")]
    np.testing.assert_allclose(
        scoring(arrays["x_rect"], training=False), arrays["label_rect"], rtol=0, atol=SCORE_ATOL
    )


def test_published_size():
    assert build_network(NetworkConfig.published()).count_params() == 76_541_230


def test_receptive_radius_bounds_what_a_pixel_changes(golden):
    keras.utils.set_random_seed(0)
    config = NetworkConfig.from_json(golden / "variant_leaky_avgpool.json")
    scoring = score_network(build_network(config))
    radius = config.receptive_radius_px
    side = 2 * (radius + 40) // config.divisor * config.divisor
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, side, side, 1)).astype(np.float32)
    changed = x.copy()
    changed[0, side // 2, side // 2, 0] += 100
    difference = np.abs(np.asarray(scoring(x)) - np.asarray(scoring(changed)))[0, ..., 0]
    rows, columns = np.nonzero(difference > 1e-5)
    reached = max(abs(rows - side // 2).max(), abs(columns - side // 2).max())
    assert 0 < reached <= radius


def test_every_way_to_merge_and_pool_builds():
    config = NetworkConfig.published(2)
    same = (4,) * 5
    adding = replace(
        config,
        pooling="average",
        encoder=replace(config.encoder, n_filters=same, add_instead_of_concat=True),
        neck=replace(config.neck, add_instead_of_concat=True),
        label_decoder=replace(config.label_decoder, n_filters=same, add_instead_of_concat=True),
    )
    image, score = build_network(adding)(np.zeros((1, 32, 48, 1), np.float32))
    assert image.shape == score.shape == (1, 32, 48, 1)


def test_adding_different_widths_names_the_part():
    config = NetworkConfig.published(2)
    wrong = replace(config, encoder=replace(config.encoder, add_instead_of_concat=True))
    with pytest.raises(InvalidParameterError, match=r"encoder adds tensors of \[2, 4\]|encoder"):
        build_network(wrong)


def test_counted_size_is_that_of_what_is_built():
    config = replace(small_config(3), context=2, stem_factor=4)
    assert build_network(config).count_params() == NetworkSize.of(config).parameters


def test_slices_above_and_below_are_seen_and_the_middle_one_is_scored():
    network = build_network(small_config(2, context=1, stem_factor=2))
    image, score = network(np.zeros((2, 16, 24, 3), np.float32))
    assert image.shape == score.shape == (2, 16, 24, 1)
