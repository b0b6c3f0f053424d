"""Runs and cubes: what goes in comes out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepsxt_core.annotation import Box, Delete, open_annotation
from deepsxt_core.annotation.cubes import KEPT_BYTES, RecentCubes, compact
from deepsxt_core.annotation.runs import Runs, gathered
from deepsxt_core.annotation.store import CHUNK_EDGE, create_labels
from deepsxt_core.errors import AnnotationError
from deepsxt_core.geometry import Geometry
from tests.annotation.conftest import bodies, read_all

SHAPE = (6, 7, 9)
BOX = Box(1, 2, 3, 4, 6, 9)
labels_of_box = arrays(np.uint16, BOX.shape, elements=st.integers(0, 2))


@given(labels_of_box, labels_of_box)
def test_runs_hold_exactly_what_differs(old, new):
    runs = Runs.between(BOX, old, new, SHAPE)
    state = np.full(SHAPE, 9, np.uint16)
    state[BOX.within(Box.whole(SHAPE))] = old
    before, flat = state.copy(), state.reshape(-1)
    for offset, length, a, b in zip(runs.offset, runs.length, runs.old, runs.new, strict=True):
        assert (flat[offset : offset + length] == a).all()
        assert a != b
        assert offset // SHAPE[2] == (offset + length - 1) // SHAPE[2]
        flat[offset : offset + length] = b
    np.testing.assert_array_equal(state[BOX.within(Box.whole(SHAPE))], new)
    assert runs.voxels == (old != new).sum() == (state != before).sum()
    changed = np.argwhere(before != state)
    found = runs.box(SHAPE)
    if len(changed):
        assert found == (*changed.min(axis=0), *(changed.max(axis=0) + 1))
    else:
        assert found is None


@given(labels_of_box, labels_of_box)
def test_packed_runs_read_back(old, new):
    runs = Runs.between(BOX, old, new, SHAPE)
    again = Runs.unpack(runs.packed())
    for name in ("offset", "length", "old", "new"):
        np.testing.assert_array_equal(getattr(again, name), getattr(runs, name))


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 7))
def test_gathered_runs_are_the_same_runs(lengths, enough):
    parts, start = [], 0
    for count in lengths:
        offset = np.arange(start, start + count)
        parts.append(Runs(offset, offset + 1, offset.astype("u2"), offset.astype("u2")))
        start += count
    together = list(gathered(parts, enough))
    assert all(len(part) >= enough for part in together[:-1])
    joined = np.concatenate([part.offset for part in together] or [np.zeros(0)])
    np.testing.assert_array_equal(joined, np.arange(start))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"x",
        Runs.between(BOX, np.zeros(BOX.shape, "u2"), np.ones(BOX.shape, "u2"), SHAPE).packed()[:-1],
    ],
)
def test_what_are_no_runs_is_refused(packed):
    with pytest.raises(AnnotationError):
        Runs.unpack(packed)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_runs_across_cubes_change_what_they_say_and_back(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 140, 3).tolist())
    path: Path = tmp_path_factory.mktemp("store") / "labels"
    store = create_labels(path, shape, Geometry())
    whole = Box.whole(shape)
    states = [np.zeros(shape, np.uint16)]
    for _ in range(3):
        first = rng.integers(0, shape)
        end = rng.integers(first, shape) + 1
        box = Box(*first.tolist(), *end.tolist())
        state = states[-1].copy()
        state[box.within(whole)] = rng.integers(0, 4, box.shape) // 2
        runs = Runs.between(whole, states[-1], state, shape)
        store.change(runs, checked=True)
        np.testing.assert_array_equal(store.read(whole), state)
        beyond = whole.grown((1, 2, 3))
        np.testing.assert_array_equal(store.read(beyond), np.pad(state, ((1, 1), (2, 2), (3, 3))))
        cubes = [
            cube for cube in whole.tiles(store.edges) if (state[cube.within(whole)] == 1).any()
        ]
        assert store.boxes_of([1, 77]) == cubes
        states.append(state)
        store.change(runs.backwards(), checked=True)
        np.testing.assert_array_equal(store.read(whole), states[-2])
        store.change(runs)


def test_a_run_beyond_the_volume_is_refused(tmp_path):
    store = create_labels(tmp_path / "labels", SHAPE, Geometry())
    one = np.ones(1, np.uint16)
    for offset, length in ((6 * 7 * 9, 1), (5, 9)):
        with pytest.raises(AnnotationError, match="leaves"):
            store.change(Runs(np.array([offset]), np.array([length]), one * 0, one))


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("damage", [None, b"", b"no index"])
def test_where_ids_are_is_known_after_a_restart(annotate, closed, damage):
    annotation = annotate(bodies())
    annotation.apply(Delete(objects=[1]))
    if closed:
        annotation.close()
    if damage is not None:
        (annotation.path / "ids.index").write_bytes(damage)
    reopened = open_annotation(annotation.path)
    if not closed:
        reopened.take_over()
    reopened.apply(Delete(objects=[2]))
    reopened.undo()
    reopened.apply(Delete(objects=[2, 3]))
    assert not read_all(reopened).any()


def test_cubes_are_kept_within_a_bound_and_read_anew_once_their_file_is_another():
    held = RecentCubes(10 * 64)
    cubes = [np.full((4, 4, 4), number, np.uint8) for number in range(30)]
    for number, cube in enumerate(cubes):
        held.put(number, "first", cube)
        held.get(3, "first")
        assert held.held_bytes <= 10 * 64
    assert [number for number in range(30) if held.get(number, "first") is not None] == [
        3,
        *range(21, 30),
    ]
    assert held.get(3, "second") is None
    held.put(3, "second", cubes[5])
    np.testing.assert_array_equal(held.get(3, "second"), cubes[5])
    held.drop(3)
    assert held.get(3, "second") is None
    assert held.held_bytes == 9 * 64


@pytest.mark.parametrize("highest", [255, 256, 65_535])
def test_few_ids_take_a_byte_each_and_stay_what_they_are(highest):
    labels = np.random.default_rng(0).integers(0, highest + 1, (8, 8, 8)).astype(np.uint16)
    labels[0, 0, 0] = highest
    kept = compact(labels)
    np.testing.assert_array_equal(kept, labels)
    assert kept.itemsize == (1 if highest < 256 else 2)


def test_the_cubes_of_a_plane_of_1024_pixels_are_kept_together():
    # With fewer, each step to the next slice would read all of them anew.
    assert (1024 // CHUNK_EDGE) ** 2 * CHUNK_EDGE**3 * 2 <= KEPT_BYTES
