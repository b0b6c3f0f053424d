"""The kinds that the rows stand for: masks, axes and sizes, refusals and their causes."""

import json
import zipfile
from dataclasses import replace

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import tifffile
import zarr
from chiral_body import VOXELS, chiral
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from deepsxt_core.cli.main import main
from deepsxt_core.errors import (
    DatasetChoiceError,
    InvalidParameterError,
    NotATomogramError,
    PartChoiceError,
    UnreadableFileError,
    VolumeError,
)
from deepsxt_core.evaluation import compare
from deepsxt_core.io import list_datasets, looks_like_labels, open_volume
from deepsxt_core.io.content import mask_of, segmentation_of
from deepsxt_core.io.readers.reading import blaming_file
from deepsxt_core.preprocessing import measure_intensity
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Mask, Score, Volume
from tests.io.more_files import amira_file

ANY_PATH = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}


# What is a mask.
@settings(max_examples=30, deadline=None)
@given(
    inside=st.sampled_from([1, 7, 127, 200, 255, 40_000, 2**31 - 1]),
    dtype=st.sampled_from(["u1", "u2", "i4", "f4", "f8", "i8"]),
    unjudged=st.booleans(),
)
def test_a_mask_is_what_lies_above_zero(inside, dtype, unjudged):
    values = chiral().astype(dtype)
    values[chiral() > 0] = min(inside, 255 if dtype == "u1" else 65535 if dtype == "u2" else inside)
    if unjudged and np.dtype(dtype).kind != "u":
        values[:, -2:] = -1
    mask = segmentation_of(Volume.from_array(values), 0.0)
    assert isinstance(mask, Mask)
    np.testing.assert_array_equal(mask.read_mask(0, 12), chiral() > 0)


@settings(max_examples=20, deadline=None)
@given(labels=st.integers(1, 100), at=st.integers(0, 11))
def test_signed_bytes_count_from_zero(labels, at):
    """A label on one slice alone is still seen to be below 0, as all others are."""
    values = np.full((12, 20, 30), -128, np.int8)
    values[at, 3:9, 4:11] = -128 + labels
    mask = mask_of(Volume.from_array(values))
    np.testing.assert_array_equal(mask.read_mask(0, 12), values > -128)
    assert mask.volume.read(0, 12).max() == labels


def test_nothing_above_zero_is_asked_about():
    values = -chiral().astype(np.int8)
    with pytest.raises(VolumeError, match="not judged"):
        mask_of(Volume.from_array(values))


def smooth_ball(noise, seed, scale=1.0, base=0.0):
    z, y, x = np.ogrid[-12:12, -16:16, -16:16]
    ball = 1 / (1 + np.exp(np.sqrt(z**2 + y**2 + x**2) - 9))
    values = base + scale * ball + np.random.default_rng(seed).normal(0, noise, ball.shape)
    return values.astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(
    noise=st.floats(0, 0.03),
    seed=st.integers(0, 99),
    threshold=st.sampled_from([0.2, 0.35, 0.5, 0.65, 0.8]),
    as_score=st.booleans(),
)
def test_probabilities_are_cut_where_they_are_told(noise, seed, threshold, as_score):
    values = smooth_ball(noise, seed)
    if as_score:
        values, threshold = np.clip(2 * values - 1, -1, 1), 2 * threshold - 1
    score = segmentation_of(Volume.from_array(values), threshold)
    assert isinstance(score, Score)
    found, true = score.read_mask(0, 24, threshold), values > threshold
    # A score is kept in steps of 2/255.
    sure = np.abs(values - threshold) > 2 / 255
    np.testing.assert_array_equal(found[sure], true[sure])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    scale=st.floats(-300, 300),
    base=st.floats(-1000, 1000),
    dtype=st.sampled_from(["f4", "i2", "u2"]),
)
def test_grey_values_are_refused(seed, scale, base, dtype):
    values = smooth_ball(25, seed, scale, base)
    values = np.clip(values, 0, None) if dtype == "u2" else values
    if np.unique(values.astype(dtype)).size < 1000:
        return
    with pytest.raises(VolumeError, match="deepsxt segment"):
        segmentation_of(Volume.from_array(values.astype(dtype)), 0.5)


def test_absorption_between_zero_and_one_is_no_probability():
    values = np.clip(smooth_ball(0.03, 0, 0.3, 0.25), 0, 1)
    with pytest.raises(VolumeError, match="grey values"):
        segmentation_of(Volume.from_array(values), 0.5)


def test_a_small_grey_object_in_a_void_is_no_mask():
    values = np.zeros((5, 200, 200), np.uint8)
    values[:, 90:110, 90:110] = np.random.default_rng(0).integers(90, 160, (5, 20, 20))
    assert not looks_like_labels(Volume.from_array(values))


def test_many_instances_side_by_side_are_labels():
    blocks = np.arange(1, 401, dtype=np.uint16).reshape(20, 20)
    values = np.repeat(np.repeat(blocks, 12, 0), 12, 1)[None]
    assert looks_like_labels(Volume.from_array(values))


def test_probabilities_need_a_threshold_above_zero():
    with pytest.raises(InvalidParameterError, match="above 0"):
        segmentation_of(Volume.from_array(smooth_ball(0, 0)), 0.0)


def test_what_was_not_judged_is_left_out_of_the_comparison():
    truth = chiral().astype(np.int8)
    truth[6:] = -1
    evaluation = compare(Mask(Volume.from_array(chiral())), Mask(Volume.from_array(truth)))
    assert evaluation.ignored == 6 * 20 * 30
    assert evaluation.report()["f1"] == 1


# Bytes of MRC.
@pytest.mark.parametrize(
    ("least", "greatest", "stamp", "signed"),
    [
        (0, 255, None, False),
        (0, 100, None, True),
        (-128, -127, None, True),
        (0, 255, 1, True),
        (0, 255, 0, False),
        (0, -1, None, True),
    ],
)
def test_the_sign_of_mrc_bytes(tmp_path, least, greatest, stamp, signed):
    path = tmp_path / "a"
    mrcfile.write(path, chiral().astype(np.int8))
    with mrcfile.mmap(path, "r+") as mrc:
        mrc.header.dmin, mrc.header.dmax = least, greatest
    if stamp is not None:
        content = bytearray(path.read_bytes())
        content[152:160] = np.array([1146047817, stamp], "<i4").tobytes()
        path.write_bytes(content)
    assert open_volume(path).dtype == ("int8" if signed else "uint8")


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("cella", (-300, 200, 120), "no size"),
        ("cella", (np.nan, 200, 120), "no size"),
        ("cellb", (90, 90, 120), "cell angles"),
        ("mx", 0, "intervals"),
        ("mapc", 7, "order of the axes"),
        ("mapr", 1, "order of the axes"),
    ],
)
def test_odd_mrc_headers_are_told(tmp_path, field, value, word):
    mrcfile.write(tmp_path / "a", chiral().astype(np.float32), voxel_size=100)
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.header[field] = value
    volume = open_volume(tmp_path / "a")
    assert any(word in warning for warning in volume.warnings)
    np.testing.assert_array_equal(volume.read(0, 12), chiral())


# Axes and sizes in HDF5 and zarr.
SPELLINGS = [
    {"voxel_size": [20, 13, 12.5], "unit": "nm"},
    {"voxel_size": [0.02, 0.013, 0.0125], "units": "um"},
    {"resolution": [20, 13, 12.5], "units": ["nm", "nm", "nm"], "offset": [1, 2, 3]},
    {"voxel_size_nm": [20, 13, 12.5]},
    {"pixel_size": [200, 130, 125], "unit": "angstrom"},
    {"element_size_um": [0.02, 0.013, 0.0125]},
    {"spacing": [20e-9, 13e-9, 12.5e-9], "units": "m"},
    {"Voxel_Size": [20, 13, 12.5], "voxel_size_unit": "nanometers"},
]


@pytest.mark.parametrize("attributes", SPELLINGS, ids=lambda each: next(iter(each)))
@pytest.mark.parametrize("kind", ["hdf5", "group", "zarr"])
def test_sizes_are_found_under_their_usual_names(tmp_path, attributes, kind):
    path = tmp_path / "a"
    if kind == "zarr":
        array = zarr.create_array(path, data=chiral(), zarr_format=2)
        array.attrs.update(attributes)
    else:
        with h5py.File(path, "w") as file:
            file["volumes/raw"] = chiral()
            file["volumes" if kind == "group" else "volumes/raw"].attrs.update(attributes)
    volume = open_volume(path)
    assert volume.voxel_size_nm == pytest.approx((20, 13, 12.5))
    assert volume.origin_nm == ((1, 2, 3) if "offset" in attributes else (0, 0, 0))
    assert not volume.warnings


@pytest.mark.parametrize(
    "attributes",
    [
        {"voxel_size": [10, 10, 10]},
        {"resolution": [40, 4, 4]},
        {"pixel_size": "13 nm", "unit": "parsec"},
        {"voxel_size": [10, 10, 10], "unit": "furlong"},
    ],
)
def test_a_size_that_is_seen_and_not_used_is_told(tmp_path, attributes):
    with h5py.File(tmp_path / "a", "w") as file:
        file["raw"] = chiral()
        file["raw"].attrs.update(attributes)
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm is None
    assert next(iter(attributes)) in volume.warnings[0]


def tagged(letters):
    return json.dumps({"axes": [{"key": letter, "typeFlags": 2} for letter in letters]})


@settings(max_examples=25, **ANY_PATH)
@given(order=st.permutations("zyxct"), channels=st.integers(1, 3), times=st.integers(1, 2))
def test_axis_tags_say_which_part_is_the_volume(tmp_path_factory, order, channels, times):
    """Each part holds the body times its own number, whatever the order of the axes."""
    numbers = 1 + np.arange(channels * times).reshape(channels, times)
    full = np.einsum("zyx,ct->zyxct", chiral().astype(np.uint8), numbers.astype(np.uint8))
    path = tmp_path_factory.mktemp("file") / "a"
    with h5py.File(path, "w") as file:
        file["data"] = full.transpose(["zyxct".index(letter) for letter in order])
        file["data"].attrs["axistags"] = tagged(order)
    names = [name for name, *_ in list_datasets(path)]
    assert len(names) == channels * times
    if len(names) == 1:
        np.testing.assert_array_equal(open_volume(path).read(0, 12), chiral())
        return
    with pytest.raises(PartChoiceError) as caught:
        open_volume(path)
    assert list(caught.value.candidates) == names
    found = set()
    for name in names:
        values = open_volume(path, dataset=name).read(0, 12)
        np.testing.assert_array_equal(values > 0, chiral() > 0)
        found.add(int(values.max()))
    assert found == set(range(1, channels * times + 1))


def test_channels_of_ome_zarr_are_a_choice(tmp_path):
    group = zarr.open_group(tmp_path / "a", mode="w", zarr_format=2)
    group.create_array("0", data=np.stack([chiral(), 2 * chiral()]))
    axes = [{"name": name} for name in "czyx"]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}]}]
    with pytest.raises(PartChoiceError, match="2 channels") as caught:
        open_volume(tmp_path / "a")
    assert caught.value.candidates == ("0#0", "0#1")
    np.testing.assert_array_equal(
        open_volume(tmp_path / "a", dataset="0#1").read(0, 12), 2 * chiral()
    )


def test_uneven_coordinates_are_told(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["data"], file["z"] = chiral(), np.arange(12.0) ** 2
        file.attrs["signal"], file.attrs["axes"] = "data", ["z", ".", "."]
        file["z"].attrs["units"] = "nm"
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm is None
    assert "not evenly spaced" in volume.warnings[0]


def test_velox_images_have_their_pixel_size(tmp_path):
    told = {"BinaryResult": {"PixelSize": {"width": "1.3e-8", "height": "1.3e-8"}}}
    with h5py.File(tmp_path / "a", "w") as file:
        group = file.create_group("Data/Image/0a1b")
        group["Data"] = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50, 1)
        text = np.frombuffer(json.dumps(told).encode().ljust(500, b"\0"), np.uint8)
        group["Metadata"] = text[:, None]
    volume = open_volume(tmp_path / "a")
    assert volume.shape == (1, 40, 50)
    assert volume.voxel_size_nm == pytest.approx((13, 13, 13))


def test_values_of_bigdataviewer_have_no_sign(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t00000/s00/0/cells"] = np.full((3, 4, 5), 40_000, np.uint16).view(np.int16)
        file["s00/resolutions"], file["s00/subdivisions"] = np.ones((1, 3)), np.ones((1, 3), int)
    volume = open_volume(tmp_path / "a.h5")
    assert (volume.read(0, 3) == 40_000).all()
    assert "a.xml" in volume.warnings[0]


# Ways through.
def test_a_short_series_is_opened_as_slices_when_asked(tmp_path):
    stack = np.random.default_rng(0).integers(0, 255, (4, 8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a", stack, imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(PartChoiceError, match="4 time points") as caught:
        open_volume(tmp_path / "a")
    slices, first = caught.value.candidates[:2]
    np.testing.assert_array_equal(open_volume(tmp_path / "a", dataset=slices).read(0, 4), stack)
    np.testing.assert_array_equal(
        open_volume(tmp_path / "a", dataset=first).read(0, 1)[0], stack[0]
    )


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_one_channel_of_a_hyperstack(tmp_path, compression):
    stack = np.random.default_rng(0).integers(0, 255, (5, 2, 8, 9), np.uint8)
    tifffile.imwrite(
        tmp_path / "a", stack, imagej=True, metadata={"axes": "ZCYX"}, compression=compression
    )
    assert len(list_datasets(tmp_path / "a")) == 2
    volume = open_volume(tmp_path / "a", dataset="series 0#1")
    np.testing.assert_array_equal(volume.read(1, 5), stack[1:, 1])


@settings(max_examples=15, **ANY_PATH)
@given(n=st.integers(1, 12), white=st.booleans(), seed=st.integers(0, 99))
def test_each_colour_is_a_label(tmp_path_factory, n, white, seed):
    colours = np.random.default_rng(seed).choice(np.arange(1, 250), (n + 1, 3), replace=False)
    colours[0] = 255 if white else 0
    numbers = np.zeros((3, 40, 40), np.uint8)
    for label in range(1, n + 1):
        numbers[:, 3 * label : 3 * label + 3, 3:30] = label
    path = tmp_path_factory.mktemp("file") / "a"
    tifffile.imwrite(path, colours.astype(np.uint8)[numbers], photometric="rgb")
    volume = open_volume(path)
    values = volume.read(0, 3)
    assert f"{n} colours" in volume.warnings[0]
    np.testing.assert_array_equal(values > 0, numbers > 0)
    assert len(np.unique(np.stack([values, numbers]).reshape(2, -1), axis=1).T) == n + 1


def test_grey_values_kept_as_colours_open(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (3, 20, 20), np.uint8)
    tifffile.imwrite(tmp_path / "a", np.stack([grey] * 3, -1), photometric="rgb")
    np.testing.assert_array_equal(open_volume(tmp_path / "a").read(0, 3), grey)


def test_a_photograph_is_no_label_stack(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a", picture, photometric="rgb")
    with pytest.raises(VolumeError, match="3 colours"):
        open_volume(tmp_path / "a")


def test_one_file_in_a_zip_opens_whatever_lies_beside_it(tmp_path):
    mrcfile.write(tmp_path / "body.mrc", chiral().astype(np.int8), voxel_size=100)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "body.mrc", "folder/body.mrc")
        archive.writestr("__MACOSX/folder/._body.mrc", b"anything")
        archive.writestr("folder/.DS_Store", b"anything")
    volume = open_volume(tmp_path / "a.zip")
    assert volume.format == "MRC (zip)"
    np.testing.assert_array_equal(volume.read(0, 12), chiral())
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("folder/readme.txt", b"anything")
    # What is no tomogram does not matter; a second one does.
    np.testing.assert_array_equal(open_volume(tmp_path / "a.zip").read(0, 12), chiral())
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name in ("body.mrc", "second.mrc"):
            archive.write(tmp_path / "body.mrc", name)
    with pytest.raises(UnreadableFileError, match="2 files that could be the tomogram"):
        open_volume(tmp_path / "b.zip")


def test_a_header_that_is_no_header_leads_nowhere(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(12 * 20 * 30))
    header = "NDims = 3\nDimSize = 30 20 12\nElementType = MET_UCHAR\nElementDataFile = {}\n"
    for name, where in (("a.mha", "secret"), ("a.mhd", "../a/secret"), ("a.mhd", "/etc/passwd")):
        (tmp_path / name).write_text(header.format(where))
        with pytest.raises(UnreadableFileError, match="another file"):
            open_volume(tmp_path / name)
    (tmp_path / "a.mhd").write_text(header.format("secret"))
    assert open_volume(tmp_path / "a.mhd").shape == (12, 20, 30)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"IMODV1.2", "IMOD model"),
        (b"# HyperSurface 0.1 BINARY", "surface of Amira"),
        (b"\0\0\0\3\0\1\2\3\0\0\0\1", "DM3"),
        (b"\0\0\0\4\0\0\0\0\0\1\2\3\0\0\0\1", "DM4"),
        (b"\x89PNG\r\n\x1a\n", "PNG picture"),
        (b"<?xml version='1.0'?><SpimData>", "BigDataViewer"),
        (b'{"axes": []}', "JSON"),
        (b"x,y,z\n1,2,3\n", "text file"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"solid body\nfacet", "STL surface"),
        (b"ply\nformat ascii 1.0\n", "PLY surface"),
        (b"# made by hand\nv 1 2 3\n", "OBJ surface"),
    ],
)
def test_other_files_are_called_by_their_names(tmp_path, head, words):
    (tmp_path / "a").write_bytes(head.ljust(600, b" " if head[:1].isascii() else b"\0"))
    with pytest.raises(UnreadableFileError, match=words):
        open_volume(tmp_path / "a")


# True causes.
@pytest.mark.parametrize(
    ("error", "word"),
    [
        (PermissionError(13, "Permission denied"), "no right"),
        (OSError(5, "Input/output error"), "disk or the network"),
        (EOFError("ended early"), "is damaged"),
        (ValueError("unknown flavour"), "not as the format has it"),
    ],
)
def test_a_file_is_called_damaged_only_where_it_is(tmp_path, error, word):
    with (
        pytest.raises(UnreadableFileError, match=word) as caught,
        blaming_file(tmp_path / "a", "MRC"),
    ):
        raise error
    assert ("damaged" in str(caught.value)) == (word == "is damaged")


def test_a_choice_survives_the_process_that_looks_first(tmp_path):
    from deepsxt_core.io.probe import probe

    stack = np.zeros((4, 8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a", stack, imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(DatasetChoiceError) as caught:
        probe(tmp_path / "a")
    assert isinstance(caught.value, PartChoiceError)
    assert caught.value.candidates[0] == "series 0#slices"


# Masks without anything outside, and inverted ones.
@pytest.mark.parametrize("first", [1, 5, 32_768])
def test_a_mask_that_marks_every_voxel_is_asked_about(first):
    values = (chiral().astype(np.uint16)) + np.uint16(first)
    mask = Mask(Volume.from_array(values))
    with pytest.raises(InvalidParameterError, match=f"outside, {first}"):
        reconstruct(mask)
    told = ReconstructParams(outside=first)
    assert reconstruct(mask, told).objects[0].voxels == VOXELS
    each = replace(told, each_label=True)
    assert [row.voxels for row in reconstruct(mask, each).objects] == [VOXELS]


def test_an_inverted_mask_is_told_and_can_be_turned():
    values = 255 * (1 - chiral())
    surfaces = reconstruct(Mask(Volume.from_array(values)))
    assert surfaces.report is not None
    assert any("inverted" in each for each in surfaces.report.sentences(1, "voxel"))
    turned = reconstruct(Mask(Volume.from_array(values)), ReconstructParams(outside=255))
    assert turned.objects[0].voxels == VOXELS
    assert turned.report is not None
    assert not any("inverted" in each for each in turned.report.sentences(1, "voxel"))


def test_a_truth_without_anything_outside_is_refused():
    with pytest.raises(InvalidParameterError, match="none is 0"):
        compare(Mask(Volume.from_array(chiral())), Mask(Volume.from_array(chiral() + 1)))


# What is seen and not used, or stored in another way than it looks.
def test_imaris_files_have_a_size_and_no_filling(tmp_path):
    with h5py.File(tmp_path / "a.ims", "w") as file:
        for level, n in enumerate((16, 8)):
            name = f"DataSet/ResolutionLevel {level}/TimePoint 0/Channel 0"
            data = np.zeros((n, 2 * n, 2 * n), np.uint8)
            data[:12, :20, :30] = chiral()[: len(data), : 2 * n, : 2 * n]
            group = file.create_group(name)
            group["Data"] = data
            for axis, size in zip("ZYX", chiral().shape, strict=True):
                group.attrs[f"ImageSize{axis}"] = np.array(list(str(size)), "S1")
        image = file.create_group("DataSetInfo/Image")
        for axis, (n, edge) in enumerate(zip((30, 20, 12), (12.5, 13, 20), strict=True)):
            image.attrs[f"ExtMin{axis}"] = np.array(list("1"), "S1")
            image.attrs[f"ExtMax{axis}"] = np.array(list(repr(1 + n * edge / 1000)), "S1")
        image.attrs["Unit"] = np.array(list("um"), "S1")
        file["Thumbnail/Data"] = np.zeros((8, 8), np.uint8)
    volume = open_volume(tmp_path / "a.ims")
    assert volume.voxel_size_nm == pytest.approx((20, 13, 12.5))
    assert volume.origin_nm == pytest.approx((1010, 1006.5, 1006.25))
    np.testing.assert_array_equal(volume.read(0, 12), chiral())


def test_matlab_keeps_rows_columns_and_slices(tmp_path):
    in_matlab = chiral().transpose(1, 2, 0)  # (row, column, slice), as it shows pictures
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["volume"] = in_matlab.T
        file["volume"].attrs["MATLAB_class"] = np.bytes_("uint8")
    volume = open_volume(tmp_path / "a.mat")
    np.testing.assert_array_equal(volume.read(0, 12), chiral())
    assert any("MATLAB" in warning for warning in volume.warnings)


@pytest.mark.parametrize(
    ("attributes", "word"),
    [({"scale_factor": 0.5, "add_offset": 10.0}, "add_offset 10"), ({"apix_x": 2.2}, "apix_x")],
)
@pytest.mark.parametrize("kind", ["hdf5", "zarr"])
def test_attributes_that_are_not_used_are_told(tmp_path, attributes, word, kind):
    if kind == "zarr":
        zarr.create_array(tmp_path / "a", data=chiral(), zarr_format=2).attrs.update(attributes)
    else:
        with h5py.File(tmp_path / "a", "w") as file:
            file["image"] = chiral()
            file["image"].attrs.update(attributes)
    assert any(word in warning for warning in open_volume(tmp_path / "a").warnings)


def test_slices_beyond_the_header_are_told(tmp_path):
    mrcfile.write(tmp_path / "a", chiral().astype(np.int8))
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.header.nz = mrc.header.mz = 7
    assert any("5 more slices" in warning for warning in open_volume(tmp_path / "a").warnings)


def test_metaimage_skips_what_itk_skips(tmp_path):
    header = (
        "NDims = 3\nDimSize = 30 20 12\nHeaderSize = {}\nElementType = MET_UCHAR\n"
        "ElementDataFile = LOCAL\n"
    )
    n = len(header.format(999)) + 10
    (tmp_path / "a.mha").write_bytes(header.format(n).encode().ljust(n) + chiral().tobytes())
    np.testing.assert_array_equal(open_volume(tmp_path / "a.mha").read(0, 12), chiral())


def test_values_beyond_32_bits_are_refused():
    values = np.random.default_rng(0).normal(0, 1e300, (3, 40, 40))
    with pytest.raises(UnreadableFileError, match="32 bits"):
        measure_intensity(Volume.from_array(values))


# Slices, and folders and archives of one volume.
def write_pictures(folder, suffix, stack):
    folder.mkdir()
    for z, image in enumerate(stack):
        Image.fromarray(image).save(folder / f"slice{z + 7}.{suffix}")


def zipped(folder):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"inside/{file.name}")
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
@pytest.mark.parametrize("in_zip", [False, True])
def test_pictures_are_slices_in_the_order_of_their_numbers(tmp_path, suffix, in_zip):
    write_pictures(tmp_path / "a", suffix, 255 * chiral())
    path = zipped(tmp_path / "a") if in_zip else tmp_path / "a"
    volume = open_volume(path)
    assert volume.path == path
    np.testing.assert_array_equal(volume.read(0, 12), 255 * chiral())
    np.testing.assert_array_equal(volume.read(3, 4)[0], 255 * chiral()[3])


def test_jpeg_slices_come_with_a_word(tmp_path):
    write_pictures(tmp_path / "a", "jpg", np.full((3, 20, 30), 90, np.uint8))
    volume = open_volume(tmp_path / "a")
    np.testing.assert_allclose(volume.read(0, 3), 90, atol=2)
    assert "JPEG" in volume.warnings[0]


@pytest.mark.parametrize("in_zip", [False, True])
def test_slices_of_two_sizes_are_named(tmp_path, in_zip):
    write_pictures(tmp_path / "a", "png", chiral())
    Image.fromarray(chiral()[0, :10]).save(tmp_path / "a" / "slice9.png")
    path = zipped(tmp_path / "a") if in_zip else tmp_path / "a"
    with pytest.raises(NotATomogramError, match=r"'slice7.png' holds .*'slice9.png'"):
        open_volume(path)


def test_pictures_in_colour_are_no_slices(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (2, 20, 30, 3), np.uint8)
    write_pictures(tmp_path / "a", "png", colours)
    with pytest.raises(NotATomogramError, match="colours"):
        open_volume(tmp_path / "a").read(0, 2)
    write_pictures(tmp_path / "b", "png", np.repeat(chiral()[..., None], 3, -1))
    np.testing.assert_array_equal(open_volume(tmp_path / "b").read(0, 12), chiral())


@pytest.mark.parametrize("in_zip", [False, True])
def test_a_folder_with_one_volume_is_that_volume(tmp_path, in_zip):
    folder = tmp_path / "a"
    folder.mkdir()
    header = "NDims = 3\nDimSize = 30 20 12\nElementType = MET_UCHAR\nElementDataFile = b.raw\n"
    (folder / "b.mhd").write_text(header)
    (folder / "b.raw").write_bytes(chiral().tobytes())
    (folder / "notes.txt").write_text("made by hand")
    path = zipped(folder) if in_zip else folder
    volume = open_volume(path)
    assert volume.path == path
    np.testing.assert_array_equal(volume.read(0, 12), chiral())


def test_an_archive_that_changed_is_read_anew(tmp_path):
    write_pictures(tmp_path / "a", "png", chiral())
    path = zipped(tmp_path / "a")
    before = open_volume(path)
    write_pictures(tmp_path / "b", "png", 2 * chiral())
    path.write_bytes(zipped(tmp_path / "b").read_bytes())
    with pytest.raises(UnreadableFileError, match="changed"):
        before.read(0, 1)
    np.testing.assert_array_equal(open_volume(path).read(0, 12), 2 * chiral())


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("attributes.json", '{"n5": "2.5.0"}', "N5"),
        ("info", '{"@type": "neuroglancer_multiscale_volume"}', "Neuroglancer"),
        ("a.dcm", "\0" * 128 + "DICM" + "\0" * 600, "DICOM"),
    ],
)
def test_folders_that_cannot_be_opened_are_called_by_their_names(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(UnreadableFileError, match=word):
        open_volume(tmp_path)


def test_a_link_in_a_folder_leads_nowhere(tmp_path):
    mrcfile.write(tmp_path / "secret.mrc", chiral().astype(np.int8))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.mrc").symlink_to(tmp_path / "secret.mrc")
    with pytest.raises(UnreadableFileError, match="leads out"):
        open_volume(tmp_path / "a")


# Said by the user.
@settings(max_examples=15, **ANY_PATH)
@given(order=st.permutations("zyx"), flips=st.sets(st.sampled_from("zyx")), sized=st.booleans())
def test_axes_that_are_given_win(tmp_path_factory, order, flips, sized):
    path = tmp_path_factory.mktemp("file") / "a.mrc"
    stored = np.flip(chiral(), ["zyx".index(letter) for letter in flips])
    stored = np.ascontiguousarray(stored.transpose(["zyx".index(letter) for letter in order]))
    mrcfile.write(path, stored.astype(np.int8), voxel_size=100 if sized else None)
    axes = "".join("-" * (letter in flips) + letter for letter in order)
    volume = open_volume(path, dataset=f"@{axes}")
    np.testing.assert_array_equal(volume.read(0, 12), chiral())
    assert volume.dataset == f"@{axes}"
    size = open_volume(path, dataset=f"@{axes}", voxel_size_nm=(30, 20, 10)).voxel_size_nm
    assert size == (30, 20, 10)


def run_info(capsys, *options):
    code = main(["info", *map(str, options), "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out) if code == 0 else printed.err


def test_channel_and_time_are_options(tmp_path, capsys):
    stack = np.arange(3 * 12 * 2, dtype=np.uint8).reshape(3, 12, 2, 1, 1)
    stack = np.broadcast_to(stack, (3, 12, 2, 8, 9)).copy()
    tifffile.imwrite(tmp_path / "a", stack, imagej=True, metadata={"axes": "TZCYX"})
    code, error = run_info(capsys, tmp_path / "a", "--channel", "1")
    assert code == 1
    assert "3 time points" in error
    code, told = run_info(capsys, tmp_path / "a", "--channel", "1", "--time", "2")
    assert (code, told["shape"]) == (0, [12, 8, 9])
    volume = open_volume(tmp_path / "a", dataset=told["dataset"])
    np.testing.assert_array_equal(volume.read(0, 12), stack[2, :, 1])
    code, error = run_info(capsys, tmp_path / "a", "--channel", "5", "--time", "0")
    assert code == 1


def test_these_are_slices(tmp_path, capsys):
    stack = np.random.default_rng(0).integers(0, 255, (4, 8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a", stack, imagej=True, metadata={"axes": "TYX"})
    code, told = run_info(capsys, tmp_path / "a", "--axes", "zyx")
    assert (code, told["shape"]) == (0, [4, 8, 9])
    volume = open_volume(tmp_path / "a", dataset=told["dataset"])
    np.testing.assert_array_equal(volume.read(0, 4), stack)


def test_axes_and_channels_that_there_are_not(tmp_path, capsys):
    np.save(tmp_path / "a.npy", chiral())
    for options in (["--axes", "zyy"], ["--axes", "tyx"], ["--channel", "1"]):
        code, error = run_info(capsys, tmp_path / "a.npy", *options)
        assert code == 1, options
        assert error.count("\n") == 1


MATERIALS = """    Materials {
        Exterior { Id 1 }
        "Cell wall" { Color 1 0.5 0, Id 4, Group { Id 2, Color 0 0 0 } }
        Nucleus { Id 3 Color 0 0 1 }
    }
"""


@pytest.mark.parametrize("kind", ["amira", "slicer"])
def test_names_and_colours_of_labels_are_kept(tmp_path, kind):
    labels = chiral().astype(np.uint8)
    labels[8:] *= 2
    if kind == "amira":
        content = amira_file(labels, (10, 10, 10))
        content = content.replace(b"Parameters {\n", b"Parameters {\n" + MATERIALS.encode(), 1)
        (tmp_path / "a").write_bytes(content)
    else:
        header = {
            f"Segment{place}_{key}": value
            for place, told in enumerate([("Cell wall", "1 0.5 0"), ("Nucleus", "0 0 1")])
            for key, value in zip(
                ("Name", "Color", "LabelValue"), (*told, str(place + 1)), strict=True
            )
        }
        with (tmp_path / "a").open("wb") as file:
            nrrd.write(file, labels.T, header)
    assert {n: t.name for n, t in open_volume(tmp_path / "a").tags.items()} == {
        1: "Cell wall",
        2: "Nucleus",
    }
    out = tmp_path / "out"
    code = main(
        ["measure", str(tmp_path / "a"), "--out", str(out), "--each-label", "--min-voxels", "1"]
    )
    assert code == 0
    table = next(out.glob("objects*.csv")).read_text(encoding="utf-8")
    assert "Cell wall" in table
    assert "Nucleus" in table
    surfaces = reconstruct(
        Mask(open_volume(tmp_path / "a")), ReconstructParams(each_label=True, min_voxels=1)
    )
    assert [(row.name, row.colour) for row in surfaces.objects] == [
        ("Cell wall", "#ff8000"),
        ("Nucleus", "#0000ff"),
    ]


def _four_axes(path, kind, stack):
    """Write (t, z, y, x), in NRRD's and ITK's words the fastest or the slowest axis."""
    if kind == "npy":
        np.save(path, stack)
    elif kind == "npz":
        np.savez(path, a=stack)
    elif kind == "nifti":
        image = nibabel.Nifti1Image(stack.T, np.diag([0.01, 0.01, 0.02, 1]))
        image.header.set_xyzt_units("micron")
        path.write_bytes(image.to_bytes())
    elif kind == "nrrd-fastest":
        steps = np.array([[np.nan] * 3, [10, 0, 0], [0, 10, 0], [0, 0, 20]])
        header = {"space dimension": 3, "space directions": steps, "space units": ["nm"] * 3}
        with path.open("wb") as file:
            nrrd.write(file, stack.transpose(0, 3, 2, 1), header)
    else:
        channels = kind == "mha-channels"
        text = (
            f"NDims = {3 if channels else 4}\nDimSize = 30 20 12{'' if channels else ' 2'}\n"
            f"ElementSpacing = 1e-5 1e-5 2e-5{'' if channels else ' 1'}\n"
            f"ElementNumberOfChannels = {2 if channels else 1}\nElementType = MET_UCHAR\n"
            "ElementDataFile = LOCAL\n"
        )
        values = np.moveaxis(stack, 0, -1) if channels else stack
        path.write_bytes(text.encode() + np.ascontiguousarray(values).tobytes())


@pytest.mark.parametrize(
    "kind", ["npy", "npz", "nifti", "nrrd-fastest", "mha-channels", "mha-times"]
)
def test_one_of_four_axes_is_a_choice(tmp_path, kind):
    stack = np.stack([chiral(), 2 * chiral()])
    path = tmp_path / ("a.npz" if kind == "npz" else "a.npy" if kind == "npy" else "a")
    _four_axes(path, kind, stack)
    with pytest.raises(PartChoiceError) as caught:
        open_volume(path)
    assert [name for name, *_ in list_datasets(path)] == list(caught.value.candidates)
    for name, expected in zip(caught.value.candidates, stack, strict=True):
        volume = open_volume(path, dataset=name)
        assert volume.dataset == name
        np.testing.assert_array_equal(volume.read(0, 12), expected)
        np.testing.assert_array_equal(volume.read(5, 7), expected[5:7])
        if "np" not in kind:
            assert volume.voxel_size_nm == pytest.approx((20, 10, 10), rel=1e-5)


def test_an_axis_of_length_one_behind_is_dropped(tmp_path):
    np.save(tmp_path / "a.npy", chiral()[..., None])
    np.testing.assert_array_equal(open_volume(tmp_path / "a.npy").read(0, 12), chiral())
