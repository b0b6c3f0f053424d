"""Strokes, fills and slices, each against a plain statement of what it should do."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from deepsxt_core.annotation import (
    Brush,
    CopySlice,
    EditObjects,
    Erase,
    FillBox,
    FillSlice,
    Interpolate,
    Limits,
    Paint,
    Polygon,
    RunStroke,
)
from deepsxt_core.annotation.ink import _is_inside
from deepsxt_core.errors import InvalidParameterError
from tests.annotation.conftest import SHAPE, bodies, read_all

EDGES = np.array([2.0, 1.0, 1.0])  # Those of the fixture, the shortest being 1.
INDICES = np.moveaxis(np.indices(SHAPE), 0, -1)


def distance_to_path(points: np.ndarray) -> np.ndarray:
    """Return the distance in shortest edges of each voxel to straight lines between points."""
    voxels, path = INDICES * EDGES, np.array(points) * EDGES
    best = np.linalg.norm(voxels - path[0], axis=-1)
    for a, b in pairwise(path):
        share = np.clip(((voxels - a) @ (b - a)) / max((b - a) @ (b - a), 1e-12), 0, 1)
        best = np.minimum(best, np.linalg.norm(voxels - a - share[..., None] * (b - a), axis=-1))
    return best


def decoded(codes: np.ndarray) -> np.ndarray:
    score = np.full(SHAPE, np.nan)
    score[5:65] = codes * (2 / 255) - 1
    return score


@pytest.mark.parametrize(
    "points", [[(33, 40, 45)], [(60, 60, 62), (68, 70.5, 30), (40, 79, 89)], [(0, 0, 0)]]
)
def test_a_ball_is_round_in_space_along_its_path(annotate, points):
    annotation = annotate()
    applied = annotation.apply(Paint(object=4, stroke=Brush(points=points, radius=7.3)))
    expected = distance_to_path(points) <= 7.3
    np.testing.assert_array_equal(read_all(annotation), np.where(expected, 4, 0))
    assert applied.voxels == expected.sum()
    places = np.argwhere(expected)
    assert applied.box == (*places.min(axis=0), *(places.max(axis=0) + 1))
    assert set(applied.chunks) == {tuple(place) for place in np.unique(places // 64, axis=0)}
    assert applied.objects == (4,)


def test_a_radius_in_nm_is_that_of_as_many_voxels(annotate):
    annotation = annotate()
    annotation.apply(Paint(object=1, stroke=Brush(points=[(30, 40, 50)], radius=73, unit="nm")))
    expected = distance_to_path([(30, 40, 50)]) <= 7.3
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_a_radius_in_nm_needs_a_voxel_size(annotate):
    annotation = annotate(voxel_size_nm=None)
    with pytest.raises(InvalidParameterError, match="voxel size"):
        annotation.apply(Paint(object=1, stroke=Brush(points=[(3, 4, 5)], radius=73, unit="nm")))
    assert not read_all(annotation).any()


@pytest.mark.parametrize(("plane", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_a_disc_stays_in_its_slice(annotate, plane, axis):
    annotation = annotate()
    points = np.array([(30.0, 40, 50), (36, 44, 61)])
    points[:, axis] = 64
    brush = Brush(points=points.tolist(), radius=5.2, plane=plane)
    annotation.apply(Paint(object=1, stroke=brush))
    expected = (distance_to_path(points) <= 5.2) & (INDICES[..., axis] == 64)
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_the_thinnest_brush_draws_a_line_without_gaps(annotate):
    annotation = annotate()
    annotation.apply(Paint(object=1, stroke=Brush(points=[(10, 5, 5), (20, 70, 80)], radius=0)))
    drawn = read_all(annotation)
    assert ndimage.label(drawn, np.ones((3, 3, 3)))[1] == 1
    assert drawn[10, 5, 5] == drawn[20, 70, 80] == 1
    assert drawn.sum() < 160


def test_a_brush_outside_of_the_volume_changes_nothing(annotate):
    annotation = annotate()
    applied = annotation.apply(Paint(object=1, stroke=Brush(points=[(-50, -9, 300)], radius=4)))
    assert applied.entry is None
    assert 1 not in annotation.objects


@pytest.mark.parametrize("plane", ["xy", "xz", "yz"])
def test_runs_cover_what_they_name(annotate, plane):
    annotation = annotate()
    axis = ["xy", "xz", "yz"].index(plane)
    runs = [(3, 60, 2, 66), (66, 4, 70, 3), (66, 4, 69, 9)]
    annotation.apply(Paint(object=2, stroke=RunStroke(plane=plane, runs=runs)))
    expected = np.zeros(SHAPE, np.uint16)
    across = np.moveaxis(expected, axis, 0)
    for index, row, first, length in runs:
        across[index, row, first : first + length] = 2
    np.testing.assert_array_equal(read_all(annotation), expected)


@pytest.mark.parametrize("run", [(70, 0, 0, 1), (0, 80, 0, 1), (0, 0, 89, 2), (1 << 24, 0, 0, 1)])
def test_runs_that_leave_the_volume_are_refused(annotate, run):
    annotation = annotate()
    with pytest.raises(InvalidParameterError, match="leaves"):
        annotation.apply(Paint(object=2, stroke=RunStroke(plane="xy", runs=[run])))


@given(
    st.lists(
        st.tuples(st.floats(-3, 12).map(lambda v: v + 0.137), st.floats(-3, 15)),
        min_size=3,
        max_size=8,
    )
)
def test_a_lasso_holds_the_points_that_it_goes_around_an_odd_number_of_times(corners):
    outline = np.array(corners)
    inside = _is_inside(outline, 10, 12)
    for row in range(10):
        for column in range(12):
            odd = False
            for (r0, c0), (r1, c1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
                if (r0 < row) != (r1 < row):
                    odd ^= column < c0 + (row - r0) * (c1 - c0) / (r1 - r0)
            assert inside[row, column] == odd


@pytest.mark.parametrize(("plane", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_a_polygon_fills_its_slice(annotate, plane, axis):
    annotation = annotate(bodies())
    polygon = Polygon(plane=plane, index=31, corners=[(20.5, 30.5), (20.5, 66.5), (60.5, 66.5)])
    annotation.apply(Erase(stroke=polygon))
    rows, columns = (np.delete(INDICES, axis, axis=-1)[..., i] for i in range(2))
    inside = (rows > 20.5) & (columns < 66.5) & ((columns - 30.5) * 40 > (rows - 20.5) * 36)
    expected = np.where(inside & (INDICES[..., axis] == 31), 0, bodies())
    np.testing.assert_array_equal(read_all(annotation), expected)


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({"overwrite": "empty"}, lambda seen: seen["labels"] == 0),
        ({"overwrite": "only", "only": [2, 3]}, lambda seen: seen["labels"] >= 2),
        ({"grey": [10, 99.5]}, lambda seen: (seen["grey"] >= 10) & (seen["grey"] <= 99)),
        ({"score": [0.1, 1]}, lambda seen: seen["score"] >= 0.1),
        (
            {"score": [-1, 0.5], "grey": [0, 200], "overwrite": "empty"},
            lambda seen: (seen["score"] <= 0.5) & (seen["grey"] <= 200) & (seen["labels"] == 0),
        ),
    ],
)
def test_limits_keep_the_brush_out(annotate, grey, codes, limits, allowed):
    annotation = annotate(bodies())
    brush = Brush(points=[(5, 40, 60), (66, 40, 64)], radius=16)
    annotation.apply(Paint(object=9, stroke=brush, limits=Limits(**limits)))
    covered = distance_to_path(brush.points) <= 16
    open_to_change = allowed({"labels": bodies(), "grey": grey, "score": decoded(codes)})
    expected = np.where(covered & open_to_change, 9, bodies())
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_a_snapped_path_goes_to_the_highest_score_within_reach(annotate, codes):
    annotation = annotate()
    path = np.stack([np.full(7, 30), np.full(7, 40), np.arange(20, 27)], axis=1).astype(float)
    brush = Brush(points=path.tolist(), radius=0, plane="xy", snap=3)
    annotation.apply(Paint(object=1, stroke=brush))
    drawn = read_all(annotation)
    layer = codes[25].astype(int)
    y, x = np.indices(layer.shape)
    for _, row, column in path:
        near = (y - row) ** 2 + (x - column) ** 2 <= 9
        assert drawn[30][near & (layer == layer[near].max())].any()
    assert set(np.unique(np.nonzero(drawn)[0])) == {30}


def test_locked_objects_keep_their_voxels(annotate):
    annotation = annotate(bodies())
    annotation.apply(EditObjects(objects=[2], locked=True))
    brush = Brush(points=[(30, 40, 64)], radius=12)
    annotation.apply(Paint(object=9, stroke=brush))
    covered = distance_to_path(brush.points) <= 12
    expected = np.where(covered & (bodies() != 2), 9, bodies())
    np.testing.assert_array_equal(read_all(annotation), expected)
    with pytest.raises(InvalidParameterError, match="locked"):
        annotation.apply(Paint(object=2, stroke=brush))


def test_painting_over_locked_objects_alone_makes_no_object(annotate):
    annotation = annotate(bodies())
    annotation.apply(EditObjects(objects=[1], locked=True))
    applied = annotation.apply(Paint(object=9, stroke=Brush(points=[(30, 40, 50)], radius=3)))
    assert applied.entry is None
    assert 9 not in annotation.objects


@pytest.mark.parametrize(("plane", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_filling_a_slice_stops_at_other_labels(annotate, plane, axis):
    labels = np.zeros(SHAPE, np.uint16)
    shell = np.linalg.norm(INDICES - (35, 40, 45), axis=-1)
    labels[(shell > 20) & (shell < 23)] = 1
    annotation = annotate(labels)
    annotation.apply(FillSlice(object=2, seed=(36, 41, 46), plane=plane))
    at = INDICES[..., axis] == (36, 41, 46)[axis]
    patches, _ = ndimage.label(at & (labels == 0))
    expected = np.where(patches == patches[36, 41, 46], 2, labels)
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_filling_a_box_fills_what_joins_by_faces(annotate, grey):
    annotation = annotate(bodies())
    limits = Limits(grey=(0, 120))
    seed = tuple(np.argwhere((bodies() == 0) & (grey <= 120))[20_000])
    seed = tuple(int(i) for i in seed)
    first, end = (0, 10, 5), (60, 80, 80)
    annotation.apply(FillBox(object=8, seed=seed, first=first, end=end, limits=limits))
    box = np.zeros(SHAPE, bool)
    box[0:60, 10:80, 5:80] = True
    patches, _ = ndimage.label(box & (bodies() == 0) & (grey <= 120))
    expected = np.where(patches == patches[seed], 8, bodies())
    assert (expected == 8).sum() > 1000
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_filling_needs_a_seed_in_the_box_and_a_box_that_fits_into_memory(annotate, monkeypatch):
    annotation = annotate()
    with pytest.raises(InvalidParameterError, match="outside of the box"):
        annotation.apply(FillBox(object=1, seed=(9, 9, 9), first=(0, 0, 0), end=(9, 20, 20)))
    monkeypatch.setattr("deepsxt_core.annotation.painting.MOST_FILLED_VOXELS", 100)
    with pytest.raises(InvalidParameterError, match="smaller"):
        annotation.apply(FillBox(object=1, seed=(1, 1, 1), first=(0, 0, 0), end=(9, 9, 9)))


@pytest.mark.parametrize(("plane", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_a_slice_is_copied_into_the_next(annotate, plane, axis):
    annotation = annotate(bodies())
    annotation.apply(CopySlice(object=2, plane=plane, source=32, target=33))
    expected = np.moveaxis(bodies(), axis, 0)
    expected[33][(expected[32] == 2) & (expected[33] == 0)] = 2
    np.testing.assert_array_equal(np.moveaxis(read_all(annotation), axis, 0), expected)


def signed(inside: np.ndarray, sampling: np.ndarray) -> np.ndarray:
    edt = ndimage.distance_transform_edt
    return edt(inside, sampling) - edt(~inside, sampling)


@pytest.mark.parametrize(("plane", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_slices_between_drawn_ones_follow_the_signed_distance(annotate, plane, axis):
    labels = np.zeros(SHAPE, np.uint16)
    across = np.moveaxis(labels, axis, 0)
    across[8, 20:40, 30:50] = 6
    across[18, 30:55, 26:41] = 6
    across[20, 30:52, 28:40] = 6
    across[12, 25:40, 30:35] = 1
    before = labels.copy()
    annotation = annotate(before)
    annotation.apply(Interpolate(object=6, plane=plane, first=2, last=40))
    sampling = np.delete(EDGES, axis)
    for low, high in [(8, 18), (18, 20)]:
        below, above = (signed(across[i] == 6, sampling) for i in (low, high))
        for index in range(low + 1, high):
            share = (index - low) / (high - low)
            inside = (1 - share) * below + share * above > 0
            across[index][inside & (across[index] == 0)] = 6
    np.testing.assert_array_equal(read_all(annotation), labels)
    assert (across[13] == 6).sum() > 100


def test_a_preview_changes_nothing(annotate):
    annotation = annotate(bodies())
    operation = Paint(object=9, stroke=Brush(points=[(30, 40, 64)], radius=12))
    voxels = sum(runs.voxels for runs in annotation.preview(operation))
    np.testing.assert_array_equal(read_all(annotation), bodies())
    assert annotation.can_undo == 0
    assert voxels == annotation.apply(operation).voxels
