import io

import pytest

from deepsxt_core.errors import TrainingDataError
from deepsxt_core.training.kept_sets import add_files, list_sets, remove_set
from deepsxt_core.training.pairing import find_pairs


def test_files_are_kept_under_safe_names_and_can_be_added_to():
    kept = add_files("../my cells", [("a.tif", io.BytesIO(b"1")), ("../b.tif", io.BytesIO(b"2"))])
    add_files("my cells", [("a.labels.tif", io.BytesIO(b"3")), ("a.tif", io.BytesIO(b"4"))])

    (found,) = list_sets()
    assert found == kept
    assert found.files() == ["a.labels.tif", "a.tif", "b.tif"]
    assert (found.folder / "a.tif").read_bytes() == b"4"
    assert [(i.name, lab and lab.name) for i, lab in find_pairs(found.folder)] == [
        ("a.tif", "a.labels.tif"),
        ("b.tif", None),
    ]


def test_one_is_removed_and_others_stay():
    add_files("one", [("a.tif", io.BytesIO(b"1"))])
    add_files("two", [("a.tif", io.BytesIO(b"1"))])

    remove_set("one")

    assert [kept.name for kept in list_sets()] == ["two"]
    with pytest.raises(TrainingDataError, match="no data set 'one'"):
        remove_set("one")


def test_a_name_is_needed():
    with pytest.raises(TrainingDataError, match="needs a name"):
        add_files("  ", [])
