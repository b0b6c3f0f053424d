"""Undo, redo, reopening, torn and damaged journals, replay."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deepsxt_core.annotation import (
    Brush,
    Delete,
    EditClass,
    EditObjects,
    Erase,
    Grow,
    Limits,
    Merge,
    Paint,
    RemoveClass,
    RunStroke,
    Shrink,
    Smooth,
    create_annotation,
    open_annotation,
    operation_to_json,
    replay,
)
from deepsxt_core.annotation.journal import MAGIC, Journal
from deepsxt_core.errors import AnnotationError, InvalidParameterError
from deepsxt_core.volume import Volume
from tests.annotation.conftest import SHAPE, bodies, read_all

SMALL = (9, 20, 70)

voxels = st.tuples(*(st.integers(0, n - 1) for n in SMALL))
ids = st.integers(1, 5)
brushes = st.builds(Brush, points=st.lists(voxels, min_size=1, max_size=3), radius=st.floats(0, 4))
strips = st.builds(
    lambda z, y, x, n: RunStroke(plane="xy", runs=[(z, y, x, min(n, SMALL[2] - x))]),
    *(st.integers(0, n - 1) for n in SMALL),
    st.integers(1, 70),
)
limits = st.builds(Limits, overwrite=st.sampled_from(["all", "empty"]))
operations = st.one_of(
    st.builds(Paint, object=ids, stroke=brushes | strips, limits=limits),
    st.builds(Erase, stroke=brushes | strips),
    st.builds(Delete, objects=st.lists(ids, min_size=1, max_size=2, unique=True)),
    st.builds(Merge, objects=st.lists(ids, min_size=2, max_size=3, unique=True)),
    st.builds(Grow, object=ids, radius=st.floats(0, 3)),
    st.builds(Shrink, object=ids, radius=st.floats(0, 2)),
    st.builds(Smooth, object=ids, radius=st.floats(0.5, 2)),
    st.builds(
        EditObjects,
        objects=st.lists(ids, min_size=1, max_size=2, unique=True),
        name=st.sampled_from(["a", "b"]),
        locked=st.booleans(),
        class_name=st.sampled_from(["membrane", "new"]),
    ),
    st.builds(EditClass, name=st.sampled_from(["new", "newer"]), colour=st.just("#123456")),
    st.just(RemoveClass(name="new")),
)


@contextmanager
def small_annotation() -> Iterator[Path]:
    labels = np.zeros(SMALL, np.uint16)
    labels[2:7, 3:12, 50:68] = 1
    labels[1:4, 10:20, 5:30] = 2
    with TemporaryDirectory() as folder:
        path = Path(folder) / "annotation"
        create_annotation(path, Volume.from_array(labels), Volume.from_array(labels))
        yield path


def state(annotation):
    return read_all(annotation).tobytes(), annotation.objects.to_json()


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # An example takes a second: a failing one is shown as it was found.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.lists(operations, max_size=12), st.data())
def test_undoing_all_is_as_nothing_was_done_and_redoing_all_as_it_was(wanted, data):
    with small_annotation() as path:
        annotation = open_annotation(path)
        states = [state(annotation)]
        for operation in wanted:
            try:
                applied = annotation.apply(operation)
            except InvalidParameterError:
                continue
            if applied.entry is not None:
                states.append(state(annotation))
        assert annotation.can_undo == len(states) - 1
        for expected in states[-2::-1]:
            annotation.undo()
            if data.draw(st.booleans()):
                annotation.close()
                annotation = open_annotation(path)
            assert state(annotation) == expected
        for expected in states[1:]:
            annotation.redo()
            assert state(annotation) == expected
        for _ in range(data.draw(st.integers(0, len(states) - 1))):
            annotation.undo()
        end = state(annotation)
        annotation.close()
        labels = Volume.from_array(np.frombuffer(states[0][0], np.uint16).reshape(SMALL))
        replay(path, path.with_name("again"), labels)
        assert state(open_annotation(path.with_name("again"))) == end


@pytest.mark.slow
def test_200_undos_and_redos_over_restarts(annotate):
    annotation = annotate(bodies())
    path, rng = annotation.path, np.random.default_rng(3)
    states = [read_all(annotation)]
    for number in range(200):
        point = rng.integers(0, SHAPE).tolist()
        plane = ["xy", "xz", "yz", None][number % 4]
        radius = float(rng.uniform(1, 6))
        stroke = Brush(points=[point], radius=radius, plane=plane)
        annotation.apply(Paint(object=10 + number, stroke=stroke))
        states.append(read_all(annotation))
    for number in range(200, 0, -1):
        if number % 50 == 0:
            annotation.close()
            annotation = open_annotation(path)
        annotation.undo()
        if number % 10 == 1:
            np.testing.assert_array_equal(read_all(annotation), states[number - 1])
    assert list(annotation.objects) == [1, 2, 3]
    for number in range(1, 201):
        if number % 50 == 0:
            annotation.close()
            annotation = open_annotation(path)
        annotation.redo()
        if number % 10 == 0:
            np.testing.assert_array_equal(read_all(annotation), states[number])
    np.testing.assert_array_equal(read_all(annotation), states[-1])
    with pytest.raises(InvalidParameterError, match="again"):
        annotation.redo()


def test_after_a_new_operation_nothing_can_be_done_again(annotate):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1]))
    annotation.undo()
    annotation.apply(Delete(objects=[2]))
    assert (annotation.can_undo, annotation.can_redo) == (1, 0)
    annotation.undo()
    with pytest.raises(InvalidParameterError, match="nothing to undo"):
        annotation.undo()


@pytest.mark.slow
def test_a_journal_that_ends_anywhere_in_its_last_entry_is_that_without_it(tmp_path):
    with small_annotation() as path:
        annotation = open_annotation(path)
        annotation.apply(Paint(object=3, stroke=Brush(points=[(4, 5, 6)], radius=2)))
        # Not closed: labels are behind, as far as the checkpoint knows.
        before, start = state(annotation), annotation._ledger.history.end
        shutil.copytree(path, tmp_path / "before")
        annotation.apply(Paint(object=4, stroke=Brush(points=[(4, 5, 66)], radius=2)))
        after = state(annotation)
        whole = (path / "journal").read_bytes()
        for length in range(start, len(whole)):
            copy = tmp_path / str(length)
            shutil.copytree(tmp_path / "before", copy)
            (copy / "journal").write_bytes(whole[:length])
            torn = open_annotation(copy)
            assert state(torn) == before
            assert (copy / "journal").stat().st_size == start
            assert torn.can_undo == 1
        copy = tmp_path / "whole"
        shutil.copytree(tmp_path / "before", copy)
        (copy / "journal").write_bytes(whole)
        assert state(open_annotation(copy)) == after


@pytest.mark.parametrize("filling", [b"\0", b"\xff"])
def test_an_entry_of_which_only_the_room_was_made_is_dropped(annotate, filling):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1]))
    with (annotation.path / "journal").open("ab") as file:
        file.write(filling * 3000)
    reopened = open_annotation(annotation.path)
    assert list(reopened.objects) == [2, 3]
    assert reopened.can_undo == 1


def test_a_journal_damaged_before_its_end_is_refused_and_kept(annotate):
    annotation = annotate(bodies())
    for number in (1, 2, 3):
        annotation.apply(Delete(objects=[number]))
    journal = annotation.path / "journal"
    content = bytearray(journal.read_bytes())
    content[[entry.start for entry in annotation.history()][2] + 30] ^= 1
    journal.write_bytes(content)
    with pytest.raises(AnnotationError, match="damaged"):
        open_annotation(annotation.path)
    assert journal.read_bytes() == bytes(content)


def test_a_journal_shorter_than_its_labels_is_refused(annotate):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1]))
    annotation.close()
    journal = annotation.path / "journal"
    journal.write_bytes(journal.read_bytes()[:-3])
    with pytest.raises(AnnotationError, match="entries are lost"):
        open_annotation(annotation.path)


def test_a_damaged_cube_is_named(annotate):
    annotation = annotate(bodies())
    cube = next(path for path in annotation.path.rglob("0/c/0/0/0"))
    cube.write_bytes(b"no")
    with pytest.raises(AnnotationError, match="damaged"):
        read_all(open_annotation(annotation.path))


def test_what_could_not_be_written_is_made_up_for(annotate, monkeypatch):
    annotation = annotate(bodies())

    def full(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(annotation._ledger.labels, "_write_cell", full)
        with pytest.raises(OSError, match="no space"):
            annotation.apply(Delete(objects=[1]))
    annotation.apply(Delete(objects=[2]))
    np.testing.assert_array_equal(read_all(annotation), np.where(bodies() == 3, 3, 0))
    assert annotation.can_undo == 2


def test_an_operation_that_fails_halfway_leaves_no_trace(annotate, monkeypatch):
    annotation = annotate(bodies())
    size = (annotation.path / "journal").stat().st_size
    read, calls = annotation._ledger.labels.read, []

    def failing(box):
        calls.append(box)
        if len(calls) == 2:
            raise MemoryError
        return read(box)

    with monkeypatch.context() as patched:
        patched.setattr(annotation._ledger.labels, "read", failing)
        with pytest.raises(MemoryError):
            annotation.apply(Delete(objects=[1]))
    assert (annotation.path / "journal").stat().st_size == size
    np.testing.assert_array_equal(read_all(annotation), bodies())


def test_the_journal_tells_what_was_done(annotate):
    annotation = annotate(bodies())
    operation = Paint(object=7, stroke=Brush(points=[(4, 5, 6)], radius=2))
    annotation.apply(json.dumps(operation_to_json(operation)))
    annotation.undo()
    created, painted, undone = annotation.history()
    assert created.head["created"]["shape"] == list(SHAPE)
    assert painted.head["operation"] == operation_to_json(operation)
    assert undone.head["undo"] == painted.number == 1
    assert painted.sums["voxels"] == sum(
        len(r) and r.voxels for r in Journal(annotation.path / "journal").runs(painted)
    )


def test_a_replay_of_another_source_is_refused(annotate, tmp_path):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1]))
    other = bodies()
    other[30, 40, 50] = 2
    with pytest.raises(AnnotationError, match="do not fit"):
        replay(annotation.path, tmp_path / "again", Volume.from_array(other))


@pytest.mark.parametrize("content", [b"", b"something else", MAGIC[:-1] + b"2"])
def test_what_is_no_journal_is_refused(tmp_path, content):
    (tmp_path / "journal").write_bytes(content)
    with pytest.raises(AnnotationError, match="no journal"):
        replay(tmp_path, tmp_path / "again")


def test_a_folder_that_is_no_annotation_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="no annotation"):
        open_annotation(tmp_path)
