"""What odd but valid files taught: each kind of header that was once passed over in silence."""

import h5py
import mrcfile
import nrrd
import numpy as np
import pytest
import tifffile
import zarr
from chiral_body import chiral

from deepsxt_core.io import open_volume


def said(path):
    return " ".join(open_volume(path).warnings)


def test_axes_of_one_between_those_of_space_are_dropped(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["data"] = chiral().reshape(12, 20, 1, 30)
    np.testing.assert_array_equal(open_volume(tmp_path / "a").read(0, 12), chiral())


@pytest.mark.parametrize(("flags", "told"), [(1, True), (5, False)])
def test_the_sign_of_an_origin_by_imod_is_told(tmp_path, flags, told):
    with mrcfile.new(tmp_path / "a", chiral().astype(np.int16)) as mrc:
        mrc.voxel_size, mrc.header.origin = 100, (-3000, 0, 200)
        free = np.frombuffer(mrc.header.extra2.tobytes(), np.uint8).copy()
        free[40:48] = np.array([1146047817, flags], "<i4").view(np.uint8)
        mrc.header.extra2 = free.tobytes()
    # As ChimeraX has it, so that meshes lie over the file there.
    assert open_volume(tmp_path / "a").origin_nm == (20, 0, -300)
    assert ("IMOD wrote the origin" in said(tmp_path / "a")) is told


@pytest.mark.parametrize("axes", ["zyx", "xyz", "yxz"])
def test_dimension_scales_of_netcdf_name_and_place_the_axes(tmp_path, axes):
    edges = {"z": 20.0, "y": 13.0, "x": 12.5}
    with h5py.File(tmp_path / "a", "w") as file:
        data = file.create_dataset(
            "tomogram", data=chiral().transpose(["zyx".index(a) for a in axes])
        )
        for place, name in enumerate(axes):
            file[name] = 100 + np.arange(data.shape[place]) * edges[name]
            file[name].attrs["units"] = "nm"
            file[name].make_scale(name)
            data.dims[place].attach_scale(file[name])
    volume = open_volume(tmp_path / "a")
    assert (volume.voxel_size_nm, volume.origin_nm) == ((20, 13, 12.5), (100, 100, 100))
    np.testing.assert_array_equal(volume.read(0, 12), chiral())


@pytest.mark.parametrize("unit", ["A", "furlong"])
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_a_unit_that_is_not_known_is_told(tmp_path, unit, kind):
    if kind == "imagej":
        options = {"metadata": {"axes": "ZYX", "unit": unit, "spacing": 130.0}}
        options |= {"resolution": (1 / 130, 1 / 130), "imagej": True}
    else:
        sizes = {f"PhysicalSize{a}": 130.0 for a in "ZYX"}
        sizes |= {f"PhysicalSize{a}Unit": unit for a in "ZYX"}
        options = {"metadata": {"axes": "ZYX"} | sizes, "ome": True}
    tifffile.imwrite(tmp_path / "a", chiral(), **options)
    volume = open_volume(tmp_path / "a")
    if unit == "A":
        assert volume.voxel_size_nm == pytest.approx((13, 13, 13))
    else:
        assert volume.voxel_size_nm is None
        assert "'furlong'" in volume.warnings[0]


def test_white_for_zero_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "a", chiral(), photometric="miniswhite")
    assert "as white" in said(tmp_path / "a")
    np.testing.assert_array_equal(open_volume(tmp_path / "a").read(0, 12), chiral())


@pytest.mark.parametrize("step", [1, 10])
@pytest.mark.parametrize("missing", [(), (6,), (3, 4, 8)])
def test_numbers_left_out_among_slices_are_told(tmp_path, step, missing):
    for z in set(range(12)) - set(missing):
        tifffile.imwrite(tmp_path / f"run2_{7 + step * z}.tif", chiral()[z])
    assert len(open_volume(tmp_path).warnings) == bool(missing)
    if missing:
        assert f"{len(missing)} of them" in said(tmp_path)


def test_the_finest_level_is_opened_wherever_it_stands(tmp_path):
    group = zarr.open_group(tmp_path / "a", mode="w", zarr_format=2)
    group.create_array("fine", data=chiral())
    group.create_array("coarse", data=np.ascontiguousarray(chiral()[:, ::2, ::2]))
    axes = [{"name": name, "unit": "nanometer"} for name in "zyx"]
    levels = [
        {"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for path, scale in (("coarse", [10, 20, 20]), ("fine", [10, 10, 10]))
    ]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": levels}]
    volume = open_volume(tmp_path / "a")
    assert (volume.dataset, volume.shape, volume.voxel_size_nm) == ("fine", (12, 20, 30), (10,) * 3)


def test_intensities_that_a_metaimage_scales_are_told(tmp_path):
    head = (
        "NDims = 3\nDimSize = 30 20 12\nElementType = MET_UCHAR\n"
        "ElementToIntensityFunctionSlope = 2.5\nElementDataFile = LOCAL\n"
    )
    (tmp_path / "a").write_bytes(head.encode() + chiral().tobytes())
    assert "times 2.5" in said(tmp_path / "a")


@pytest.mark.parametrize(("center", "shift"), [("node", 0), ("cell", 0.5)])
def test_ends_and_units_of_each_axis_of_nrrd_are_used(tmp_path, center, shift):
    header = {
        "spacings": [10.0, 10.0, 0.02],
        "units": ["nm", "nm", "um"],
        "axis mins": [100.0, -50.0, 3.0],
        "centerings": [center] * 3,
    }
    with (tmp_path / "a").open("wb") as file:
        nrrd.write(file, chiral().transpose(), header)
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm == pytest.approx((20, 10, 10))
    assert volume.origin_nm == pytest.approx(
        (3000 + 20 * shift, -50 + 10 * shift, 100 + 10 * shift)
    )


def test_each_direction_of_space_in_nrrd_may_have_its_unit(tmp_path):
    header = {
        "space dimension": 3,
        "space directions": np.diag([10, 10, 0.02]),
        "space origin": [100, -50, 3],
        "space units": ["nm", "nm", "um"],
    }
    with (tmp_path / "a").open("wb") as file:
        nrrd.write(file, chiral().transpose(), header)
    volume = open_volume(tmp_path / "a")
    assert volume.voxel_size_nm == pytest.approx((20, 10, 10))
    assert volume.origin_nm == pytest.approx((3000, -50, 100))
