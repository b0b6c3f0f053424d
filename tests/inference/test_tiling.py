import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.inference.tiling import (
    TilingParams,
    compat_starts,
    round_up,
    score_compat,
    score_full,
    score_symmetric,
    spans,
    symmetries,
    with_neighbours,
)

TILINGS = [
    TilingParams(tile_px=64, halo_px=16),
    TilingParams(tile_px=256, halo_px=48),
    TilingParams(tile_px=1024, halo_px=208),
    TilingParams(tile_px=96, halo_px=0),
    TilingParams(tile_px=24, halo_px=8, divisor=4),
]


def middle(tiles):
    return tiles[..., tiles.shape[-1] // 2]


@given(st.integers(1, 6), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3))
def test_neighbours_are_those_of_the_whole_run(count, context, before, after):
    run = np.arange(before + count + after, dtype=np.float32)[:, np.newaxis, np.newaxis]
    found = with_neighbours(run, context, (before, after))
    wanted = np.arange(before, before + count)[:, np.newaxis]
    wanted = wanted + np.arange(-context, context + 1)
    np.testing.assert_array_equal(found[:, 0, 0], np.clip(wanted, 0, len(run) - 1))


@pytest.mark.parametrize("params", TILINGS)
def test_every_side_is_covered_once_by_few_tiles(params):
    core = params.tile_px - 2 * params.halo_px
    for side in range(1, 4097):
        cut = spans(side, params)
        assert len(cut) <= -(-side // core)
        assert [span.first for span in cut] == [0, *[span.end for span in cut[:-1]]]
        assert cut[-1].end == side
        padded = round_up(side, params.divisor)
        for span in cut:
            assert 0 <= span.start <= span.first < span.end <= span.start + span.size <= padded
            assert span.start % params.divisor == span.size % params.divisor == 0
            assert span.first - span.start >= (params.halo_px if span.start else 0)
            inner_end = span.start + span.size < padded
            assert span.start + span.size - span.end >= (params.halo_px if inner_end else 0)


def test_a_slice_that_fits_is_one_tile():
    params = TilingParams()
    assert all(len(spans(side, params)) == 1 for side in range(1, 1025))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(TILINGS), st.integers(1, 3))
def test_stitched_tiles_equal_the_input(height, width, params, n):
    slices = np.random.default_rng(height * 1000 + width).normal(size=(n, height, width))
    slices = slices.astype(np.float32)
    sizes = set()

    def identity(tiles):
        sizes.add(tiles.shape[1:])
        return tiles[..., 0]

    np.testing.assert_array_equal(score_full(slices[..., np.newaxis], identity, params), slices)
    assert len(sizes) == 1, "one graph size per slice size"


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 112, 160), (1, 208, 176), (1, 5, 300)])
def test_averaged_published_tiles_equal_the_input(shape):
    slices = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    averaged = score_compat(slices[..., np.newaxis], middle, tile_px=64, stride_px=48)
    np.testing.assert_allclose(averaged, slices, atol=1e-6)


@pytest.mark.parametrize(
    ("side", "tile", "stride", "starts"),
    [
        (208, 96, 64, [0, 56, 112]),
        (176, 96, 64, [0, 40, 80]),
        (1000, 592, 400, [0, 204, 408]),
        (600, 592, 400, [0, 8]),
        (64, 64, 400, [0]),
    ],
)
def test_compat_starts_as_published(side, tile, stride, starts):
    assert compat_starts(side, tile, stride) == starts


def test_compat_refuses_a_tile_per_pixel_and_says_what_would_do():
    with pytest.raises(InvalidParameterError, match=r"161,604 tiles.*992 by 992"):
        score_compat(np.zeros((1, 993, 993, 1), np.float32), middle)


def test_compat_accepts_what_it_advises():
    slices = np.ones((1, 992, 992), np.float32)
    assert score_compat(slices[..., np.newaxis], middle).shape == slices.shape


@pytest.mark.parametrize("rotations", [1, 4, 8])
def test_symmetries_are_undone(rotations):
    slices = np.random.default_rng(0).normal(size=(2, 5, 7)).astype(np.float32)
    scored = score_symmetric(slices[..., np.newaxis], middle, rotations)
    np.testing.assert_allclose(scored, slices, atol=1e-6)


@pytest.mark.parametrize("rotations", [1, 4, 8])
def test_every_symmetry_is_seen_once(rotations):
    slices = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    seen = []

    def remember(view):
        seen.append(view.tobytes() + bytes(view.shape))
        return middle(view)

    score_symmetric(slices[..., np.newaxis], remember, rotations)
    assert len(seen) == len(set(seen)) == len(symmetries(rotations)) == rotations


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"tile_px": 64, "halo_px": 32}, "below half"),
        ({"tile_px": 64, "halo_px": -16}, "at least 0"),
        ({"tile_px": 60, "halo_px": 16}, "multiples of 16"),
    ],
)
def test_impossible_tilings_are_refused(wrong, text):
    with pytest.raises(InvalidParameterError, match=text):
        TilingParams(**wrong)
