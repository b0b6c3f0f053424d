import json

import numpy as np
import pytest

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.surface.coarse import coarse_score, coarse_view
from deepsxt_core.volume import Score, Volume, VoxelSize
from tests.results import ball

SHAPE = (24, 40, 36)


def decoded(view: bytes):
    """Return head, points and triangles, as the browser reads them."""
    length = int.from_bytes(view[:4], "little")
    head = json.loads(view[4 : 4 + length])
    points = np.frombuffer(view, "<f4", 3 * head["points"], 4 + length).reshape(-1, 3)
    faces = np.frombuffer(view, "<u4", 3 * head["faces"], 4 + length + points.nbytes)
    return head, points, faces.reshape(-1, 3)


def enclosed(points, faces) -> float:
    a, b, c = (points[faces[:, corner]].astype(float) for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


@pytest.fixture
def score() -> Score:
    """A ball beside the middle, in voxels of 30 × 20 × 20 nm, from slice 3 on."""
    volume = Volume.from_array(Score.encode(ball(SHAPE, 9)), VoxelSize(30, 20, 20))
    return Score(volume, first_slice=3)


def test_without_binning_it_is_the_surface_itself(score):
    coarse = coarse_score(score)
    assert coarse.bins == (1, 1, 1)
    head, points, faces = decoded(coarse_view(coarse, 0.1))
    params = ReconstructParams(threshold=0.1, smoothing_voxels=0, taubin_iterations=0)
    (row,) = reconstruct(score, params).objects
    assert head["unit"] == "µm"
    assert enclosed(points, faces) == pytest.approx(row.volume, rel=0.03)  # faces look outwards
    assert head["objects"]["bounds"][0] == pytest.approx(row.bounds, abs=0.02)


def test_a_binned_one_lies_at_the_same_place_and_within_the_bound(score):
    coarse = coarse_score(score, most_voxels=2000)
    assert coarse.codes[1:-1, 1:-1, 1:-1].size <= 2000
    (row,) = reconstruct(score, ReconstructParams(threshold=0.0)).objects
    head, points, faces = decoded(coarse_view(coarse, 0.0))
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    assert middle == pytest.approx(row.centroid, abs=0.06)
    # The highest of a bin counts: nothing vanishes.
    assert enclosed(points, faces) >= row.volume
    assert max(head["bins"]) == 3


def test_what_is_at_the_border_is_closed_and_a_single_slice_is_something():
    codes = Score.encode(np.ones((1, 8, 9), np.float32))
    _, points, faces = decoded(coarse_view(coarse_score(Score(Volume.from_array(codes))), 0.5))
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert enclosed(points, faces) > 0


def test_slabs_make_no_difference(score, monkeypatch):
    whole = coarse_score(score, most_voxels=2000).codes
    monkeypatch.setattr("deepsxt_core.surface.coarse._SLAB_VOXELS", 1)
    np.testing.assert_array_equal(coarse_score(score, most_voxels=2000).codes, whole)


def test_nothing_above_the_threshold_is_told():
    with pytest.raises(EmptySurfaceError, match="Lower the threshold"):
        coarse_view(coarse_score(Score(Volume.from_array(np.zeros((3, 4, 5), np.uint8)))), 0.0)
