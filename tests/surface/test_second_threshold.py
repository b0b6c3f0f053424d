"""Surfaces with two thresholds: what is certain keeps its faint ends."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.filters import apply_hysteresis_threshold

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.export.bundle import BundleContent
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.surface.coarse import coarse_score, coarse_view
from deepsxt_core.surface.extraction import reconstruct_numbered
from deepsxt_core.surface.field import smoothing
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.surface.measure.error_bars import with_error_bars
from deepsxt_core.surface.measure.slices import measure_slice
from deepsxt_core.volume import Mask, Score, Volume
from tests.results import ball

SHAPE = (26, 48, 44)
TWO = ReconstructParams(
    threshold=0.5, low=0.21, smoothing_voxels=0, taubin_iterations=0, min_voxels=0
)


@pytest.fixture(scope="module")
def score() -> Score:
    """Blobs, some faint throughout."""
    noise = gaussian_filter(np.random.default_rng(4).normal(size=SHAPE), 2)
    return Score(Volume.from_array(Score.encode(np.clip(noise / np.abs(noise).max(), -1, 1))))


def wanted(score: Score) -> np.ndarray:
    values = Score.decode(score.volume.read(0, SHAPE[0]))
    found = apply_hysteresis_threshold(values, 0.21, 0.5)
    assert 0 < found.sum() < (values > 0.21).sum()
    return found


@pytest.mark.parametrize("slices", [8, 26])
def test_objects_are_what_is_above_the_lower_and_somewhere_above_the_upper(
    score, tmp_path, monkeypatch, slices
):
    monkeypatch.setattr(smoothing, "SLAB_VOXELS", slices * SHAPE[1] * SHAPE[2])
    surfaces, numbered = reconstruct_numbered(score, TWO, tmp_path / "labels")
    ids = numbered.read(0, SHAPE[0])
    np.testing.assert_array_equal(ids > 0, wanted(score))
    again = object_labels(score, TWO, tmp_path / "again").read(0, SHAPE[0])
    np.testing.assert_array_equal(again, ids)
    # Their surfaces are those of the lower threshold alone.
    low = reconstruct(score, replace(TWO, threshold=0.21, low=None))
    bodies = {row.bounds: (row.volume, row.area, row.mean_score) for row in low.objects}
    for row in surfaces.objects:
        assert row.voxels == np.count_nonzero(ids == row.id)
        assert bodies[row.bounds] == pytest.approx((row.volume, row.area, row.mean_score))
    assert 0 < len(surfaces.objects) < len(low.objects)
    assert surfaces.report.objects_found == len(surfaces.objects)


def test_what_encloses_a_lumen_is_no_more_certain_for_it():
    distance = ball(SHAPE, 9) * 4
    shell = np.where(np.abs(distance) < 1.5, 0.3, -1).astype(np.float32)
    source = Score(Volume.from_array(Score.encode(shell)))
    params = replace(TWO, fill_lumens=True)
    with pytest.raises(EmptySurfaceError):
        reconstruct(source, params)
    shell[13, 24, np.flatnonzero(shell[13, 24] > 0)[0]] = 0.9
    source = Score(Volume.from_array(Score.encode(shell)))
    (row,) = reconstruct(source, params).objects
    assert row.voxels == np.count_nonzero(distance > -1.5)


def test_a_bundle_tells_what_its_mask_is(score, tmp_path):
    surfaces, numbered = reconstruct_numbered(score, TWO, tmp_path / "labels")
    content = BundleContent.of(score.volume, score, TWO, numbered, surfaces)
    np.testing.assert_array_equal(content.mask.read(0, SHAPE[0]), wanted(score))
    assert content.segmentation == "score above 0.5, with what is connected to it above 0.21"


def test_error_bars_move_both():
    source = Score(Volume.from_array(Score.encode(ball(SHAPE, 9))))
    one = replace(TWO, threshold=0.21, low=None)
    (two_bars,), (one_bars,) = (
        with_error_bars(reconstruct(source, params), source, params, NoProgress())[0]
        for params in (TWO, one)
    )
    assert two_bars.area_error == one_bars.area_error > 0


def test_a_slice_alone_and_the_coarse_view_have_it_too(score):
    codes = score.volume.read(13, 14)
    values = Score.decode(codes)
    found = measure_slice(Score(Volume.from_array(codes)), TWO)
    inside = apply_hysteresis_threshold(values, 0.21, 0.5)
    assert sum(one.pixels for one in found.objects) == inside.sum() < (values > 0.21).sum()

    codes = score.volume.read(0, SHAPE[0])
    codes[(Score.decode(codes) > 0.21) & ~wanted(score)] = 0
    alone = coarse_score(Score(Volume.from_array(codes)))
    assert coarse_view(coarse_score(score), 0.5, 0.21) == coarse_view(alone, 0.21)


def test_a_mask_has_no_second_threshold_and_it_is_not_above_the_first():
    mask = Mask(Volume.from_array((ball(SHAPE, 8) > 0).astype(np.uint8)))
    one = replace(TWO, low=None)
    assert reconstruct(mask, TWO).objects == reconstruct(mask, one).objects
    with pytest.raises(InvalidParameterError, match="low"):
        ReconstructParams(threshold=0.2, low=0.3)
