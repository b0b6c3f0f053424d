from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.inference import Predictor, predict_slice, predictor
from deepsxt_core.inference.engines import compiled
from deepsxt_core.inference.tiling import TilingParams, score_full
from deepsxt_core.network import NetworkConfig, build_network, load_legacy_weights
from deepsxt_core.preprocessing import zscore
from tests.models import small_config
from tests.tolerances import SCORE_ATOL

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture(scope="module")
def network():
    network = build_network(NetworkConfig.from_json(GOLDEN / "published_width16.json"))
    load_legacy_weights(network, GOLDEN / "published_width16.h5")
    return network


@pytest.fixture(scope="module")
def arrays():
    return np.load(GOLDEN / "published_width16.npz")


@pytest.mark.parametrize("source", ["slice_raw", "slice_zscored"])
@pytest.mark.parametrize(("rotations", "suffix"), [(1, ""), (4, "_rot")])
def test_compat_scores_are_the_published_ones(network, arrays, source, rotations, suffix):
    score = predict_slice(
        network, arrays[source], tiling="compat", rotations=rotations, tile_px=96, stride_px=64
    )
    expected = arrays[f"slice_score_chunk96_stride64{suffix}"]
    np.testing.assert_allclose(score, expected, rtol=0, atol=SCORE_ATOL)


def test_one_tile_is_what_the_network_says(network, arrays):
    score = predict_slice(network, arrays["x_rect"][0, ..., 0] * 5 + 3)
    direct = network(zscore(arrays["x_rect"][..., 0])[..., np.newaxis], training=False)[1]
    np.testing.assert_allclose(score, direct[0, ..., 0], rtol=0, atol=SCORE_ATOL)


def test_tiled_scores_equal_whole_ones_when_the_halo_covers_the_receptive_field(network):
    rng = np.random.default_rng(0)
    slices = rng.normal(size=(1, 530, 700)).astype(np.float32)
    score = compiled(network).score
    halo = TilingParams.for_network(network.deepsxt_config.receptive_radius_px, 16).halo_px
    seen = slices[..., np.newaxis]
    whole = score_full(seen, score, TilingParams(tile_px=1024, halo_px=halo))
    tiled = score_full(seen, score, TilingParams(tile_px=464, halo_px=halo))
    border = np.s_[:, 20:-20, 20:-20]
    np.testing.assert_allclose(tiled[border], whole[border], rtol=0, atol=1e-3)


@pytest.mark.parametrize("tiling", ["full", "compat"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 50), (17, 16), (33, 64)])
def test_any_size_is_scored_and_finite(network, tiling, shape):
    score = predict_slice(network, np.random.default_rng(0).random(shape), tiling=tiling)
    assert score.shape == shape
    assert score.dtype == np.float32
    assert np.abs(score).max() <= 1


@pytest.mark.parametrize("content", ["constant", "nan", "some_nan"])
def test_degenerate_slices_are_scored_and_finite(network, content):
    plane = np.random.default_rng(0).random((32, 32))
    if content == "constant":
        plane[:] = 5
    elif content == "nan":
        plane[:] = np.nan
    else:
        plane[3, 4:9] = [np.nan, np.inf, -np.inf, 1, 2]
    assert np.isfinite(predict_slice(network, plane)).all()


def test_reduced_precision_agrees_roughly(network, arrays):
    plane = arrays["x_square"][0, ..., 0]
    exact = predict_slice(network, plane)
    rough = predict_slice(network, plane, precision="bfloat16")
    assert 0 < np.abs(exact - rough).mean() < 0.1


def test_automatic_precision_stays_exact_where_reduced_scores_differ(network, arrays, monkeypatch):
    """The random golden weights amplify rounding, so bfloat16 must be rejected for them."""
    monkeypatch.setattr(predictor, "_WIDE", 1)
    monkeypatch.setattr(predictor, "_cpu_has_bfloat16", lambda: True)
    automatic = Predictor(network)
    score = automatic.score(zscore(arrays["x_square"][:1, ..., 0]))
    assert automatic.precision == "float32"
    np.testing.assert_allclose(score, arrays["label_square"][:1, ..., 0], rtol=0, atol=1e-3)


def test_automatic_precision_is_reduced_where_scores_agree(arrays, monkeypatch):
    monkeypatch.setattr(predictor, "_WIDE", 1)
    monkeypatch.setattr(predictor, "_cpu_has_bfloat16", lambda: True)
    quiet = build_network(NetworkConfig.published(1))
    head = quiet.get_layer("label_head_2_conv_0")
    head.set_weights([np.zeros_like(head.kernel), np.ones_like(head.bias)])
    automatic = Predictor(quiet)
    automatic.score(zscore(arrays["x_square"][:1, ..., 0]))
    assert automatic.precision == "bfloat16"


def test_small_slices_go_in_batches_and_large_ones_alone(network):
    batch = Predictor(network).batch_slices
    assert batch(256, 256) == 16
    assert batch(1000, 1000) == 1
    assert batch(4000, 4000) == 1


class SmallMemory:
    """Scores like the network, as long as few tiles come at once."""

    def __init__(self, score, most):
        self.score, self.most, self.batches = score, most, []

    def __call__(self, tiles):
        self.batches.append(len(tiles))
        if len(tiles) > self.most:
            raise MemoryError
        return self.score(tiles)


def test_out_of_memory_the_batch_halves_and_goes_on(network):
    slices = np.random.default_rng(0).normal(size=(8, 32, 32)).astype(np.float32)
    plain = Predictor(network, precision="float32")
    scarce = Predictor(network, precision="float32")
    scarce._score = SmallMemory(plain._score, 3)
    np.testing.assert_allclose(scarce.score(slices), plain.score(slices), rtol=0, atol=SCORE_ATOL)
    assert scarce._score.batches == [8, 4, 2, 2, 2, 2]
    scarce.score(slices[:4])
    assert scarce._score.batches[6:] == [2, 2]


def test_memory_that_does_not_suffice_for_one_slice_is_told(network):
    predictor = Predictor(network, precision="float32")
    predictor._score = SmallMemory(None, 0)
    with pytest.raises(DeepSXTError, match="one slice of 32 by 48"):
        predictor.score(np.zeros((2, 32, 48), np.float32))


def test_exhausted_tensorflow_is_out_of_memory(network, monkeypatch):
    import tensorflow as tf

    from deepsxt_core.inference import tensorflow_runtime

    def exhausted(*_args, **_kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(tensorflow_runtime.tf, "function", lambda *_, **__: exhausted)
    score = tensorflow_runtime.compile_score(network)
    with pytest.raises(MemoryError):
        score(np.zeros((1, 16, 16), np.float32))


@pytest.fixture(scope="module")
def with_context():
    return build_network(small_config(3, context=2, stem_factor=2))


def test_a_score_with_context_does_not_depend_on_how_slices_are_grouped(with_context):
    slices = np.random.default_rng(3).normal(size=(7, 40, 52)).astype(np.float32)
    predictor = Predictor(with_context, precision="float32")
    whole = predictor.score(slices)
    for first, end in ((0, 3), (3, 4), (4, 7)):
        before, after = min(2, first), min(2, 7 - end)
        part = predictor.score(slices[first - before : end + after], (before, after))
        np.testing.assert_allclose(part, whole[first:end], rtol=0, atol=SCORE_ATOL)
    changed = slices.copy()
    changed[0] += 1
    differs = np.abs(predictor.score(changed) - whole).max(axis=(1, 2)) > 1e-4
    assert differs.tolist() == [True, True, True, False, False, False, False]


def test_a_slice_alone_stands_for_its_neighbours(with_context):
    alone = np.random.default_rng(4).normal(size=(1, 32, 32)).astype(np.float32)
    predictor = Predictor(with_context, precision="float32")
    five = predictor.score(np.repeat(alone, 5, axis=0))
    np.testing.assert_allclose(predictor.score(alone)[0], five[2], rtol=0, atol=SCORE_ATOL)
