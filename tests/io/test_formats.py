"""What single formats do on their own, beyond what all do alike."""

import gzip
from pathlib import Path

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import tifffile
from more_files import amira_file, em_file, zeiss_file
from stack_files import EDGES_NM, FOLDERS, make_stack, ome_zarr_folder, tiff_slices

from deepsxt_core.errors import DatasetChoiceError, NotATomogramError, UnreadableFileError
from deepsxt_core.io import list_datasets, open_volume


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_open_like_files(tmp_path, kind):
    stack = make_stack()
    FOLDERS[kind](tmp_path / "a", stack)
    volume = open_volume(tmp_path / "a")
    assert (volume.shape, volume.dtype) == (stack.shape, stack.dtype)
    np.testing.assert_array_equal(volume.read(0, 6), stack)
    np.testing.assert_array_equal(volume.read(2, 5), stack[2:5])
    if not kind.endswith("-slices"):
        assert volume.voxel_size_nm == pytest.approx(EDGES_NM, rel=1e-6)
    ((name, shape, dtype),) = list_datasets(tmp_path / "a")
    assert (shape, dtype) == (stack.shape, stack.dtype)
    assert open_volume(tmp_path / "a", dataset=name).shape == stack.shape


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_stay_untouched_and_closed(tmp_path, kind):
    FOLDERS[kind](tmp_path / "a", make_stack())
    before = {path: path.stat() for path in tmp_path.rglob("*") if path.is_file()}
    open_volume(tmp_path / "a").read(0, 6)
    after = {path: path.stat() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: (s.st_size, s.st_mtime_ns) for path, s in before.items()} == {
        path: (s.st_size, s.st_mtime_ns) for path, s in after.items()
    }
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        targets = [link.resolve() for link in descriptors.iterdir()]
        assert not any(target.is_relative_to(tmp_path / "a") for target in targets)


def test_other_folders_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UnreadableFileError, match="neither OME-Zarr"):
        open_volume(tmp_path)


def test_slices_of_different_sizes_are_no_stack(tmp_path):
    tiff_slices(tmp_path / "a", make_stack())
    tifffile.imwrite(tmp_path / "a" / "slice_8.tif", np.zeros((5, 5), "uint16"))
    with pytest.raises(NotATomogramError, match=r"slice_8\.tif"):
        open_volume(tmp_path / "a")


@pytest.mark.parametrize(("axes", "words"), [("tczyx", "3 time points"), ("tzyx", "3 time points")])
def test_zarr_time_series_are_refused(tmp_path, axes, words):
    import zarr

    ome_zarr_folder(tmp_path / "a", make_stack(), axes=axes)
    group = zarr.open_group(tmp_path / "a", mode="a")
    group.create_array("0", data=np.zeros((3,) + (1,) * (len(axes) - 3) + (4, 5)), overwrite=True)
    with pytest.raises(NotATomogramError, match=words):
        open_volume(tmp_path / "a")


def test_zarr_levels_can_be_named(tmp_path):
    import zarr

    ome_zarr_folder(tmp_path / "a", make_stack())
    group = zarr.open_group(tmp_path / "a", mode="a")
    group.create_array("1", data=np.ones((3, 4, 5), "uint16"))
    (image,) = group.attrs["ome"]["multiscales"]
    half = {"type": "scale", "scale": [0.04, 0.026, 0.025]}
    shift = {"type": "translation", "translation": [0.01, 0.0, -0.002]}
    image["datasets"].append({"path": "1", "coordinateTransformations": [half, shift]})
    group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
    assert open_volume(tmp_path / "a").shape == (6, 37, 23)
    second = open_volume(tmp_path / "a", dataset="1")
    assert second.shape == (3, 4, 5)
    assert second.voxel_size_nm == pytest.approx((40, 26, 25))
    assert second.origin_nm == pytest.approx((10, 0, -2))


def test_a_plain_zarr_array_opens_without_a_size(tmp_path):
    import zarr

    zarr.save_array(tmp_path / "a", make_stack())
    volume = open_volume(tmp_path / "a")
    assert (volume.shape, volume.voxel_size_nm, volume.format) == (
        (6, 37, 23),
        None,
        "zarr (folder)",
    )


@pytest.mark.parametrize(
    ("angles", "n", "words"),
    [
        ([3.0], 1, "one X-ray projection"),
        (np.linspace(-60, 60, 5), 5, "5 angles from -60.0 to 60.0"),
    ],
)
def test_zeiss_projections_are_refused(tmp_path, angles, n, words):
    (tmp_path / "a").write_bytes(zeiss_file(make_stack(shape=(n, 4, 5)), angles=angles))
    with pytest.raises(NotATomogramError, match=words):
        open_volume(tmp_path / "a")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_zeiss_reconstructions_keep_the_angles_they_come_from(tmp_path, dtype):
    stack = make_stack(dtype, (120, 4, 5))
    (tmp_path / "a.txm").write_bytes(zeiss_file(stack, 0.0098, angles=np.arange(120)))
    volume = open_volume(tmp_path / "a.txm")
    assert volume.voxel_size_nm == pytest.approx((9.8,) * 3)
    np.testing.assert_array_equal(volume.read(95, 105), stack[95:105])


def test_a_zeiss_file_without_its_images_is_refused(tmp_path):
    content = zeiss_file(make_stack("uint8", (3, 4, 5)))
    wide = content.replace("Image3".encode("utf-16-le"), "Imagf3".encode("utf-16-le"))
    (tmp_path / "a.txm").write_bytes(wide)
    with pytest.raises(UnreadableFileError, match="image 3 is missing"):
        open_volume(tmp_path / "a.txm")


def test_another_ole_file_is_no_tomogram(tmp_path):
    from more_files import ole_file

    (tmp_path / "a.doc").write_bytes(ole_file({"WordDocument": b"text"}))
    with pytest.raises(UnreadableFileError, match="Zeiss microscope"):
        open_volume(tmp_path / "a.doc")


def test_amira_origin_and_units(tmp_path):
    (tmp_path / "a.rec").write_bytes(
        amira_file(make_stack(), (0.02, 0.013, 0.0125), "raw", (1.0, -2.0, 3.0), "µm")
    )
    volume = open_volume(tmp_path / "a.rec")
    assert volume.voxel_size_nm == pytest.approx(EDGES_NM)
    assert volume.origin_nm == pytest.approx((1000, -2000, 3000))


def test_amira_without_a_unit_has_no_size_but_a_word(tmp_path):
    (tmp_path / "a").write_bytes(amira_file(make_stack(), EDGES_NM, unit=""))
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm is None
    assert "in which unit" in volume.warnings[0]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b"ushort Data", b"float[3] V  ", NotATomogramError),
        (b'CoordType "uniform"', b'CoordType "stacked"', NotATomogramError),
        (b"} @1", b"} @1(HxFancy,3)", UnreadableFileError),
        (b"\n@1\n", b"\n@7\n", UnreadableFileError),
    ],
)
def test_other_amira_files_are_refused(tmp_path, old, new, error):
    (tmp_path / "a").write_bytes(amira_file(make_stack()).replace(old, new))
    with pytest.raises(error):
        open_volume(tmp_path / "a")


def test_the_second_field_of_a_mesh(tmp_path):
    stack, labels = make_stack(), make_stack("uint8")
    head, _, rest = amira_file(stack).partition(b"Lattice { ushort Data } @1\n")
    both = b"Lattice { ushort Data } @1\nLattice { byte Labels } @2\n"
    (tmp_path / "a").write_bytes(head + both + rest + b"\n@2\n" + labels.tobytes() + b"\n")
    with pytest.raises(DatasetChoiceError) as caught:
        open_volume(tmp_path / "a")
    assert caught.value.candidates == ("Data", "Labels")
    np.testing.assert_array_equal(open_volume(tmp_path / "a", dataset="Labels").read(0, 6), labels)
    np.testing.assert_array_equal(open_volume(tmp_path / "a", dataset="Data").read(0, 6), stack)


def test_em_size_in_picometres(tmp_path):
    stack = make_stack("float32")
    (tmp_path / "a").write_bytes(em_file(stack, 9800))
    assert open_volume(tmp_path / "a").voxel_size_nm == pytest.approx((9.8,) * 3)


def test_nifti_scaling_origin_and_mirrored_axes(tmp_path):
    stack = make_stack("int16")
    affine = np.diag([-0.0125, 0.013, 0.02, 1])
    affine[:3, 3] = [1, 2, 3]
    image = nibabel.Nifti1Image(stack.transpose(), affine)
    image.header.set_xyzt_units("micron")
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    assert volume.dtype == np.float32
    assert volume.voxel_size_nm == pytest.approx(EDGES_NM, rel=1e-6)
    # The last voxel of a stored row lies lowest, and comes first.
    assert volume.origin_nm == pytest.approx((3000, 2000, 1000 - 22 * 12.5), rel=1e-6)
    assert "mirrored" in volume.warnings[0]
    saved = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj).transpose()[:, :, ::-1]
    np.testing.assert_allclose(volume.read(0, 6), saved, rtol=1e-6)


def test_nifti_without_a_unit_has_no_size(tmp_path):
    image = nibabel.Nifti1Image(make_stack("int16").transpose(), np.diag([2, 3, 4, 1]))
    image.header.set_xyzt_units("unknown")
    nibabel.save(image, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    assert volume.voxel_size_nm is None
    assert "4 x 3 x 2" in volume.warnings[0]


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [((5, 4, 3, 7), "int16", "7 time points"), ((5, 4, 3), "complex64", "complex")],
)
def test_other_nifti_files_are_refused(tmp_path, shape, dtype, words):
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, dtype), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(NotATomogramError, match=words):
        open_volume(tmp_path / "a.nii")


def test_nrrd_origin_units_and_detached_values(tmp_path):
    stack = make_stack()
    header = {"space": "left-posterior-superior", "space directions": np.diag([1e-5, 2e-5, 3e-5])}
    header["space origin"] = [0.001, 0.002, -0.003]
    nrrd.write(str(tmp_path / "a.nrrd"), stack.transpose(), header)
    volume = open_volume(tmp_path / "a.nrrd")
    assert volume.voxel_size_nm == pytest.approx((30, 20, 10))
    assert volume.origin_nm == pytest.approx((-3000, 2000, 1000))
    nrrd.write(str(tmp_path / "b.nhdr"), stack.transpose(), header, detached_header=True)
    np.testing.assert_array_equal(open_volume(tmp_path / "b.nhdr").read(0, 6), stack)
    next(file for file in tmp_path.glob("b.*") if file.suffix != ".nhdr").unlink()
    with pytest.raises(UnreadableFileError, match="another file"):
        open_volume(tmp_path / "b.nhdr")


def test_mrc_origin_start_and_axis_order(tmp_path):
    stack = make_stack("float32")
    mrcfile.write(tmp_path / "a", stack, voxel_size=130)
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.header.origin = (100, -200, 300)
    assert open_volume(tmp_path / "a").origin_nm == pytest.approx((30, -20, 10))
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.header.origin = (0, 0, 0)
        mrc.nstart = (1, 2, -3)
    assert open_volume(tmp_path / "a").origin_nm == pytest.approx((-39, 26, 13))
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = 1, 3, 2
    assert "run along y" in open_volume(tmp_path / "a").warnings[0]


def test_ome_and_imagej_origins(tmp_path):
    stack = make_stack()
    plane = {f"Position{axis}": [place] * 6 for axis, place in zip("ZYX", (1, 2, -3), strict=True)}
    plane |= {f"Position{axis}Unit": ["µm"] * 6 for axis in "ZYX"}
    sizes = {f"PhysicalSize{axis}": 0.013 for axis in "ZYX"}
    metadata = {"axes": "ZYX", "Plane": plane, **sizes}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, ome=True, metadata=metadata)
    assert open_volume(tmp_path / "a.ome.tif").origin_nm == pytest.approx((1000, 2000, -3000))
    tifffile.imwrite(
        tmp_path / "b.tif",
        stack,
        imagej=True,
        resolution=(0.1, 0.1),
        metadata={"axes": "ZYX", "unit": "nm", "spacing": 20.0, "xorigin": 3.0, "zorigin": -2.0},
    )
    assert open_volume(tmp_path / "b.tif").origin_nm == pytest.approx((40, 0, -30))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("TomoNormalized/TomoNormalized", "TomoNormalized/rotation_angle"), "tilt series"),
        (("TomoNormalized/TomoNormalized", "TomoNormalized/energy"), "tilt series"),
        (("entry/instrument/detector/data", "entry/sample/rotation_angle"), "tilt series"),
    ],
)
def test_hdf5_tilt_series_are_refused(tmp_path, names, words):
    with h5py.File(tmp_path / "a", "w") as file:
        file[names[0]], file[names[1]] = make_stack(), np.linspace(-60, 60, 6)
    with pytest.raises(NotATomogramError, match=words):
        open_volume(tmp_path / "a")


def test_hdf5_reconstructions_beside_their_angles_open(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["entry/reconstruction/data/data"] = make_stack()
        file["entry/sample/rotation_angle"] = np.zeros(6)
    assert open_volume(tmp_path / "a").shape == (6, 37, 23)


def test_fiji_hdf5_names(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["t0/channel0"] = make_stack()
        file["t0/channel0"].attrs["element_size_um"] = (0.02, 0.013, 0.0125)
    volume = open_volume(tmp_path / "a")
    assert volume.dataset == "t0/channel0"
    assert volume.voxel_size_nm == pytest.approx(EDGES_NM)


@pytest.mark.parametrize("shape", [(6, 37, 23, 3), (37, 40, 3)])
def test_hdf5_colours_are_named(tmp_path, shape):
    with h5py.File(tmp_path / "a", "w") as file:
        file["picture"] = np.zeros(shape, "uint8")
    with pytest.raises(NotATomogramError, match="3 colours"):
        open_volume(tmp_path / "a")


def test_a_compressed_something_else_is_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"hello there"))
    with pytest.raises(UnreadableFileError, match="what is inside"):
        open_volume(tmp_path / "a.gz")
    (tmp_path / "b.gz").write_bytes(gzip.compress(gzip.compress(bytes(10000))))
    with pytest.raises(UnreadableFileError, match="what is inside"):
        open_volume(tmp_path / "b.gz")


def test_a_flat_voxel_is_doubted(tmp_path):
    mrcfile.write(tmp_path / "a", make_stack("float32"))
    with mrcfile.mmap(tmp_path / "a", "r+") as mrc:
        mrc.voxel_size = (100, 100, 1000)
    assert "far from a cube" in open_volume(tmp_path / "a").warnings[0]
