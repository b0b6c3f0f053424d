import os
import subprocess
import sys

import pytest

from deepsxt_core.annotation import STALE_AFTER_S, Delete, open_annotation
from deepsxt_core.annotation.lease import BEAT_EVERY_S, Lease, holder_of
from deepsxt_core.errors import LeaseError
from tests.annotation.conftest import bodies, read_all


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_second_is_told_who_edits_and_since_when(annotate):
    first = annotate(bodies())
    first.apply(Delete(objects=[1]))
    second = open_annotation(first.path, owner="Second tab")
    assert second.editor.owner == first.editor.owner
    assert first.is_editor
    assert not second.is_editor
    with pytest.raises(LeaseError, match=r"is edited by .* since"):
        second.apply(Delete(objects=[2]))
    assert (second.labels.read(0, 70) == read_all(first)).all()


def test_who_watches_sees_what_is_changed(annotate):
    editor = annotate(bodies())
    watcher = open_annotation(editor.path)
    read_all(watcher)
    editor.apply(Delete(objects=[1]))
    editor.apply(Delete(objects=[2]))
    editor.undo()
    assert (read_all(watcher) == read_all(editor)).all()
    watcher.refresh()
    assert dict(watcher.objects) == dict(editor.objects)
    assert (watcher.can_undo, watcher.can_redo) == (1, 1)


def test_who_takes_over_goes_on_and_the_other_is_told(annotate):
    first = annotate(bodies())
    first.apply(Delete(objects=[1]))
    second = open_annotation(first.path, owner="Second tab")
    first.apply(Delete(objects=[2]))
    second.take_over()
    second.undo()
    second.apply(Delete(objects=[3]))
    with pytest.raises(LeaseError, match="taken over by Second tab"):
        first.apply(Delete(objects=[2]))
    first.refresh()
    assert list(first.objects) == list(second.objects) == [2]
    assert (read_all(first) == read_all(second)).all()
    # Its end does not end that of the other.
    first.close()
    assert second.is_editor


def test_after_the_end_anybody_may_edit(annotate):
    first = annotate(bodies())
    first.apply(Delete(objects=[1]))
    first.close()
    assert first.editor is None
    open_annotation(first.path).apply(Delete(objects=[2]))


def test_who_is_silent_for_too_long_has_ended(tmp_path):
    clock = Clock()
    first = Lease.take(tmp_path, "first", clock=clock)
    clock.now += STALE_AFTER_S - 1
    first.beat()
    clock.now += STALE_AFTER_S
    with pytest.raises(LeaseError):
        Lease.take(tmp_path, "second", clock=clock)
    clock.now += 1
    Lease.take(tmp_path, "second", clock=clock)
    with pytest.raises(LeaseError, match="taken over by second"):
        first.beat()


def test_beats_are_written_from_time_to_time(tmp_path):
    clock = Clock()
    lease = Lease.take(tmp_path, "first", clock=clock)
    clock.now += BEAT_EVERY_S / 2
    lease.beat()
    assert holder_of(tmp_path).last_beat == holder_of(tmp_path).since
    clock.now += BEAT_EVERY_S
    lease.beat()
    assert holder_of(tmp_path).last_beat == clock.now


def test_an_editor_whose_process_ended_need_not_be_waited_for(annotate):
    annotation = annotate(bodies())
    command = (
        "import sys; from deepsxt_core.annotation import *;"
        "open_annotation(sys.argv[1]).apply(Delete(objects=[1]))"
    )
    paths = os.pathsep.join(sys.path)
    subprocess.run(
        [sys.executable, "-c", command, str(annotation.path)],
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert annotation.editor is not None
    annotation.apply(Delete(objects=[2]))
    assert list(annotation.objects) == [3]


def test_damaged_leases_are_none(annotate):
    annotation = annotate(bodies())
    (annotation.path / "editor.json").write_text('{"owner": "x", "since": []}')
    annotation.apply(Delete(objects=[1]))
