"""Objects that are missed and made up: known ones, and whatever is drawn, against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.volume import Labels, Mask, Score, Tag, Volume
from deepsxt_core.workflow import object_agreement
from deepsxt_core.workflow.object_agreement import compare_objects
from tests.annotation.conftest import bodies

SHAPE = (12, 9, 10)


def mask(array):
    return Mask(Volume.from_array(array))


@given(seed=st.integers(0, 10**6), slab=st.integers(1, 12), ignored=st.booleans())
def test_it_is_what_the_whole_volume_tells_whatever_the_slabs(seed, slab, ignored):
    random = np.random.default_rng(seed)
    truth = random.choice([0, 0, 0, 1, 2, -1], SHAPE).astype(np.int8)
    found = random.random(SHAPE) < 0.25
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_agreement, "_SLAB_VOXELS", slab * 90)
        patch.setattr(object_agreement, "MOST_TOLD", 10**6)
        params = EvaluateParams(ignore_label=2 if ignored else None)
        report = compare_objects(mask(found.astype(np.uint8)), mask(truth), params)
    unknown = (truth < 0) | ((truth == 2) & ignored)
    true, marked = (truth > 0) & ~unknown, found & ~unknown
    for inside, other, count, told, wanted in (
        (true, marked, report.true, report.missed, lambda shared, voxels: shared < voxels),
        (marked, true, report.found, report.nowhere, lambda shared, _: not shared),
    ):
        parts, n = ndimage.label(inside)
        assert count == n
        sizes = [(int((parts == k).sum()), int(other[parts == k].sum())) for k in range(1, n + 1)]
        assert sorted((one.voxels, one.shared) for one in told) == sorted(
            (voxels, shared) for voxels, shared in sizes if wanted(shared, voxels)
        )
        for one in told:
            assert int((parts == parts[one.voxel]).sum()) == one.voxels
            assert inside[one.voxel]
    assert report.invented == len(report.nowhere)
    shares = [one.shared / one.voxels for one in report.missed]
    assert shares == sorted(shares)


def test_objects_of_an_annotation_are_its_own_and_its_slices_are_those_of_the_score():
    labels = bodies()
    truth = Labels(
        Volume.from_array(np.where(labels == 2, 0, labels)),
        {1: Tag("core", "nucleus", ""), 3: Tag("skin", "membrane", "")},
        lambda z0, z1: (labels == 2)[z0:z1],
    )
    scored = slice(10, 70)
    codes = np.where(bodies() == 3, 255, 0).astype(np.uint8)[scored]
    codes[:, :3, :3] = 255
    report = compare_objects(Score(Volume.from_array(codes), 10), truth)
    (missed,) = report.missed
    assert (missed.id, missed.name, missed.shared) == (1, "core", 0)
    assert bodies()[scored][missed.voxel] == 1
    (nowhere,) = report.nowhere
    assert (nowhere.id, nowhere.voxels) == (None, 60 * 9)
