"""Annotations as labels to train on."""

import numpy as np
import pytest

from deepsxt_core.annotation import (
    EditClass,
    EditObjects,
    Erase,
    Judge,
    PlanReview,
    RunStroke,
    SourceParams,
    create_annotation,
    open_annotation,
)
from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.label_values import IGNORED
from deepsxt_core.training.pairing import files_fingerprint, find_pairs
from deepsxt_core.training.reading import DataParams
from deepsxt_core.volume import Volume
from tests.training.conftest import draw

SHAPE = (4, 96, 128)


@pytest.fixture
def annotated(folder):
    """A tomogram whose annotation has its membranes as 1, and, in slice 2, a square as 2."""
    image, label = draw(0, SHAPE)
    folder.add("cell", image)
    labels = label.astype(np.uint8)
    labels[2, 10:30, 10:30] = 2
    path = folder.path / "cell.annotation"
    create_annotation(path, folder.path / "cell.tif", Volume.from_array(labels))
    return path, labels


def read(folder, params=None):
    (source,) = open_training_set(folder.path, params).sources
    return np.stack([source.read_labels(z) for z in range(SHAPE[0])])


@pytest.mark.usefixtures("annotated")
def test_it_is_found_beside_its_image(folder):
    folder.add_drawn("other")
    (folder.path / "empty.annotation").mkdir()
    found = find_pairs(folder.path)
    assert [(image.name, labels and labels.name) for image, labels in found] == [
        ("cell.tif", "cell.annotation"),
        ("other.tif", "other.labels.tif"),
    ]


@pytest.mark.parametrize("ignore_label", [None, 1])
def test_what_is_not_judged_is_ignored(folder, annotated, ignore_label):
    path, labels = annotated
    with open_annotation(path) as annotation:
        annotation.apply(EditObjects(objects=[2], class_name="not judged"))
    expected = np.where(labels == 2, IGNORED, labels == 1)
    np.testing.assert_array_equal(read(folder, DataParams(ignore_label=ignore_label)), expected)


def test_membranes_are_learnt_and_other_classes_are_background(folder, annotated):
    path, labels = annotated
    with open_annotation(path) as annotation:
        annotation.apply(EditClass(name="nucleus"))
        annotation.apply(EditObjects(objects=[2], class_name="nucleus"))
    np.testing.assert_array_equal(read(folder), labels == 1)


def test_without_membranes_every_class_is_learnt(folder, annotated):
    path, labels = annotated
    with open_annotation(path) as annotation:
        annotation.apply(EditClass(name="wall", rename=None, colour="#101010"))
        annotation.apply(EditObjects(objects=[1, 2], class_name="wall"))
    np.testing.assert_array_equal(read(folder), labels > 0)


@pytest.mark.parametrize("class_name", [None, "membrane"])
def test_of_a_review_only_its_tiles_are_learnt(folder, annotated, class_name):
    path, labels = annotated
    with open_annotation(path) as annotation:
        annotation.apply(EditObjects(objects=[2], class_name="not judged"))
        annotation.apply(PlanReview(class_name=class_name, tile_px=64))
        annotation.apply(Judge(units=[0, 9], verdict="right", queue="random"))
        annotation.apply(Judge(units=[5], verdict="doubtful", queue="random"))
    # Two tiles of 48 rows and two of 64 columns in each slice.
    expected = np.full(SHAPE, IGNORED, np.uint8)
    wanted = labels > 0 if class_name is None else labels == 1
    for place in (np.s_[0, :48, :64], np.s_[2, :48, 64:]):
        expected[place] = wanted[place]
    np.testing.assert_array_equal(read(folder), expected)


def test_an_edit_changes_the_fingerprints(folder, annotated):
    path, _ = annotated

    def prints():
        pairs = find_pairs(folder.path)
        return files_fingerprint(pairs), open_training_set(folder.path).fingerprint()

    before = prints()
    assert prints() == before
    with open_annotation(path) as annotation:
        stroke = RunStroke(plane="xy", runs=[[2, 12, 12, 3]])
        annotation.apply(Erase(stroke=stroke))
    after = prints()
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.usefixtures("annotated")
def test_a_label_file_besides_is_unclear(folder):
    image, label = draw(0, SHAPE)
    folder.add("cell", image, label)
    with pytest.raises(TrainingDataError, match="unclear"):
        find_pairs(folder.path)


def test_one_of_another_tomogram_or_damaged_is_named(folder, annotated):
    folder.add_drawn("short", shape=(3, *SHAPE[1:]), labelled=False)
    other = Volume.from_array(np.zeros((5, *SHAPE[1:]), np.float32))
    create_annotation(folder.path / "short.annotation", other, None, SourceParams())
    (annotated[0] / "objects.json").unlink()
    with pytest.raises(TrainingDataError, match=r"cell\.annotation.*'short\.annotation' has 5"):
        open_training_set(folder.path)


def test_a_link_in_it_is_refused_where_files_must_stay_in_place(folder, annotated, tmp_path):
    path, _ = annotated
    cubes = path / "labels.ome.zarr" / "0" / "c"
    cubes.rename(tmp_path / "elsewhere")
    cubes.symlink_to(tmp_path / "elsewhere")
    assert len(open_training_set(folder.path).sources) == 1
    with pytest.raises(TrainingDataError, match="holds a link"):
        open_training_set(folder.path, places=[folder.path.resolve()])
