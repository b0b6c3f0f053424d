import numpy as np
import pytest

from deepsxt_core.inference import Checkpoint, Slab, has_slabs

RECIPE = {"params": {"z0": 0, "z1": None}, "intensity": {"low": 0.1, "high": 1 / 3}}


def slab(first):
    codes = np.full((2, 3, 3), 128 + first, np.uint8)
    return Slab.of(first, codes, nonfinite=first, void=0, seconds=0.5)


@pytest.fixture
def path(tmp_path):
    checkpoint = Checkpoint.start(tmp_path / "slabs.jsonl", RECIPE, "bfloat16")
    for first in (0, 2, 4):
        checkpoint.add(slab(first))
    return tmp_path / "slabs.jsonl"


def test_what_was_recorded_is_read(path):
    checkpoint = Checkpoint.read(path)
    assert (checkpoint.recipe, checkpoint.precision) == (RECIPE, "bfloat16")
    assert checkpoint.slabs == [slab(0), slab(2), slab(4)]
    assert has_slabs(path.parent)


def test_a_record_that_is_torn_at_any_byte_keeps_its_whole_lines(path):
    content = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        checkpoint = Checkpoint.read(path)
        if whole == 0:
            assert checkpoint is None
            continue
        assert checkpoint.slabs == [slab(0), slab(2), slab(4)][: whole - 1]
        if length % 10 == 0:
            checkpoint.add(slab(6))
            assert Checkpoint.read(path).slabs == checkpoint.slabs


def test_nothing_after_a_strange_line_counts(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00\x00\n", *lines[2:]]))
    assert Checkpoint.read(path).slabs == [slab(0)]


def test_no_record_is_no_slab(tmp_path):
    assert Checkpoint.read(tmp_path / "slabs.jsonl") is None
    assert not has_slabs(tmp_path)
