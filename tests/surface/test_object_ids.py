"""The volume of object ids says the same as the surfaces."""

from dataclasses import replace

import cc3d
import numpy as np
import pytest
from scipy import ndimage

from deepsxt_core.export.volumes import write_instances
from deepsxt_core.io import open_volume
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.surface.field import smoothing
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize

SHAPE = (31, 26, 22)
PLAIN = ReconstructParams(smoothing_voxels=0, min_voxels=1, taubin_iterations=0)


@pytest.fixture(params=[1, 1 << 25], ids=["slabs", "whole"])
def slabs(request, monkeypatch):
    monkeypatch.setattr(smoothing, "SLAB_VOXELS", request.param)


def noise(seed, shape=SHAPE, sigma=1.5):
    values = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return (values / np.abs(values).max()).astype(np.float32)


def labels_of(source, params, tmp_path):
    volume = object_labels(source, params, tmp_path / "scratch")
    return volume, volume.read(0, volume.shape[0])


@pytest.mark.usefixtures("slabs")
@pytest.mark.parametrize("seed", range(3))
def test_ids_are_those_of_the_surfaces(tmp_path, seed):
    score = Score(Volume.from_array(Score.encode(noise(seed)), VoxelSize(20, 10, 10)))
    params = ReconstructParams(threshold=0.2, min_voxels=20, smoothing_voxels=0.5)
    surfaces = reconstruct(score, params)
    _, labels = labels_of(score, params, tmp_path)
    assert len(surfaces.objects) > 5
    counts = np.bincount(labels.ravel())
    assert {row.id: row.voxels for row in surfaces.objects} == dict(enumerate(counts[1:], 1))
    # Equal sizes do not tell which is which; the place does.
    for row in surfaces.objects:
        z, y, x = np.nonzero(labels == row.id)
        x_min, x_max, y_min, y_max, z_min, z_max = row.bounds
        assert x_min - 0.006 <= 0.01 * x.min() <= 0.01 * x.max() <= x_max + 0.006
        assert y_min - 0.006 <= 0.01 * y.min() <= 0.01 * y.max() <= y_max + 0.006
        assert z_min - 0.011 <= 0.02 * z.min() <= 0.02 * z.max() <= z_max + 0.011


@pytest.mark.usefixtures("slabs")
def test_labels_are_the_connected_components(tmp_path):
    inside = noise(7, sigma=1) > 0.15
    volume, labels = labels_of(Mask(Volume.from_array(inside)), PLAIN, tmp_path)
    wanted, n = cc3d.connected_components(inside, connectivity=6, return_N=True)
    assert volume.dtype == labels.dtype == np.uint8
    assert np.array_equal(labels > 0, inside)
    pairs = np.unique(np.stack([labels.ravel(), wanted.ravel()]), axis=1)
    assert pairs.shape[1] == n + 1
    assert np.array_equal(volume.read(11, 14), labels[11:14])


@pytest.mark.parametrize(("n", "dtype"), [(255, "uint8"), (256, "uint16"), (65536, "int32")])
def test_the_type_holds_all_ids(tmp_path, n, dtype):
    points = np.zeros((2, 2 * n), bool)
    points[0, ::2] = True
    _, labels = labels_of(Mask(Volume.from_array(points[np.newaxis])), PLAIN, tmp_path)
    assert labels.dtype == dtype
    assert labels.max() == n


def test_an_empty_mask_has_no_objects(tmp_path):
    volume, labels = labels_of(Mask(Volume.from_array(np.zeros(SHAPE, bool))), PLAIN, tmp_path)
    assert (volume.shape, labels.any()) == (SHAPE, False)


@pytest.mark.parametrize(
    "suffix", [".tif", ".mrc", ".ome.zarr", ".ome.tif", ".nii", ".nrrd", ".h5"]
)
def test_instances_keep_ids_and_place_in_every_format(tmp_path, suffix):
    size = VoxelSize(20, 10, 12)
    volume = replace(Volume.from_array(noise(3) > 0.2, size), origin_nm=(100.0, -50.0, 30.0))
    path = tmp_path / "out" / f"instances{suffix}"
    write_instances(Mask(volume), PLAIN, path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    kept = open_volume(path)
    assert kept.voxel_size_nm == pytest.approx(size)
    assert kept.origin_nm == pytest.approx((100, -50, 30))
    _, labels = labels_of(Mask(volume), PLAIN, tmp_path)
    np.testing.assert_array_equal(kept.read(0, SHAPE[0]), labels)


def test_labels_of_a_part_lie_where_the_part_lies(tmp_path):
    score = Score(Volume.from_array(Score.encode(noise(1)), VoxelSize(20, 10, 10)), first_slice=7)
    volume, _ = labels_of(score, PLAIN, tmp_path)
    assert volume.origin_nm == (140, 0, 0)


def test_merged_and_split_objects_have_the_ids_of_the_surfaces(tmp_path):
    score = Score(Volume.from_array(Score.encode(noise(1))))
    params = ReconstructParams(threshold=0.2, min_voxels=20, split_voxels=0.5, merge=((2, 4),))
    surfaces = reconstruct(score, params)
    _, labels = labels_of(score, params, tmp_path)
    counts = np.bincount(labels.ravel())
    assert {row.id: row.voxels for row in surfaces.objects} == {
        object_id: n for object_id, n in enumerate(counts) if n and object_id
    }
    assert 4 not in labels
    assert len(surfaces.objects) > len(reconstruct(score, replace(params, split_voxels=0)).objects)
