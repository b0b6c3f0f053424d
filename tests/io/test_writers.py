"""Every writer, checked by a reader that is not ours."""

import dataclasses

import h5py
import mrcfile
import nibabel
import nrrd
import numpy as np
import pytest
import tifffile
import vtk
import zarr
from vtk.util.numpy_support import vtk_to_numpy

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.io import open_volume, write_volume
from deepsxt_core.io.writers.registry import WRITERS
from deepsxt_core.volume import Volume, VoxelSize

SIZE = VoxelSize(20.123456, 13.3333333, 9.87654321)
ORIGIN = (-1234.5678, 0.25, 98765.4321)
EXACT = [".ome.zarr", ".ome.tif", ".nii", ".nrrd", ".h5"]


def sample(dtype, size=SIZE, origin=ORIGIN):
    high = 2 if dtype == "bool" else 70000 if dtype == "int32" else 200
    values = np.random.default_rng(5).integers(0, high, (5, 17, 11)).astype(dtype)
    return dataclasses.replace(Volume.from_array(values, size), origin_nm=origin), values


def read_tiff(path):
    with tifffile.TiffFile(path) as tif:
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        assert {pixels[f"PhysicalSize{axis}Unit"] for axis in "XYZ"} == {"nm"}
        place = pixels["Plane"][0]
        size = [pixels[f"PhysicalSize{axis}"] for axis in "ZYX"]
        return tif.asarray(), size, [place[f"Position{axis}"] for axis in "ZYX"]


def read_imagej(path):
    with tifffile.TiffFile(path) as tif:
        header = tif.imagej_metadata
        tags = [tif.pages[0].tags[f"{axis}Resolution"].value for axis in "YX"]
        size = [header["spacing"], *(below / above for above, below in tags)]
        origin = [-header[f"{a}origin"] * edge for a, edge in zip("zyx", size, strict=True)]
        return tif.asarray(), size, origin


def read_mrc(path):
    with mrcfile.open(path) as mrc:
        size = [mrc.voxel_size[axis] / 10 for axis in "zyx"]
        return mrc.data.copy(), size, [mrc.header.origin[axis] / 10 for axis in "zyx"]


def read_zarr(path):
    group = zarr.open_group(path, mode="r")
    (image,) = group.attrs["ome"]["multiscales"]
    assert [(a["name"], a["unit"]) for a in image["axes"]] == [(a, "nanometer") for a in "zyx"]
    scale, shift = image["datasets"][0]["coordinateTransformations"]
    return group["0"][...], scale["scale"], shift["translation"]


def read_nifti(path):
    image = nibabel.load(path)
    assert image.header.get_xyzt_units()[0] == "micron"
    values = np.asarray(image.dataobj).transpose()
    image.uncache()
    return values, image.affine.diagonal()[2::-1] * 1000, image.affine[2::-1, 3] * 1000


def read_nrrd(path):
    values, header = nrrd.read(str(path))
    assert header["space units"] == ["nm"] * 3
    size = header["space directions"].diagonal()[::-1]
    return values.transpose(), size, header["space origin"][::-1]


def read_hdf5(path):
    with h5py.File(path) as file:
        attributes = file["data"].attrs
        size, origin = attributes["element_size_um"], attributes["origin_um"]
        return file["data"][...], size * 1000, origin * 1000


READERS = {
    ".ome.zarr": read_zarr,
    ".ome.tif": read_tiff,
    ".tif": read_imagej,
    ".mrc": read_mrc,
    ".nii": read_nifti,
    ".nrrd": read_nrrd,
    ".h5": read_hdf5,
}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int32", "float32"])
def test_round_trip(tmp_path, suffix, dtype):
    volume, values = sample(dtype)
    path = tmp_path / f"a{suffix}"
    write_volume(volume, path)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    kept, size, origin = READERS[suffix](path)
    assert tuple(size) == pytest.approx(SIZE, rel=1e-6)
    assert tuple(origin) == pytest.approx(ORIGIN, rel=1e-6)
    np.testing.assert_array_equal(kept, values)
    if suffix in EXACT:
        assert kept.dtype == ("uint8" if dtype == "bool" else dtype)
    again = open_volume(path)
    assert again.voxel_size_nm == pytest.approx(SIZE, rel=1e-6)
    assert again.origin_nm == pytest.approx(ORIGIN, rel=1e-6)
    assert again.warnings == ()
    np.testing.assert_array_equal(again.read(1, 4), values[1:4])


@pytest.mark.parametrize(
    ("suffix", "reader"), [(".nii", vtk.vtkNIFTIImageReader), (".nrrd", vtk.vtkNrrdReader)]
)
def test_vtk_reads_the_same(tmp_path, suffix, reader):
    volume, values = sample("uint16")
    write_volume(volume, tmp_path / f"a{suffix}")
    source = reader()
    source.SetFileName(str(tmp_path / f"a{suffix}"))
    source.Update()
    image = source.GetOutput()
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    unit = 1000 if suffix == ".nii" else 1
    assert [edge * unit for edge in image.GetSpacing()[::-1]] == pytest.approx(SIZE, rel=1e-6)
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize("suffix", WRITERS)
def test_unknown_size_stays_unknown(tmp_path, suffix):
    volume, values = sample("float32", None, (0.0, 0.0, 0.0))
    write_volume(volume, tmp_path / f"a{suffix}")
    again = open_volume(tmp_path / f"a{suffix}")
    assert (again.voxel_size_nm, again.warnings) == (None, ())
    np.testing.assert_array_equal(again.read(0, 5), values)


def test_an_array_is_what_numpy_loads(tmp_path):
    volume, values = sample("bool")
    write_volume(volume, tmp_path / "mask.npy")
    kept = np.load(tmp_path / "mask.npy", mmap_mode="r")
    assert kept.dtype == np.uint8
    np.testing.assert_array_equal(kept, values)


@pytest.mark.parametrize("suffix", EXACT)
def test_a_failed_export_leaves_what_was_there(tmp_path, suffix):
    volume, values = sample("float32")
    path = tmp_path / f"a{suffix}"
    write_volume(volume, path)

    def fail(z0, z1):
        raise RuntimeError(f"slices {z0}:{z1} on fire")

    with pytest.raises(RuntimeError, match="fire"):
        write_volume(dataclasses.replace(volume, reader=fail), path)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    np.testing.assert_array_equal(open_volume(path).read(0, 5), values)
    write_volume(volume, path)


@pytest.mark.parametrize("suffix", EXACT)
def test_labels_that_do_not_fit_are_refused(tmp_path, suffix):
    volume = Volume.from_array(np.full((1, 2, 2), 1 << 31, np.int64))
    with pytest.raises(InvalidParameterError, match="exact int32"):
        write_volume(volume, tmp_path / f"a{suffix}")


def test_zarr_replaces_nothing_but_zarr(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidParameterError, match="not overwritten"):
        write_volume(sample("uint8")[0], tmp_path / "a.zarr")
    assert (tmp_path / "a.zarr" / "thesis.txt").exists()
