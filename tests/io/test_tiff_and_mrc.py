import dataclasses

import mrcfile
import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import open_volume, write_mrc, write_tiff
from deepsxt_core.io.writers import slabs, tiff
from deepsxt_core.volume import Volume, VoxelSize

SIZE = VoxelSize(20, 13, 12.5)
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "float16", "float32", "float64", "int32"]


def make_volume(dtype, shape=(5, 17, 11), size=SIZE):
    low, high = (0, 2) if dtype == "bool" else (0, 256) if dtype == "uint8" else (-100, 100)
    if dtype == "uint16":
        low, high = 0, 1 << 16
    values = np.random.default_rng(3).integers(low, high, shape).astype(dtype)
    return Volume.from_array(values, size), values


@pytest.fixture(params=[1, 1 << 25], ids=["slice by slice", "one slab"])
def _slab_bytes(request, monkeypatch):
    monkeypatch.setattr(slabs, "_SLAB_BYTES", request.param)


@pytest.mark.usefixtures("_slab_bytes")
@pytest.mark.parametrize("dtype", DTYPES)
def test_tiff_round_trip(tmp_path, dtype):
    volume, values = make_volume(dtype)
    write_tiff(volume, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "ZYX"
        assert tif.imagej_metadata["unit"] == "nm"
        assert tif.imagej_metadata["spacing"] == 20
        assert tif.series[0].dtype in (np.uint8, np.uint16, np.float32)
        np.testing.assert_array_equal(tif.asarray(), values)
    again = open_volume(tmp_path / "a.tif")
    assert again.voxel_size_nm == pytest.approx(SIZE, rel=1e-6)
    np.testing.assert_array_equal(again.read(0, 5), values)


@pytest.mark.usefixtures("_slab_bytes")
@pytest.mark.parametrize("dtype", DTYPES)
def test_mrc_round_trip(tmp_path, dtype):
    volume, values = make_volume(dtype)
    write_mrc(volume, tmp_path / "a.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as mrc:
        assert mrc.is_volume()
        np.testing.assert_array_equal(mrc.data, values)
        assert mrc.voxel_size.z == pytest.approx(200)
        assert mrc.header.dmin == values.min()
        assert mrc.header.dmax == values.max()
        assert mrc.header.dmean == pytest.approx(values.mean(dtype=float), abs=1e-3)
        assert mrc.header.rms == pytest.approx(values.std(dtype=float), rel=1e-5)
    assert mrcfile.validate(tmp_path / "a.mrc")
    again = open_volume(tmp_path / "a.mrc")
    assert again.voxel_size_nm == pytest.approx(SIZE, rel=1e-6)
    np.testing.assert_array_equal(again.read(0, 5), values)


@pytest.mark.parametrize(("dtype", "mode"), [("bool", 0), ("uint8", 6), ("float32", 2)])
def test_mrc_modes(tmp_path, dtype, mode):
    write_mrc(make_volume(dtype)[0], tmp_path / "a")
    with mrcfile.open(tmp_path / "a") as mrc:
        assert mrc.header.mode == mode


@pytest.mark.parametrize("write", [write_tiff, write_mrc])
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 1, 1), (2, 7, 3)])
def test_unknown_size_stays_unknown(tmp_path, write, shape):
    volume, values = make_volume("float32", shape, None)
    write(volume, tmp_path / "a")
    again = open_volume(tmp_path / "a")
    assert again.voxel_size_nm is None
    assert again.warnings == ()
    np.testing.assert_array_equal(again.read(0, shape[0]), values)


def test_large_tiffs_are_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "CLASSIC_TIFF_BYTES", 100)
    volume, values = make_volume("uint8")
    write_tiff(volume, tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_bigtiff
        assert tif.is_imagej
        np.testing.assert_array_equal(tif.asarray(), values)
    assert open_volume(tmp_path / "a.tif").voxel_size_nm == pytest.approx(SIZE, rel=1e-6)


@pytest.mark.parametrize("write", [write_tiff, write_mrc])
def test_a_failed_export_leaves_what_was_there(tmp_path, write):
    volume, _ = make_volume("float32")
    target = tmp_path / "a"
    target.write_bytes(b"older")

    def fail(z0, z1):
        raise RuntimeError(f"slices {z0}:{z1} on fire")

    with pytest.raises(RuntimeError, match="fire"):
        write(dataclasses.replace(volume, reader=fail), target)
    assert target.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    write(volume, target)
    assert open_volume(target).shape == volume.shape


@pytest.mark.parametrize("write", [write_tiff, write_mrc])
def test_integers_without_an_exact_float_are_refused(tmp_path, write):
    volume = Volume.from_array(np.full((1, 2, 2), (1 << 24) + 1, np.int32))
    with pytest.raises(InvalidParameterError, match="16777217"):
        write(volume, tmp_path / "a")


@pytest.mark.parametrize("write", [write_tiff, write_mrc])
def test_the_volume_is_read_in_slabs(tmp_path, write, monkeypatch):
    monkeypatch.setattr(slabs, "_SLAB_BYTES", 2 * 17 * 11 * 4)
    volume, values = make_volume("float32")
    depths = []

    def read(z0, z1):
        depths.append(z1 - z0)
        return values[z0:z1]

    write(dataclasses.replace(volume, reader=read), tmp_path / "a")
    assert depths == [2, 2, 1]
