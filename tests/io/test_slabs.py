"""Planes from slabs that are kept: the same codes, read once, within the bytes that are allowed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io.pyramid import AXES, Pyramid, build_pyramid
from deepsxt_core.io.slabs import SlabCache
from deepsxt_core.volume import Volume

SHAPE = (70, 140, 300)


@pytest.fixture
def array():
    return np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)


@pytest.fixture
def pyramid(tmp_path, array):
    return build_pyramid(Volume.from_array(array), tmp_path / "display.ome.zarr")


@pytest.fixture
def reads(monkeypatch):
    """What was read of pyramids, in order."""
    found, slab, plane = [], Pyramid.slab, Pyramid.plane

    def told(read, name):
        def reading(self, axis, index, level=0):
            found.append((name, axis, index, level))
            return read(self, axis, index, level)

        return reading

    monkeypatch.setattr(Pyramid, "slab", told(slab, "slab"))
    monkeypatch.setattr(Pyramid, "plane", told(plane, "plane"))
    return found


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("level", [0, 1])
def test_planes_are_those_of_the_pyramid(pyramid, axis, level):
    cache = SlabCache()
    count = pyramid.levels[level].shape[AXES.index(axis)]
    for index in range(0, count, 9):
        expected = pyramid.plane(axis, index, level)
        np.testing.assert_array_equal(cache.plane(pyramid, axis, index, level), expected)


def test_neighbours_asked_for_at_once_are_read_once(pyramid, reads):
    cache = SlabCache()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda z: cache.plane(pyramid, "z", z, 0), range(32)))
    assert len(reads) == 1


def test_what_is_kept_stays_within_its_bytes(pyramid, reads):
    most = 2 * pyramid.slab_bytes("z")
    cache = SlabCache(most)
    for z in (0, 33, 1, 66, 0, 34):
        cache.plane(pyramid, "z", z, 0)
        assert cache.n_bytes <= most
    # Slices 32 to 63 were used before those of 0 to 31 when room was made for the last.
    assert [index for _, _, index, _ in reads] == [0, 33, 66, 34]


def test_a_slab_that_is_too_large_is_not_read_for_one_plane(pyramid, reads, array):
    cache = SlabCache(1000)
    np.testing.assert_array_equal(cache.plane(pyramid, "y", 7, 0), array[:, 7])
    assert (cache.n_bytes, [name for name, *_ in reads]) == (0, ["plane"])


def test_no_such_plane_leaves_nothing_behind(pyramid):
    cache = SlabCache()
    with pytest.raises(InvalidParameterError):
        cache.plane(pyramid, "z", SHAPE[0], 0)
    assert cache.n_bytes == 0
    assert not cache._reading
