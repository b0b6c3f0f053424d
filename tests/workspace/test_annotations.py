from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.annotation import Delete, SourceParams
from deepsxt_core.errors import AnnotationError, LeaseError
from deepsxt_core.geometry import Region
from deepsxt_core.io import write_tiff
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace import Tomogram, Workspace
from deepsxt_core.workspace.annotations import (
    add_annotation,
    annotation,
    annotations,
    remove_annotation,
    rename_annotation,
)
from tests.results import add_score, ball

SHAPE = (12, 24, 20)


@pytest.fixture
def tomogram(tmp_path: Path) -> Tomogram:
    path = tmp_path / "cell.tif"
    write_tiff(Volume.from_array(np.zeros(SHAPE, np.uint8), VoxelSize(10, 10, 10)), path)
    return Workspace().add_file(path)


def test_those_kept_are_listed_renamed_and_removed(tomogram) -> None:
    assert annotations(tomogram) == []
    first = add_annotation(tomogram, "empty \x00one")
    second = add_annotation(tomogram, "second")
    assert [kept.name for kept in annotations(tomogram)] == ["second", "empty one"]
    assert rename_annotation(first, "mitochondria").name == "mitochondria"
    assert annotation(tomogram, first.id).name == "mitochondria"
    remove_annotation(second)
    assert [kept.id for kept in annotations(tomogram)] == [first.id]
    for unknown in (second.id, "../" + first.id):
        with pytest.raises(AnnotationError, match="has no annotation"):
            annotation(tomogram, unknown)


def test_one_of_a_score_knows_it_and_lies_in_the_whole_tomogram(tomogram) -> None:
    score = add_score(tomogram, ball((8, 24, 20), 3), first_slice=4)
    kept = add_annotation(tomogram, "ball", score=score.id, params=SourceParams(threshold=0.2))
    with kept.open() as opened:
        assert opened.shape == SHAPE
        assert np.flatnonzero(opened.labels.read(0, 12).any(axis=(1, 2)))[0] > 4
        assert opened.apply(Delete(objects=(1,))).voxels
    assert annotation(tomogram, kept.id) == kept


def test_one_of_a_binned_score_has_its_voxels(tomogram) -> None:
    region = Region(y=(4, 24), bin=2)
    score = add_score(tomogram, ball((6, 10, 10), 2), region=region)
    kept = add_annotation(tomogram, "binned", score=score.id)
    assert kept.region == region
    with kept.open() as opened:
        assert opened.shape == (6, 10, 10)
        assert opened.geometry == tomogram.volume(region).geometry


def test_one_can_begin_with_a_label_file(tomogram, tmp_path) -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:6, 3:6, 3:6], labels[8:, 10:, 10:] = 3, 7
    path = tmp_path / "cell.labels.tif"
    write_tiff(Volume.from_array(labels), path)
    with add_annotation(tomogram, "labels", labels=path).open() as opened:
        assert len(opened.objects) == 2


def test_the_version_follows_the_edits_in_force(tomogram) -> None:
    kept = add_annotation(tomogram, "edited", score=add_score(tomogram, ball(SHAPE, 3)).id)
    made = kept.version()
    with kept.open() as opened:
        opened.apply(Delete(objects=(1,)))
        deleted = kept.version()
        assert deleted.digest != made.digest and deleted.entries == made.entries + 1
        opened.undo()
        assert kept.version().digest == made.digest
        opened.redo()
        assert kept.version().digest == deleted.digest


def test_one_that_is_edited_is_not_removed(tomogram) -> None:
    kept = add_annotation(tomogram, "in use", score=add_score(tomogram, ball(SHAPE, 3)).id)
    with kept.open(owner="Rosa") as opened:
        opened.apply(Delete(objects=(1,)))
        with pytest.raises(LeaseError, match="Rosa"):
            remove_annotation(kept)
    remove_annotation(kept)
    assert list(kept.folder.parent.iterdir()) == []
