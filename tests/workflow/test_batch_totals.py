"""What a batch comes to, and which tomograms of it are called unlike the others."""

import pytest

from deepsxt_core.workflow.batch_totals import outliers, totals


def row(status="done", fraction=0.05, size_nm=10.0, **more):
    sizes = {f"voxel_size_{axis}_nm": size_nm for axis in "zyx"}
    known = {"slices": 4, "objects": 3, "volume_um3": 2.0, "seconds": 1.5}
    return {"status": status, "membrane_fraction": fraction} | sizes | known | more


FAILED = {"status": "failed", "error": "cut off"}


def test_sums_are_over_what_is_finished():
    unknown = row("kept", size_nm=None, volume_um3=None)
    assert totals([row(), FAILED, unknown]) == {
        "finished": 2,
        "failed": 1,
        "without_size": 1,
        "slices": 8,
        "objects": 6,
        "faces": None,
        "volume_um3": 2.0,
        "area_um2": None,
        "seconds": 3.0,
    }


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_tomogram_unlike_the_others_is_named_with_the_reason(place):
    rows = [row(fraction=0.04 + 0.002 * number) for number in range(6)]
    rows.insert(place, row(fraction=0.001))
    assert outliers(rows) == {
        place: {"membrane": "membrane 0.1 %, where half of all lie within 0.4 % of 4.4 %"}
    }
    # Those that failed neither count nor move the others.
    assert outliers([FAILED, *rows]) == {place + 1: outliers(rows)[place]}


def test_where_most_are_equal_the_odd_one_is_found():
    rows = 9 * [row()] + [row(size_nm=16.0)]
    assert outliers(rows) == {9: {"voxel size": "voxel size 16 nm, where half of all lie at 10 nm"}}


def test_small_differences_and_few_tomograms_are_no_reason():
    assert outliers(9 * [row()] + [row(size_nm=10.4)]) == {}
    assert outliers(3 * [row()] + [row(fraction=0.9)]) == {}
    assert outliers([row(fraction=0.01 * number) for number in range(12)]) == {}
