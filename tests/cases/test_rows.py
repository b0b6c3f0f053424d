"""Small files, each after a public bug report: what each must give.

``files`` holds them; the body in most of them is that of `bodies.chiral`.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import pyvista
from chiral_body import VOXELS, arms, chiral, is_mirrored

from deepsxt_core.cli.main import main
from deepsxt_core.errors import DatasetChoiceError, NotATomogramError, UnreadableFileError
from deepsxt_core.io import list_datasets, looks_like_labels, open_volume

FILES = Path(__file__).parent / "files"


@pytest.fixture
def reconstruct(capsys, tmp_path):
    """Call the command; return its exit code, its report or error, and the points of the mesh."""

    def run(path: Path, *options: str):
        code = main(
            [
                "reconstruct",
                str(path),
                "--out",
                str(tmp_path),
                "--formats",
                "ply",
                "--json",
                *options,
            ]
        )
        printed = capsys.readouterr()
        if code:
            return code, printed.err, None
        points = np.asarray(pyvista.read(tmp_path / "surface.ply").points)
        return code, json.loads(printed.out), points

    return run


def whole(path: Path, **options) -> np.ndarray:
    volume = open_volume(path, **options)
    return volume.read(0, volume.shape[0])


def test_a_probability_map_is_cut_at_the_threshold(reconstruct):
    code, report, _ = reconstruct(FILES / "prob_float.mrc", "--threshold", "0.5")
    assert (code, report["objects"], report["voxels"]) == (0, 1, 251)


def test_a_threshold_that_takes_all_of_a_probability_map_is_asked_about(reconstruct):
    code, error, _ = reconstruct(FILES / "prob_float.mrc")
    assert code == 1
    assert "probabilities" in error
    assert "0.5" in error


def test_a_signed_mask_is_the_mask(reconstruct):
    code, report, points = reconstruct(FILES / "imod_signed_mask.mrc")
    assert (code, report["voxels"]) == (0, VOXELS)
    assert not is_mirrored(points)


def test_permuted_axes_are_put_in_order(reconstruct):
    code, report, points = reconstruct(FILES / "permuted_labels.mrc")
    assert (code, report["voxels"]) == (0, VOXELS)
    assert arms(points) == pytest.approx([0.24, 0.14, 0.08], abs=0.012)
    assert not is_mirrored(points)
    np.testing.assert_array_equal(whole(FILES / "permuted_labels.mrc") > 0, chiral() > 0)


def test_ilastik_segmentation():
    values = whole(FILES / "ilastik_seg1.h5")
    assert values.shape == (12, 20, 30)
    np.testing.assert_array_equal(values == values.max(), chiral() > 0)


def test_ilastik_probabilities_are_a_choice_of_channel():
    path = FILES / "ilastik_probs.h5"
    with pytest.raises(DatasetChoiceError, match="2 channels") as caught:
        open_volume(path)
    assert caught.value.candidates == ("exported_data#0", "exported_data#1")
    assert isinstance(caught.value, NotATomogramError)
    channels = [whole(path, dataset=name) for name in caught.value.candidates]
    np.testing.assert_allclose(channels[0] + channels[1], 1, atol=1e-6)
    assert [entry[0] for entry in list_datasets(path)] == list(caught.value.candidates)


def test_an_ilastik_picture_is_one_slice():
    path = FILES / "ilastik_2d_yxc.h5"
    with pytest.raises(DatasetChoiceError, match="2 channels"):
        open_volume(path)
    assert open_volume(path, dataset="exported_data#1").shape == (1, 40, 50)


def test_nexus_coordinates_are_a_size():
    volume = open_volume(FILES / "nxtomoproc.nxs")
    assert volume.shape == (12, 20, 30)
    assert volume.voxel_size_nm == pytest.approx((32.5, 32.5, 32.5))


def test_a_named_voxel_size_is_used():
    assert open_volume(FILES / "scale_attr.h5").voxel_size_nm == pytest.approx((10, 10, 10))


def test_bigdataviewer_opens_its_image_or_says_truly_why_not():
    path = FILES / "bdv_scaleoffset.h5"
    assert [name for name, *_ in list_datasets(path)] == [
        "t00000/s00/0/cells",
        "t00000/s00/1/cells",
    ]
    try:
        volume = open_volume(path)
    except UnreadableFileError as error:
        assert "scale-offset" in str(error)
        assert "may be damaged" not in str(error)
    else:
        assert volume.dataset == "t00000/s00/0/cells"
        assert volume.voxel_size_nm == pytest.approx((10, 10, 10))
    level = open_volume(path, dataset="t00000/s00/1/cells")
    assert level.voxel_size_nm == pytest.approx((20, 20, 20))


def test_a_missing_filter_is_named():
    try:
        open_volume(FILES / "h5_blosc.h5")
    except UnreadableFileError as error:
        assert "filter Blosc" in str(error)
        assert "not damaged" in str(error)


def test_a_level_by_its_own_path_keeps_its_size():
    level = open_volume(FILES / "levels.zarr" / "s1")
    assert level.voxel_size_nm == pytest.approx((20, 20, 20))
    assert level.origin_nm == pytest.approx((105, 205, 305))


def test_a_stack_stored_as_time_opens_with_a_word():
    volume = open_volume(FILES / "z_as_time.tif")
    assert volume.shape == (12, 20, 30)
    assert any("12 slices time points" in warning for warning in volume.warnings)


def test_labels_in_colours_are_labels():
    volume = open_volume(FILES / "rgb_labels.tif")
    assert looks_like_labels(volume)
    assert set(np.unique(volume.read(0, 12))) == {0, 1, 2}
    assert "2 colours" in volume.warnings[0]


def test_the_tiff_in_a_zip_answers():
    path = FILES / "one_tiff.tif.zip"
    with pytest.raises(DatasetChoiceError, match="If these are slices"):
        open_volume(path)
    assert open_volume(path, dataset="series 0#slices").shape == (4, 32, 32)


def test_the_largest_label(reconstruct):
    code, report, _ = reconstruct(
        FILES / "int32_max_label.tif", "--each-label", "--min-voxels", "1"
    )
    assert (code, report["objects"]) == (0, 2)


def test_metaimage():
    volume = open_volume(FILES / "labels.mha")
    np.testing.assert_array_equal(volume.read(0, 12) > 0, chiral() > 0)
    assert "unit" in volume.warnings[0]


def test_a_detached_header_beside_its_values():
    volume = open_volume(FILES / "detached.nhdr")
    assert volume.voxel_size_nm == pytest.approx((10, 10, 10))
    np.testing.assert_array_equal(volume.read(0, 12) > 0, chiral() > 0)


def test_an_odd_mrc_header_is_told():
    volume = open_volume(FILES / "mrcz_mx_zero.mrc")
    assert volume.voxel_size_nm is None
    assert "[0, 0, 0] intervals" in volume.warnings[0]


@pytest.mark.parametrize("command", ["reconstruct", "measure"])
def test_grey_values_are_no_mask(capsys, tmp_path, command):
    code = main([command, str(FILES / "scale_attr.h5"), "--out", str(tmp_path / "out")])
    assert code == 1
    assert "grey values" in capsys.readouterr().err
    assert not (tmp_path / "out" / "surface.stl").exists()
