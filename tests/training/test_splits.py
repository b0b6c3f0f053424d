import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError, TrainingDataError
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.splits import SplitParams, split
from tests.training.conftest import draw


def by_slice(blocks):
    return {(block.source, block.z) for block in blocks}


@pytest.mark.parametrize("seed", range(5))
def test_whole_files_are_held_back_and_neighbours_by_name_left_out(folder, seed):
    folder.add_drawn(*[f"slice_{i:03}" for i in range(20)], shape=(40, 40))
    data = open_training_set(folder.path)

    parts = split(data, SplitParams(seed=seed))

    held = {block.source for block in parts.validation}
    trained = {block.source for block in parts.training}
    assert len(held) == 4
    assert min(abs(a - b) for a in held for b in trained) == 3
    assert all(block.area_px == 1600 for block in parts.validation)


def test_other_names_are_no_neighbours(folder):
    folder.add_drawn(*"abcdefgh", shape=(40, 40))

    parts = split(open_training_set(folder.path))

    assert len(parts.validation) + len(parts.training) == 8


@pytest.mark.parametrize("seed", range(5))
def test_a_tomogram_is_parted_by_runs_of_slices_with_a_gap(folder, seed):
    image, label = draw(0, (40, 32, 32))
    label[25] = False
    folder.add("tomogram", image, label)
    data = open_training_set(folder.path)

    parts = split(data, SplitParams(seed=seed, gap_slices=5))

    held = sorted(block.z for block in parts.validation)
    others = [block.z for block in parts.training + parts.unlabelled]
    assert len(held) == 8
    assert held[0] == 0 or held[-1] == 39
    assert min(abs(a - b) for a in held for b in others) == 6
    assert 25 in [block.z for block in parts.unlabelled]


@pytest.mark.parametrize("shape", [(96, 128), (128, 96)])
def test_few_images_are_parted_by_strips_with_a_gap(folder, shape):
    image, label = draw(0, shape)
    label[:] = False
    label[:, ::10] = True
    folder.add("a", np.where(label, 20, image), label)
    data = open_training_set(folder.path)

    parts = split(data, SplitParams(gap_px=10))

    seen = np.zeros(shape, int)
    for mark, blocks in ((1, parts.training), (2, parts.validation)):
        for b in blocks:
            seen[b.y0 : b.y1, b.x0 : b.x1] += mark
    line = seen[0] if shape[1] > shape[0] else seen[:, 0]
    assert sorted(np.bincount(line)) == sorted([10, 86, 32])
    assert np.count_nonzero(np.diff(line)) == 2


def test_the_strip_goes_where_membranes_are(folder):
    image, label = draw(0)
    label[:] = False
    label[:, 5:9] = True
    label[:, 60:64] = True
    folder.add("a", np.where(label, 20, image), label)
    data = open_training_set(folder.path)

    for seed in range(4):
        (held,) = split(data, SplitParams(seed=seed)).validation
        assert held.x0 == 0


def test_the_same_seed_splits_the_same_way(folder):
    folder.add_drawn(*"abcdefghij", shape=(40, 40))
    data = open_training_set(folder.path)

    assert split(data, SplitParams(seed=3)) == split(data, SplitParams(seed=3))
    splits = {split(data, SplitParams(seed=seed)).validation for seed in range(8)}
    assert len(splits) > 1


def test_too_little_to_hold_back_is_refused(folder):
    folder.add_drawn("a", shape=(40, 40))

    with pytest.raises(TrainingDataError, match="too small"):
        split(open_training_set(folder.path))


@pytest.mark.parametrize("wrong", [{"fraction": 0.0}, {"fraction": 0.9}, {"gap_px": -1}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidParameterError):
        SplitParams(**wrong)
