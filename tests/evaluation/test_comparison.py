import json

import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams, PixelCounts, comparison
from deepsxt_core.evaluation.comparison import compare
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize

SIZE = VoxelSize(40, 10, 10)
UNKNOWN = 128


def mask_of(array, size=SIZE):
    return Mask(Volume.from_array(array, size))


@pytest.fixture
def wall():
    """A plane at y = 12, three voxels thick."""
    array = np.zeros((5, 30, 20), np.uint8)
    array[:, 12:15] = 1
    return array


@pytest.fixture
def score():
    rng = np.random.default_rng(0)
    return Score(Volume.from_array(rng.integers(0, 256, (7, 16, 18)).astype(np.uint8), SIZE))


@pytest.fixture
def truth():
    return np.random.default_rng(1).random((7, 16, 18)) > 0.7


def test_a_shifted_wall_in_pixels_and_in_nanometres(wall):
    report = compare(mask_of(np.roll(wall, 2, axis=1)), mask_of(wall)).report()

    assert report["f1"] == pytest.approx(1 / 3)
    assert report["tolerant_f1"] == 1
    assert (report["tolerance_px"], report["tolerance_nm"]) == (3, 30)
    assert report["surface_distances"] == {
        "unit": "nm",
        "mean": pytest.approx(10),  # one face lies on the other wall, the other 20 nm off
        "hausdorff": pytest.approx(20),
        "hausdorff_95": pytest.approx(20),
    }
    assert report["precision_recall"] is None
    assert report["threshold"] is None


@pytest.mark.parametrize(("tolerance_nm", "agrees"), [(20, True), (19.9, False)])
def test_a_tolerance_in_nanometres(wall, tolerance_nm, agrees):
    thin = np.zeros_like(wall)
    thin[:, 12] = 1
    params = EvaluateParams(tolerance_nm=tolerance_nm)

    report = compare(mask_of(np.roll(thin, 2, axis=1)), mask_of(thin), params).report()

    assert report["tolerant_f1"] == agrees
    assert report["tolerance_px"] == pytest.approx(tolerance_nm / 10)


def test_without_voxel_size_lengths_are_in_voxels(wall):
    shifted = mask_of(np.roll(wall, 4, axis=1), None)

    report = compare(shifted, mask_of(wall, None)).report()

    assert report["surface_distances"]["unit"] == "voxel"
    assert report["surface_distances"]["hausdorff"] == 4
    assert report["tolerance_nm"] is None
    with pytest.raises(InvalidParameterError, match="voxel size"):
        compare(shifted, mask_of(wall, None), EvaluateParams(tolerance_nm=30))


def test_the_same_mask_is_perfect(wall):
    report = compare(mask_of(wall), mask_of(wall)).report()

    assert report["f1"] == report["iou"] == report["tolerant_f1"] == 1
    assert report["surface_distances"]["hausdorff"] == 0


def test_where_one_side_is_empty_there_is_no_distance(wall):
    report = compare(mask_of(np.zeros_like(wall)), mask_of(wall)).report()

    assert report["surface_distances"] is None
    assert report["recall"] == 0


@pytest.mark.parametrize("slab_voxels", [1, 16 * 18 * 3, 10**9])
def test_the_slab_makes_no_difference(score, truth, monkeypatch, slab_voxels):
    whole = compare(score, mask_of(truth)).report()
    monkeypatch.setattr(comparison, "_SLAB_VOXELS", slab_voxels)

    assert compare(score, mask_of(truth)).report() == whole


def test_the_threshold_counts(score, truth):
    found = compare(score, mask_of(truth), EvaluateParams(threshold=0.3))

    assert found.pixels == PixelCounts.of(score.read_mask(0, 7, 0.3), truth)
    curve = found.report()["precision_recall"]
    assert len(curve["precision"]) == len(curve["recall"]) == len(curve["thresholds"]) == 255
    assert curve["best_f1"] >= found.pixels.scores().f1


def test_slices_are_counted_one_by_one(score, truth):
    labels = truth.astype(np.uint8)
    labels[:, 5:9] = UNKNOWN
    found = compare(score, mask_of(labels), EvaluateParams(threshold=0.3, ignore_label=UNKNOWN))

    marked, known = score.read_mask(0, 7, 0.3), labels != UNKNOWN
    assert found.slices == tuple(
        PixelCounts.of(marked[z][known[z]], truth[z][known[z]]) for z in range(7)
    )
    assert sum(found.slices, PixelCounts()) == found.pixels


def test_what_is_ignored_may_be_anything(score, truth):
    labels = truth.astype(np.uint8)
    labels[:, 5:9] = UNKNOWN
    params = EvaluateParams(ignore_label=UNKNOWN)
    before = compare(score, mask_of(labels), params)

    codes = score.volume.read(0, 7)
    codes[:, 5:9] = 255 - codes[:, 5:9]
    after = compare(Score(Volume.from_array(codes, SIZE)), mask_of(labels), params)

    assert after.report() == before.report()
    assert before.ignored == 7 * 4 * 18
    known = labels != UNKNOWN
    assert before.pixels == PixelCounts.of(score.read_mask(0, 7, 0)[known], truth[known])


def test_a_label_file_counts_as_a_mask(wall):
    labels = wall * np.arange(5, dtype=np.uint8)[:, np.newaxis, np.newaxis]

    assert compare(mask_of(labels), mask_of(labels != 0)).pixels.scores().f1 == 1


def test_the_report_is_json(score, truth):
    report = compare(score, mask_of(truth)).report()

    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 1}, {"tolerance_px": -1}, {"tolerance_nm": float("nan")}, {"ignore_label": 0}],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        EvaluateParams(**wrong)
