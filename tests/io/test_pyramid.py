"""Planes of a pyramid are those of the volume, at every level and across every axis."""

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsxt_core.errors import InvalidParameterError, UnreadableFileError
from deepsxt_core.io import open_volume
from deepsxt_core.io.coding import coding_of
from deepsxt_core.io.pyramid import AXES, build_pyramid, open_pyramid
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Volume, VoxelSize

SHAPE = (70, 300, 90)
SIZE = VoxelSize(30, 10, 20)


def volume_of(dtype, shape=SHAPE):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return Volume.from_array(rng.normal(0.3, 0.05, shape).astype(dtype), SIZE)
    info = np.iinfo(dtype)
    low, high = max(info.min, -(2**40)), min(info.max, 2**40)
    return Volume.from_array(rng.integers(low, high, shape, dtype, endpoint=True), SIZE)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_small_integers_keep_every_value(tmp_path, dtype):
    volume = volume_of(dtype)
    pyramid = build_pyramid(volume, tmp_path / "p.ome.zarr")
    voxels = volume.read(0, SHAPE[0])
    for place, axis in enumerate(AXES):
        codes = pyramid.plane(axis, SHAPE[place] - 1)
        values = codes * pyramid.coding.scale + pyramid.coding.offset
        np.testing.assert_array_equal(values, voxels.take(-1, axis=place))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_other_types_keep_values_to_half_a_step(tmp_path, dtype):
    volume = volume_of(dtype)
    pyramid = build_pyramid(volume, tmp_path / "p.ome.zarr")
    coding = pyramid.coding
    values = pyramid.plane("y", 7).astype(float) * coding.scale + coding.offset
    expected = volume.read(0, SHAPE[0])[:, 7].astype(float)
    assert np.abs(values - expected).max() <= 0.501 * coding.scale
    assert coding.scale * 65534 <= 2.01 * np.ptp(volume.read(0, SHAPE[0]).astype(float))


def test_what_is_not_finite_has_a_code_of_its_own(tmp_path):
    voxels = volume_of("float32").read(0, SHAPE[0])
    voxels[3, 4:9] = [[np.nan]] * 5
    voxels[5, 5, :2] = np.inf, -np.inf
    pyramid = build_pyramid(Volume.from_array(voxels), tmp_path / "p.ome.zarr")
    for z in (3, 5):
        np.testing.assert_array_equal(pyramid.plane("z", z) == 0, ~np.isfinite(voxels[z]))


def test_an_outlier_does_not_cost_the_others_their_grey_levels():
    voxels = volume_of("float32").read(0, SHAPE[0])
    voxels[0, 0, 0] = 1e6
    assert coding_of(Volume.from_array(voxels)).scale < 1e-4


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(257, 530)), st.sampled_from(AXES)
)
def test_coarser_levels_are_means_that_cover_the_volume(tmp_path_factory, shape, axis):
    volume = volume_of("uint16", shape)
    pyramid = build_pyramid(volume, tmp_path_factory.mktemp("p") / "p.ome.zarr")
    assert len(pyramid.levels) == (2 if max(shape) <= 512 else 3)
    level = pyramid.levels[1]
    assert level.shape == tuple(-(-n // 2) for n in shape)
    padded = np.pad(volume.read(0, shape[0]).astype(float), [(0, n % 2) for n in shape], "edge")
    z, y, x = level.shape
    means = padded.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))
    place = AXES.index(axis)
    index = level.shape[place] - 1
    assert np.abs(pyramid.plane(axis, index, 1) - means.take(index, axis=place)).max() <= 0.5


def test_labels_stay_labels(tmp_path):
    ids = np.random.default_rng(1).choice([0, 7, 40_000], SHAPE).astype(np.uint16)
    pyramid = build_pyramid(Volume.from_array(ids), tmp_path / "p.ome.zarr", "labels")
    assert set(np.unique(pyramid.plane("z", 3, 1))) <= {0, 7, 40_000}
    with pytest.raises(InvalidParameterError, match="whole numbers"):
        build_pyramid(volume_of("float32"), tmp_path / "q.ome.zarr", "labels")


def test_the_levels_lie_in_one_place(tmp_path):
    """A voxel of a coarser level lies in the middle of those that it stands for."""
    path = tmp_path / "p.ome.zarr"
    build_pyramid(volume_of("uint8"), path)
    image = zarr.open_group(path).attrs["ome"]["multiscales"][0]
    (scale, shift) = image["datasets"][1]["coordinateTransformations"]
    assert scale["scale"] == [60, 20, 40]
    assert shift["translation"] == [15, 5, 10]


def test_other_readers_open_it(tmp_path):
    volume = volume_of("uint8")
    build_pyramid(volume, tmp_path / "p.ome.zarr")
    again = open_volume(tmp_path / "p.ome.zarr")
    assert again.voxel_size_nm == SIZE
    np.testing.assert_array_equal(again.read(0, SHAPE[0]), volume.read(0, SHAPE[0]))


def test_what_is_broken_off_leaves_nothing(tmp_path):
    class Stop(NoProgress):
        def advance(self, n=1):  # noqa: ARG002
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_pyramid(volume_of("uint8"), tmp_path / "p.ome.zarr", progress=Stop())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnreadableFileError, match="no display pyramid"):
        open_pyramid(tmp_path / "p.ome.zarr")


@pytest.mark.parametrize(
    ("plane", "told"),
    [
        (("z", 70, 0), "0 to 69"),
        (("x", -1, 0), "got -1"),
        (("t", 0, 0), "z, y or x"),
        (("z", 0, 9), "level 9"),
    ],
)
def test_planes_that_are_not_there_are_refused(tmp_path, plane, told):
    pyramid = build_pyramid(volume_of("uint8"), tmp_path / "p.ome.zarr")
    with pytest.raises(InvalidParameterError, match=told):
        pyramid.plane(*plane)
