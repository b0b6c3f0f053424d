"""Surfaces, measurements and comparisons of what people have judged."""

import numpy as np
import pytest

import deepsxt_core
from deepsxt_core.annotation import (
    EditClass,
    EditObjects,
    Paint,
    RunStroke,
    is_annotation,
    judged,
    open_annotation,
)
from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.surfaces import Surfaces
from deepsxt_core.volume import Mask, Tag, Volume
from deepsxt_core.workflow import pipeline
from tests.annotation.conftest import EDGES_NM, SHAPE, bodies


@pytest.fixture
def annotation(annotate):
    """Three balls: 1 a nucleus, 2 not judged, 3 a membrane."""
    made = annotate(bodies())
    made.apply(EditClass(name="nucleus"))
    made.apply(EditObjects(objects=[1], class_name="nucleus", name="core", colour="#010203"))
    made.apply(EditObjects(objects=[2], class_name="not judged"))
    return made


def test_what_has_a_class_keeps_its_id(annotation):
    found, labels = judged(annotation), bodies()
    np.testing.assert_array_equal(found.volume.read(0, 70), np.where(labels == 2, 0, labels))
    np.testing.assert_array_equal(found.read_mask(20, 30), (labels == 1)[20:30])
    np.testing.assert_array_equal(found.not_judged(20, 70), (labels == 2)[20:70])
    assert found.tags[1] == Tag("core", "nucleus", "#010203", "machine-made", False)
    assert set(found.tags) == {1, 3}
    assert found.volume.geometry == annotation.geometry


def test_other_classes_than_the_wanted_are_nothing(annotation):
    found, labels = judged(annotation, ["membrane"]), bodies()
    np.testing.assert_array_equal(found.volume.read(0, 70), np.where(labels == 3, 3, 0))
    np.testing.assert_array_equal(found.not_judged(0, 70), labels == 2)


def test_its_surfaces_are_those_of_its_labels_with_names(annotation, tmp_path):
    labels = bodies()
    judged_alone = np.where(labels == 2, 0, labels)
    plain = pipeline.reconstruct(
        Mask(Volume.from_array(judged_alone, EDGES_NM)), ReconstructParams(each_label=True)
    )
    surfaces = deepsxt_core.reconstruct(annotation)
    np.testing.assert_array_equal(surfaces.mesh.points, plain.mesh.points)
    np.testing.assert_array_equal(surfaces.face_objects, plain.face_objects)
    assert [(row.id, row.class_name) for row in surfaces.objects] == [
        (1, "nucleus"),
        (3, "membrane"),
    ]
    colours = surfaces.point_colours
    assert set(map(tuple, colours[surfaces.point_objects == 1])) == {(1, 2, 3)}
    surfaces.save(tmp_path)
    assert Surfaces.load(tmp_path).objects == surfaces.objects
    measured = pipeline.measure(annotation)
    assert [each.name for each in measured.objects] == ["core", "Label 3"]
    assert "name" not in plain.summary()


def test_parts_of_an_object_are_called_as_it_is(annotate):
    """Two balls that overlap are one object, and parted at their neck."""
    whole = annotate((bodies() == 1).astype(np.uint16) | (bodies() == 2).astype(np.uint16))
    whole.apply(EditObjects(objects=[1], name="pair"))
    surfaces = pipeline.reconstruct(whole, ReconstructParams(split_voxels=2))
    assert [(row.id, row.name) for row in surfaces.objects] == [(1, "pair"), (2, "pair")]


def test_it_equals_itself_where_it_is_judged(annotation):
    report = pipeline.evaluate(annotation, annotation).report()
    labels = bodies()
    assert report["f1"] == 1
    assert report["voxels"]["true_positive"] == np.count_nonzero((labels == 1) | (labels == 3))
    assert report["voxels"]["ignored"] == np.count_nonzero(labels == 2)


def test_what_is_drawn_later_is_seen_and_named_by_a_new_look(annotation):
    stroke = RunStroke(plane="xy", runs=[[0, 0, 0, 5]])
    found = judged(annotation)
    annotation.apply(Paint(object=3, stroke=stroke))
    assert found.volume.read(0, 1)[0, 0, :6].tolist() == [3, 3, 3, 3, 3, 0]
    annotation.apply(EditObjects(objects=[3], name="later"))
    assert found.tags[3].name == "Label 3"
    assert judged(annotation).tags[3].name == "later"


def test_where_nothing_has_a_class_it_is_told(annotate):
    annotation = annotate(bodies())
    annotation.apply(EditObjects(objects=[1, 2, 3], class_name="not judged"))
    with pytest.raises(EmptySurfaceError, match="not judged"):
        pipeline.reconstruct(annotation)
    with pytest.raises(InvalidParameterError, match="annotation"):
        pipeline.reconstruct(annotation, ReconstructParams(close_gap_voxels=1))


def test_only_a_folder_with_description_and_journal_is_an_annotation(annotation, tmp_path):
    assert is_annotation(annotation.path)
    assert is_annotation(str(annotation.path))
    assert not is_annotation(tmp_path)
    assert not is_annotation(annotation.path / "journal")
    assert not is_annotation(tmp_path / "missing")
    (annotation.path / "journal").unlink()
    assert not is_annotation(annotation.path)


def test_watching_leaves_the_annotation_free(annotation):
    judged(open_annotation(annotation.path))
    assert open_annotation(annotation.path).shape == SHAPE
    assert annotation.is_editor
