from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsxt_core.geometry import Region, VoxelSize
from deepsxt_core.preprocessing import cut
from deepsxt_core.volume import Volume

VALUES = np.random.default_rng(0).integers(0, 60000, (13, 17, 22), dtype=np.uint16)
VOLUME = replace(Volume.from_array(VALUES, VoxelSize(30, 20, 10)), origin_nm=(5.0, 6.0, 7.0))


@given(st.integers(0, 5), st.integers(9, 13), st.integers(0, 9), st.sampled_from([1, 2, 4]))
def test_slabs_of_a_part_are_means_of_the_whole(first, end, left, factor):
    region = Region(z=(first, end), x=(left, None), bin=factor)
    part = cut(VOLUME, region)
    (z0, z1), (y0, y1), (x0, x1) = region.within(VOLUME.shape)
    box = VALUES[z0:z1, y0:y1, x0:x1].astype(np.float64)
    z, y, x = (n // factor for n in box.shape)
    expected = box.reshape(z, factor, y, factor, x, factor).mean(axis=(1, 3, 5))
    assert part.shape == (z, y, x)
    np.testing.assert_allclose(part.read(0, z), expected, rtol=1e-6)
    np.testing.assert_array_equal(part.read(z - 1, z), part.read(0, z)[-1:])
    assert part.dtype == (np.uint16 if factor == 1 else np.float32) == part.read(0, 1).dtype


def test_one_slice_of_a_part_reads_no_more_than_it_needs():
    asked = []
    watched = replace(VOLUME, reader=lambda a, b: asked.append((a, b)) or VALUES[a:b].copy())
    cut(watched, Region(z=(2, None), bin=2)).read(1, 3)
    assert asked == [(4, 6), (6, 8)]


def test_the_whole_is_the_volume_itself():
    assert cut(VOLUME, Region()) is VOLUME


def test_another_voxel_size_moves_a_part_and_not_the_tomogram():
    part = cut(VOLUME, Region(z=(3, None), bin=2)).with_voxel_size(VoxelSize(80, 40, 20))
    assert part.first_voxel == (1.75, 0.25, 0.25)
    assert part.origin_nm == pytest.approx((5 + 1.75 * 80, 6 + 0.25 * 40, 7 + 0.25 * 20))
    assert part.whole_origin_nm == pytest.approx(VOLUME.origin_nm)
