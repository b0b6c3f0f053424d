"""Regions that are left out in turn: each label once, and nothing of it in the rest."""

import numpy as np
import pytest

from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.regions import regions
from deepsxt_core.training.splits import SplitParams
from tests.training.conftest import draw


def pixels(blocks) -> set:
    return {
        (b.source, b.z, y, x)
        for b in blocks
        for y in range(b.y0, b.y1, 4)
        for x in range(b.x0, b.x1, 4)
    }


def test_files_are_regions_and_neighbours_by_name_are_learnt_from_if_little_else_is(folder):
    folder.add_drawn(*(f"patch_0{n}" for n in range(4)))
    found = regions(open_training_set(folder.path), SplitParams(), 4)
    assert [one.name for one in found] == [f"patch_0{n}" for n in range(4)]
    # With a gap of one, two others remain of the outer ones; of the inner ones, only without.
    learnt = [sorted({b.source for b in one.split.training}) for one in found]
    assert learnt == [[2, 3], [0, 2, 3], [0, 1, 3], [0, 1]]
    paired = regions(open_training_set(folder.path), SplitParams(), 2)
    assert [one.name for one in paired] == ["patch_00 to patch_01", "patch_02 to patch_03"]
    assert [sorted({b.source for b in one.split.training}) for one in paired] == [[3], [0]]


@pytest.mark.parametrize("shape", [(40, 64, 64), (1, 160, 64)], ids=["tomogram", "image"])
def test_parts_of_one_file_hold_each_label_once_with_a_gap(folder, shape):
    image, label = draw(0, shape)
    label[..., :8] = True
    folder.add("a", image, label)
    data, params = open_training_set(folder.path), SplitParams()
    found = regions(data, params, 4)
    assert len(found) == 4
    held = [pixels(one.split.validation) for one in found]
    assert sum(map(len, held)) == len(set.union(*held)) == 16 * np.prod(shape) // 256
    for one in found:
        for own in one.split.validation:
            for other in one.split.training:
                apart = max(
                    abs(own.z - other.z) - 8, other.y0 - own.y1 - 15, own.y0 - other.y1 - 15
                )
                assert apart > 0


def test_what_is_too_small_has_none(folder):
    folder.add_drawn("a", shape=(40, 40))
    assert regions(open_training_set(folder.path), SplitParams(), 4) == ()
