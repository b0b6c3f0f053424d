"""Whatever is wrong with a file, the user gets one sentence that helps."""

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stack_files import WRITERS, make_stack

from deepsxt_core.errors import DeepSXTError, NotATomogramError, UnreadableFileError
from deepsxt_core.io import list_datasets, open_volume


def tiff(path, stack, **options):
    tifffile.imwrite(path, stack, **options)


def hdf5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values


def volume_stack(path):
    with mrcfile.new(path) as mrc:
        mrc.set_data(np.zeros((3, 4, 5, 6), "float32"))


def serial_em_series(path):
    with mrcfile.new(path) as mrc:
        mrc.set_data(np.zeros((3, 5, 6), "int16"))
        mrc.set_extended_header(np.array([-6000, 0, 6000], "<i2"))
        mrc.header.exttyp = b"SERI"
    content = bytearray(path.read_bytes())
    content[128:132] = np.array([2, 1], "<i2").tobytes()
    path.write_bytes(content)


def edited_mrc(path, **values):
    mrcfile.write(path, np.zeros((2, 3, 4), "float32"))
    with mrcfile.open(path, "r+") as mrc:
        for name, value in values.items():
            mrc.header[name] = value


zeros = np.zeros
NOT_TOMOGRAMS = {
    "rgb": (lambda p: tiff(p, zeros((8, 8, 3), "uint8"), photometric="rgb"), "3 colours"),
    "rgb-stack": (lambda p: tiff(p, zeros((4, 8, 8, 3), "uint8"), photometric="rgb"), "3 colours"),
    "time": (
        lambda p: tiff(p, zeros((4, 8, 8), "uint8"), imagej=True, metadata={"axes": "TYX"}),
        "4 time points",
    ),
    "channels": (
        lambda p: tiff(p, zeros((5, 2, 8, 8), "uint8"), imagej=True, metadata={"axes": "ZCYX"}),
        "2 channels",
    ),
    "ome-time": (
        lambda p: tiff(p, zeros((3, 4, 8, 8), "uint8"), ome=True, metadata={"axes": "TZYX"}),
        "3 time points",
    ),
    "five-axes": (
        lambda p: tiff(p, zeros((2, 3, 8, 8), "uint8"), photometric="minisblack"),
        "axes QQYX",
    ),
    "complex-tiff": (lambda p: tiff(p, zeros((8, 8), "complex64")), "complex"),
    "complex-mrc": (lambda p: mrcfile.write(p, zeros((2, 3, 4), "complex64")), "complex"),
    "complex-hdf5": (lambda p: hdf5(p, a=zeros((2, 3, 4), "complex64")), "complex"),
    "colour-mrc": (lambda p: edited_mrc(p, mode=16), "colours"),
    "mrc-volume-stack": (volume_stack, "3 volumes"),
    "serial-em": (serial_em_series, "from -60 to 60 degrees"),
    "data-exchange": (
        lambda p: hdf5(
            p,
            exchange__data=zeros((7, 3, 4), "float32"),
            exchange__data_white=zeros((2, 3, 4), "float32"),
            exchange__theta=zeros(7),
        ),
        "7 projections",
    ),
    "nexus-angles": (
        lambda p: hdf5(p, scan__data=zeros((7, 3, 4)), scan__rotation_angle=zeros(7)),
        "7 projections",
    ),
    "hdf5-text": (lambda p: hdf5(p, a="words", b=zeros(4)), "no array"),
}


@pytest.mark.parametrize("case", NOT_TOMOGRAMS)
def test_other_things_are_named(tmp_path, case):
    make, words = NOT_TOMOGRAMS[case]
    make(tmp_path / "a")
    with pytest.raises(NotATomogramError, match=words):
        open_volume(tmp_path / "a")


UNREADABLE = {
    "empty": (b"", "0 bytes"),
    "text": (b"hello there", "unknown format"),
    "zeiss": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "Zeiss"),
    "gzip": (b"\x1f\x8b\x08" + bytes(2000), "gzip"),
    "zeros": (bytes(5000), "unknown format"),
    "tiff-head": (b"II*\0", "truncated"),
    "tiff-no-page": (b"II*\0" + bytes(20), "without any picture"),
    "hdf5-head": (b"\x89HDF\r\n\x1a\n" + bytes(10), "HDF5"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_content_is_explained(tmp_path, case):
    content, words = UNREADABLE[case]
    (tmp_path / "a.tif").write_bytes(content)
    for look in (open_volume, list_datasets):
        with pytest.raises(UnreadableFileError, match=words):
            look(tmp_path / "a.tif")


def test_missing_files_and_folders_are_explained(tmp_path):
    with pytest.raises(UnreadableFileError, match="no file"):
        open_volume(tmp_path / "none.mrc")
    with pytest.raises(UnreadableFileError, match="folder"):
        open_volume(tmp_path)


@pytest.mark.parametrize(("field", "value", "words"), [("mode", 101, "mode 101"), ("nz", -1, "-1")])
def test_bad_mrc_headers_are_explained(tmp_path, field, value, words):
    edited_mrc(tmp_path / "a", **{field: value})
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(tmp_path / "a")


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6, 0.97])
def test_truncated_files_never_open_as_less(written, keep):
    path, _, _ = written
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(UnreadableFileError):
        open_volume(path)


def test_the_error_counts_the_bytes(tmp_path):
    mrcfile.write(tmp_path / "a", np.zeros((2, 3, 4), "float32"))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-10])
    with pytest.raises(UnreadableFileError, match=r"1120 bytes, but has 1110"):
        open_volume(tmp_path / "a")


def test_a_file_that_shrinks_or_goes_after_opening(written):
    path, stack, _ = written
    volume = open_volume(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UnreadableFileError):
        volume.read(0, len(stack))
    path.unlink()
    with pytest.raises(UnreadableFileError):
        volume.read(0, 1)


def test_values_in_other_files_are_never_followed(tmp_path):
    hdf5(tmp_path / "other", secret=np.ones((2, 3, 4)))
    (tmp_path / "raw").write_bytes(bytes(24))
    layout = h5py.VirtualLayout((2, 3, 4), "float64")
    layout[...] = h5py.VirtualSource(tmp_path / "other", "secret", (2, 3, 4))
    with h5py.File(tmp_path / "a", "w") as file:
        file["link"] = h5py.ExternalLink(tmp_path / "other", "secret")
        file.create_dataset("raw", (2, 3, 4), "u1", external=[(tmp_path / "raw", 0, 24)])
        file.create_virtual_dataset("virtual", layout)
    assert [name for name, _, _ in list_datasets(tmp_path / "a")] == ["raw", "virtual"]
    with pytest.raises(DeepSXTError, match="no dataset"):
        open_volume(tmp_path / "a", dataset="link")
    for name in ("raw", "virtual"):
        with pytest.raises(UnreadableFileError, match="other files"):
            open_volume(tmp_path / "a", dataset=name)


def test_a_part_of_a_multi_file_ome_is_refused(tmp_path):
    path = tmp_path / "part.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 8), "uint8"), ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tif:
        xml = tif.ome_metadata.replace('SizeZ="2"', 'SizeZ="4"')
    tifffile.imwrite(
        path, np.zeros((2, 8, 8), "uint8"), photometric="minisblack", description=xml, metadata=None
    )
    with pytest.raises(UnreadableFileError, match="several files"):
        open_volume(path)


@pytest.mark.parametrize("kind", ["imagej", "ome", "zstd", "mrc", "hdf5"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_raise_only_our_errors(tmp_path, kind, data):
    path = tmp_path / "a"
    path.unlink(missing_ok=True)
    WRITERS[kind][0](path, make_stack(shape=(2, 6, 5)))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(content), 2000) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        volume = open_volume(path)
        volume.read(0, 1)
    except DeepSXTError as error:
        assert str(error)
