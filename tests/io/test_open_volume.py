"""What every format must do alike, and what each does on its own."""

import hashlib
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
from stack_files import make_stack

from deepsxt_core.errors import DatasetChoiceError, InvalidParameterError
from deepsxt_core.io import list_datasets, open_volume
from deepsxt_core.volume import VoxelSize


def test_slabs_are_the_stack(written):
    path, stack, _ = written
    volume = open_volume(path)
    assert volume.shape == stack.shape
    assert volume.dtype == stack.dtype
    assert volume.dtype.isnative
    np.testing.assert_array_equal(volume.read(0, len(stack)), stack)
    for z0, z1 in volume.slabs(4):
        slab = volume.read(z0, z1)
        assert slab.dtype == stack.dtype
        assert slab.flags.writeable
        np.testing.assert_array_equal(slab, stack[z0:z1])


def test_voxel_size_comes_from_the_file(written):
    path, _, edges_nm = written
    volume = open_volume(path)
    assert volume.warnings == ()
    if edges_nm is None:
        assert volume.voxel_size_nm is None
    else:
        assert volume.voxel_size_nm == pytest.approx(edges_nm, rel=1e-6)


def test_a_given_voxel_size_wins(written):
    path, _, _ = written
    assert open_volume(path, voxel_size_nm=(30, 20, 10)).voxel_size_nm == VoxelSize(30, 20, 10)
    with pytest.raises(InvalidParameterError, match="above 0"):
        open_volume(path, voxel_size_nm=(0, 20, 10))


def test_the_input_stays_untouched(written):
    path, _, _ = written
    before = hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns
    open_volume(path).read(1, 3)
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before
    assert [*path.parent.iterdir()] == [path]


def test_threads_share_a_volume(written):
    path, stack, _ = written
    volume = open_volume(path)
    with ThreadPoolExecutor(4) as pool:
        slices = list(pool.map(lambda z: volume.read(z, z + 1)[0], list(range(len(stack))) * 5))
    np.testing.assert_array_equal(np.stack(slices), np.concatenate([stack] * 5))


def test_no_handle_stays_open(written):
    path, _, _ = written
    volume = open_volume(path)
    volume.read(0, 1)
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("needs /proc")
    assert not any(link.exists() and link.samefile(path) for link in descriptors.iterdir())


def test_the_listed_dataset_can_be_opened(written):
    path, stack, _ = written
    ((name, shape, dtype),) = list_datasets(path)
    assert (shape, dtype) == (stack.shape, stack.dtype)
    np.testing.assert_array_equal(open_volume(path, dataset=name).read(2, 4), stack[2:4])
    with pytest.raises(DatasetChoiceError, match="nothing") as caught:
        open_volume(path, dataset="nothing")
    assert caught.value.candidates == (name,)


def test_a_relative_path_outlives_the_working_directory(written, monkeypatch):
    path, stack, _ = written
    monkeypatch.chdir(path.parent)
    volume = open_volume(path.name)
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(volume.read(0, 1), stack[:1])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_types(tmp_path, dtype, compression):
    stack = (np.arange(60).reshape(3, 4, 5) - 30).astype(dtype)
    tifffile.imwrite(tmp_path / "a", stack, photometric="minisblack", compression=compression)
    volume = open_volume(tmp_path / "a")
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.read(0, 3), stack)


def test_bilevel_tiff(tmp_path):
    stack = np.random.default_rng(0).random((3, 16, 16)) > 0.5
    tifffile.imwrite(tmp_path / "a", stack, photometric="minisblack")
    volume = open_volume(tmp_path / "a")
    assert volume.dtype == bool
    np.testing.assert_array_equal(volume.read(1, 3), stack[1:])


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_mrc_types(tmp_path, dtype):
    stack = (np.arange(60).reshape(3, 4, 5) - 30).astype(dtype)
    mrcfile.write(tmp_path / "a", stack)
    volume = open_volume(tmp_path / "a")
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.read(1, 2), stack[1:2])


@pytest.mark.parametrize("write", ["tiff", "mrc", "hdf5"])
def test_a_picture_is_one_slice(tmp_path, write):
    picture = np.arange(12, dtype="float32").reshape(3, 4)
    path = tmp_path / "a"
    if write == "tiff":
        tifffile.imwrite(path, picture)
    elif write == "mrc":
        mrcfile.write(path, picture)
    else:
        with h5py.File(path, "w") as file:
            file["picture"] = picture
    volume = open_volume(path)
    assert volume.shape == (1, 3, 4)
    np.testing.assert_array_equal(volume.read(0, 1), picture[np.newaxis])


def test_a_slice_of_a_large_file_is_read_alone(tmp_path):
    path = tmp_path / "large"
    with mrcfile.new_mmap(path, (200, 512, 512), mrc_mode=2) as mrc:
        mrc.data[150] = 3
    assert path.stat().st_size > 200e6
    tracemalloc.start()
    try:
        picture = open_volume(path).read(150, 151)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (picture == 3).all()
    assert peak < 4 * picture.nbytes


def test_only_the_pages_asked_for_are_decoded(tmp_path, monkeypatch):
    tifffile.imwrite(
        tmp_path / "a", np.zeros((20, 8, 8), "uint8"), photometric="minisblack", compression="zlib"
    )
    volume = open_volume(tmp_path / "a")
    decoded = []
    asarray = tifffile.TiffPage.asarray
    monkeypatch.setattr(
        tifffile.TiffPage, "asarray", lambda page: decoded.append(page.index) or asarray(page)
    )
    volume.read(11, 13)
    assert decoded == [11, 12]


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nm", 20),
        ("µm", 0.02),
        ("um", 0.02),
        ("micron", 0.02),
        (r"\u00B5m", 0.02),
        ("mm", 2e-5),
        ("cm", 2e-6),
        ("inch", 20 / 2.54e7),
    ],
)
def test_imagej_units(tmp_path, unit, nm):
    # As ImageJ itself writes it, in Latin-1.
    header = f"ImageJ=1.53t\nimages=2\nslices=2\nunit={unit}\nspacing={nm}\n"
    tifffile.imwrite(
        tmp_path / "a",
        np.zeros((2, 4, 4), "uint8"),
        photometric="minisblack",
        description=header.encode("latin-1"),
        metadata=None,
        resolution=(1 / nm, 1 / nm),
        resolutionunit="NONE",
    )
    assert open_volume(tmp_path / "a").voxel_size_nm == pytest.approx((20, 20, 20), rel=1e-5)


def test_imagej_without_a_unit_has_no_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "a",
        np.zeros((2, 4, 4), "uint8"),
        imagej=True,
        metadata={"axes": "ZYX", "spacing": 3.0, "unit": "pixel"},
        resolution=(0.5, 0.5),
    )
    assert open_volume(tmp_path / "a").voxel_size_nm is None


def test_a_missing_slice_distance_is_assumed_and_said(tmp_path):
    tifffile.imwrite(
        tmp_path / "a",
        np.zeros((2, 4, 4), "uint8"),
        imagej=True,
        metadata={"axes": "ZYX", "unit": "nm"},
        resolution=(1 / 13, 1 / 13),
    )
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm == pytest.approx((13, 13, 13))
    assert "distance between slices" in volume.warnings[0]
    assert open_volume(tmp_path / "a", voxel_size_nm=(20, 13, 13)).warnings == ()


def test_a_default_micrometre_is_doubted(tmp_path):
    tifffile.imwrite(
        tmp_path / "a",
        np.zeros((4, 4), "uint8"),
        imagej=True,
        metadata={"unit": "micron"},
        resolution=(1, 1),
    )
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm == VoxelSize(1000, 1000, 1000)
    assert "10 to 40 nm" in volume.warnings[0]


@pytest.mark.parametrize(("dpi", "nm"), [(72, None), (300, None), (5_080_000, 5.0)])
def test_only_resolutions_beyond_print_are_believed(tmp_path, dpi, nm):
    tifffile.imwrite(
        tmp_path / "a", np.zeros((4, 4), "uint8"), resolution=(dpi, dpi), resolutionunit="INCH"
    )
    size = open_volume(tmp_path / "a").voxel_size_nm
    assert size == (None if nm is None else pytest.approx((nm, nm, nm)))


def test_many_channels_are_slices(tmp_path):
    stack = make_stack("uint8", (8, 5, 6))
    tifffile.imwrite(tmp_path / "a", stack, imagej=True)
    with tifffile.TiffFile(tmp_path / "a") as tif:
        assert tif.series[0].axes == "CYX"
    volume = open_volume(tmp_path / "a")
    np.testing.assert_array_equal(volume.read(0, 8), stack)
    assert "8 slices channels" in volume.warnings[0]


def test_a_renamed_ome_file_opens(tmp_path):
    stack = np.zeros((3, 8, 8), "uint8")
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, ome=True, metadata={"axes": "ZYX"})
    (tmp_path / "a.ome.tif").rename(tmp_path / "input")
    assert open_volume(tmp_path / "input").format == "OME-TIFF"


def test_tiff_series_are_told_apart(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a") as tif:
        tif.write(np.full((3, 8, 8), 5, "uint8"), photometric="minisblack")
        tif.write(np.zeros((4, 4), "uint8"), photometric="minisblack")
    stack = open_volume(tmp_path / "a")
    assert (stack.shape, stack.dataset) == ((3, 8, 8), "series 0")
    assert open_volume(tmp_path / "a", dataset="series 1").shape == (1, 4, 4)


def _with_header(path, **values):
    mrcfile.write(path, np.arange(24, dtype="float32").reshape(2, 3, 4), overwrite=True)
    with mrcfile.open(path, "r+") as mrc:
        for name, value in values.items():
            mrc.header[name] = value


def test_mrc_without_a_cell_has_no_voxel_size(tmp_path):
    _with_header(tmp_path / "a", cella=(0, 0, 0))
    assert open_volume(tmp_path / "a").voxel_size_nm is None


def test_the_height_of_a_stack_of_images_is_not_believed(tmp_path):
    _with_header(tmp_path / "a", mz=1, cella=(400, 300, 9999))
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm == pytest.approx((10, 10, 10))
    assert "stack of images" in volume.warnings[0]
    assert "no distance between slices" in volume.warnings[1]


def test_a_loose_mrc_opens_with_a_word(tmp_path):
    _with_header(tmp_path / "a", machst=[0, 0, 0, 0], map=b"\0\0\0\0", nversion=0)
    volume = open_volume(tmp_path / "a")
    np.testing.assert_array_equal(volume.read(1, 2).ravel(), np.arange(12, 24))
    assert "byte order" in volume.warnings[0]
    assert "mark" in volume.warnings[1]


def test_a_wrong_machine_stamp_is_seen_through(tmp_path):
    _with_header(tmp_path / "a", machst=[0x11, 0x11, 0, 0])
    volume = open_volume(tmp_path / "a")
    np.testing.assert_array_equal(volume.read(0, 1).ravel(), np.arange(12))
    assert "little-endian" in volume.warnings[0]


def test_unmarked_imod_bytes_are_unsigned(tmp_path):
    stack = np.arange(120, 150, dtype="uint8").reshape(2, 3, 5)
    mrcfile.write(tmp_path / "a", stack.view("int8"))
    content = bytearray((tmp_path / "a").read_bytes())
    content[152:160] = np.array([1146047817, 0], "<i4").tobytes()
    (tmp_path / "a").write_bytes(content)
    volume = open_volume(tmp_path / "a")
    assert volume.dtype == np.uint8
    np.testing.assert_array_equal(volume.read(0, 2), stack)


def test_hdf5_with_several_volumes_asks(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["raw"] = np.zeros((2, 3, 4), "uint8")
        file["group/labels"] = np.ones((2, 3, 4), "uint16")
        file["profile"] = np.zeros(5)
    with pytest.raises(DatasetChoiceError, match=r"group/labels \(2, 3, 4\) uint16") as caught:
        open_volume(tmp_path / "a")
    assert caught.value.candidates == ("group/labels", "raw")
    assert open_volume(tmp_path / "a", dataset="/group/labels").dataset == "group/labels"


def test_hdf5_takes_the_only_stack_or_the_well_known_name(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["stack"] = np.zeros((2, 3, 4), "uint8")
        file["picture"] = np.zeros((3, 4), "uint8")
    assert open_volume(tmp_path / "a").dataset == "stack"
    with h5py.File(tmp_path / "a", "a") as file:
        file["exchange/data"] = np.zeros((5, 3, 4), "uint8")
    assert open_volume(tmp_path / "a").dataset == "exchange/data"
