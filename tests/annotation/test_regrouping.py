"""Operations on whole objects and their shape, each against a plain statement of it."""

import numpy as np
import pytest
from scipy import ndimage

from deepsxt_core.annotation import (
    NOT_JUDGED,
    Delete,
    EditClass,
    EditObjects,
    Grow,
    Limits,
    Merge,
    MergeResult,
    RemoveClass,
    Shrink,
    Smooth,
    Split,
)
from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import write_tiff
from deepsxt_core.volume import Volume
from tests.annotation.conftest import SHAPE, bodies, read_all

EDGES = np.array([2.0, 1.0, 1.0])


def test_a_deleted_object_leaves_nothing(annotate):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1, 3]))
    np.testing.assert_array_equal(read_all(annotation), np.where(bodies() == 2, 2, 0))
    assert list(annotation.objects) == [2]


def test_merged_objects_have_the_first_id(annotate):
    annotation = annotate(bodies())
    annotation.apply(EditObjects(objects=[3], name="Nucleus"))
    annotation.apply(Merge(objects=[3, 1]))
    np.testing.assert_array_equal(read_all(annotation), np.where(bodies() == 1, 3, bodies()))
    assert list(annotation.objects) == [2, 3]
    assert annotation.objects[3].name == "Nucleus"


@pytest.mark.parametrize("operation", [Delete(objects=[1, 9]), Merge(objects=[9, 1])])
def test_unknown_objects_are_refused_and_nothing_happens(annotate, operation):
    annotation = annotate(bodies())
    with pytest.raises(InvalidParameterError, match="no object 9"):
        annotation.apply(operation)
    np.testing.assert_array_equal(read_all(annotation), bodies())
    assert annotation.can_undo == 0


@pytest.mark.parametrize(
    "operation",
    [
        Delete(objects=[1, 2]),
        Merge(objects=[1, 2]),
        Merge(objects=[2, 1]),
        Grow(object=2, radius=2),
        Shrink(object=2, radius=2),
        Smooth(object=2, radius=2),
        Split(object=2, seeds=[(30, 40, 70), (30, 40, 76)]),
    ],
)
def test_locked_objects_are_not_reshaped(annotate, operation):
    annotation = annotate(bodies())
    annotation.apply(EditObjects(objects=[2], locked=True))
    with pytest.raises(InvalidParameterError, match="locked"):
        annotation.apply(operation)
    annotation.apply(EditObjects(objects=[2], locked=False))
    assert annotation.apply(operation).voxels


@pytest.mark.parametrize("number", [1, 3])
def test_growing_adds_all_within_the_radius(annotate, number):
    annotation = annotate(bodies())
    annotation.apply(Grow(object=number, radius=45, unit="nm"))
    distance = ndimage.distance_transform_edt(bodies() != number, EDGES)
    expected = np.where((distance <= 4.5) & (bodies() == 0), number, bodies())
    np.testing.assert_array_equal(read_all(annotation), expected)


@pytest.mark.parametrize("number", [1, 3])
def test_shrinking_takes_all_within_the_radius_of_what_is_outside(annotate, number):
    annotation = annotate(bodies())
    annotation.apply(Shrink(object=number, radius=3))
    distance = ndimage.distance_transform_edt(bodies() == number, EDGES)
    expected = np.where((bodies() == number) & (distance <= 3), 0, bodies())
    np.testing.assert_array_equal(read_all(annotation), expected)


@pytest.mark.parametrize("number", [1, 3])
def test_smoothing_takes_the_majority_around_each_voxel(annotate, number):
    annotation = annotate(bodies())
    annotation.apply(Smooth(object=number, radius=2.5))
    inside = (bodies() == number).astype(np.float32)
    share = ndimage.gaussian_filter(inside, 2.5 / EDGES, mode="nearest")
    expected = bodies()
    expected[(expected == number) & (share <= 0.5)] = 0
    expected[(expected == 0) & (share > 0.5)] = number
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_too_large_a_radius_is_refused(annotate):
    annotation = annotate(bodies())
    with pytest.raises(InvalidParameterError, match="at most 32"):
        annotation.apply(Grow(object=1, radius=33))


@pytest.mark.parametrize(("most", "tolerance"), [(1 << 21, 1), (3000, 5)])
def test_two_balls_are_split_where_they_touch(annotate, monkeypatch, most, tolerance):
    monkeypatch.setattr("deepsxt_core.annotation.reshaping.MOST_SPLIT_VOXELS", most)
    labels = np.where(bodies() == 2, 1, bodies())
    annotation = annotate(labels)
    annotation.apply(EditObjects(objects=[1], class_name="membrane"))
    annotation.apply(Split(object=1, seeds=[(30, 40, 52), (29, 41, 73)]))
    parted = read_all(annotation)
    np.testing.assert_array_equal(np.isin(parted, [1, 4]), labels == 1)
    np.testing.assert_array_equal(parted == 3, labels == 3)
    assert parted[30, 40, 52] == 1
    assert parted[29, 41, 73] == 4
    # The balls touch at x = 63.4: 14 from 50, 11 from 72.
    x = np.indices(SHAPE)[2]
    assert x[parted == 1].max() <= 63.4 + tolerance
    assert x[parted == 4].min() >= 62.4 - tolerance
    assert annotation.objects[4].class_name == "membrane"
    assert annotation.objects[4].origin == "split from object 1"


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([(30, 40, 50), (30, 40, 50)], "too near"),
        ([(30, 40, 50), (0, 0, 0)], "not one of object 1"),
        ([(30, 40, 50), (70, 0, 0)], "outside"),
    ],
)
def test_a_split_needs_two_voxels_of_the_object(annotate, seeds, message):
    annotation = annotate(bodies())
    with pytest.raises(InvalidParameterError, match=message):
        annotation.apply(Split(object=1, seeds=seeds))
    np.testing.assert_array_equal(read_all(annotation), bodies())
    assert list(annotation.objects) == [1, 2, 3]


def test_another_result_fills_what_is_empty(annotate, tmp_path, monkeypatch):
    monkeypatch.setattr("deepsxt_core.annotation.numbering._SLAB_VOXELS", 3 * 80 * 90)
    other = np.zeros(SHAPE, np.uint16)
    other[20:40, 30:50, 30:40] = 7  # Partly on object 1.
    other[30:32, 38:42, 48:52] = 8  # Wholly inside it.
    other[0:5, 0:5, 0:5] = 9
    write_tiff(Volume.from_array(other), tmp_path / "other.tif")
    annotation = annotate(bodies())
    source = str(tmp_path / "other.tif")
    annotation.apply(MergeResult(source=source, min_voxels=30, class_name="membrane"))
    expected = bodies()
    expected[(other == 7) & (expected == 0)] = 4
    expected[(other == 9) & (expected == 0)] = 6
    np.testing.assert_array_equal(read_all(annotation), expected)
    assert list(annotation.objects) == [1, 2, 3, 4, 6]
    assert annotation.objects[4].class_name == "membrane"
    assert annotation.objects[4].name == "Label 7"
    assert annotation.objects[4].origin == "other.tif"


def test_connected_parts_of_another_result_may_overwrite(annotate, tmp_path):
    other = np.zeros(SHAPE, np.uint8)
    other[20:40, 30:50, 30:40] = 1
    other[0:5, 0:5, 0:5] = 1
    other[9, 9, 9] = 1
    write_tiff(Volume.from_array(other), tmp_path / "other.tif")
    annotation = annotate(bodies())
    operation = MergeResult(
        source=str(tmp_path / "other.tif"), separate=True, min_voxels=2, limits=Limits()
    )
    annotation.apply(operation)
    expected = bodies()
    expected[20:40, 30:50, 30:40] = 4
    expected[0:5, 0:5, 0:5] = 5
    np.testing.assert_array_equal(read_all(annotation), expected)


def test_rows_change_and_come_back(annotate):
    annotation = annotate(bodies())
    before = dict(annotation.objects)
    edit = EditObjects(objects=[1, 2], name="Mito", colour="#AA0011", state="reviewed", locked=True)
    assert annotation.apply(edit).objects == (1, 2)
    assert annotation.objects[1].colour == "#aa0011"
    assert annotation.objects[2].state == "reviewed"
    assert annotation.objects[3] == before[3]
    assert annotation.apply(edit).entry is None
    annotation.undo()
    assert dict(annotation.objects) == before


def test_classes_are_the_users(annotate):
    annotation = annotate(bodies())
    with pytest.raises(InvalidParameterError, match="no class 'nucleus'"):
        annotation.apply(EditObjects(objects=[1], class_name="nucleus"))
    annotation.apply(EditClass(name="nucleus", colour="#112233"))
    annotation.apply(EditObjects(objects=[1], class_name="nucleus"))
    annotation.apply(EditClass(name="nucleus", rename="Zellkern"))
    assert annotation.objects[1].class_name == "Zellkern"
    assert annotation.objects.classes["Zellkern"] == "#112233"
    assert "nucleus" not in annotation.objects.classes
    annotation.apply(RemoveClass(name="Zellkern"))
    assert annotation.objects[1].class_name == NOT_JUDGED
    annotation.undo()
    annotation.undo()
    assert annotation.objects[1].class_name == "nucleus"
    assert "Zellkern" not in annotation.objects.classes


@pytest.mark.parametrize(
    "operation",
    [
        RemoveClass(name=NOT_JUDGED),
        EditClass(name=NOT_JUDGED, rename="other"),
        EditClass(name="membrane", rename=NOT_JUDGED),
        RemoveClass(name="none"),
    ],
)
def test_not_judged_stays_and_names_are_unique(annotate, operation):
    with pytest.raises(InvalidParameterError):
        annotate(bodies()).apply(operation)
