import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.geometry import Geometry, Region, VoxelSize

SHAPE = (20, 30, 40)
ranges = st.tuples(st.integers(0, 8), st.integers(13, 20) | st.none())
regions = st.builds(Region, z=ranges, y=ranges, x=ranges, bin=st.sampled_from([1, 2, 4]))


@given(regions)
def test_the_text_of_a_crop_reads_back(region):
    assert Region.parse(region.crop, region.bin) == region


@given(regions)
def test_a_voxel_of_a_part_lies_amid_those_that_it_is_the_mean_of(region):
    whole = Geometry(voxel_size_nm=VoxelSize(30, 20, 10), origin_nm=(-500, 7.5, 1e5))
    part = whole.part(region, SHAPE)
    for axis in range(3):
        first, end = region.within(SHAPE)[axis]
        centres = whole.origin_nm[axis] + np.arange(first, end) * whole.voxel_size_nm[axis]
        expected = centres.reshape(-1, region.bin).mean(axis=1)
        found = part.origin_nm[axis] + np.arange(len(expected)) * part.voxel_size_nm[axis]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
        index = (found - whole.origin_nm[axis]) / part.voxel_size_nm[axis]
        assert part.first_voxel[axis] == pytest.approx(index[0], abs=1e-9)


def test_without_a_voxel_size_the_place_is_kept_in_voxels():
    part = Geometry().part(Region.parse("4:,8:,2:10", 2), SHAPE)
    assert part.voxel_size_nm is None
    assert part.first_voxel == (2.25, 4.25, 1.25)


@pytest.mark.parametrize(
    ("axes", "mirrored"),
    [
        (("+z", "+y", "+x"), False),
        (("+z", "-y", "+x"), True),
        (("-z", "-y", "+x"), False),
        (("+y", "+z", "+x"), True),
        (("+x", "+z", "+y"), False),
        (("-y", "+z", "+x"), False),
    ],
)
def test_handedness_follows_order_and_direction(axes, mirrored):
    assert Geometry(axes=axes).is_mirrored is mirrored


@pytest.mark.parametrize(
    "text", ["", "1:2", "1:2,3:4", "a:b,0:1,0:1", "5:5,:,:", "1:2,1:2,1:2,1:2"]
)
def test_what_is_no_crop_is_refused(text):
    with pytest.raises(InvalidParameterError):
        Region.parse(text)


@pytest.mark.parametrize(
    "region", [Region(z=(20, None)), Region(x=(0, 41)), Region(y=(28, 30), bin=4)]
)
def test_a_region_outside_the_tomogram_is_refused(region):
    with pytest.raises(InvalidParameterError, match="along"):
        region.within(SHAPE)


def test_a_binning_is_one_of_few():
    with pytest.raises(InvalidParameterError, match="bin"):
        Region(bin=3)
