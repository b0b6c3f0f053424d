"""One object per value of a label volume."""

from dataclasses import replace

import numpy as np
import pytest
from bodies import sample, touching_balls

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.export.meshes import write_mesh
from deepsxt_core.surface import (
    ReconstructParams,
    quantify,
    reconstruct,
    reconstruct_numbered,
)
from deepsxt_core.surface.field import instances, label_field
from deepsxt_core.surface.field.label_boundaries import label_boundaries
from deepsxt_core.surface.field.label_field import LabelField
from deepsxt_core.surface.field.label_objects import label_objects
from deepsxt_core.surface.field.mending import mend, mend_field
from deepsxt_core.surface.field.object_ids import object_labels
from deepsxt_core.surface.mesh import finishing
from deepsxt_core.surface.report import Report
from deepsxt_core.surface.surfaces import load_report
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize

EACH = ReconstructParams(each_label=True)
SIZE = VoxelSize(30, 20, 10)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """A ball of value 3 and a larger one of value 7 that lacks what the first one takes."""
    z, y, x = np.ogrid[:40, :40, :64]
    values = np.zeros((40, 40, 64), np.uint8)
    values[(z - 20) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 < 12**2] = 3
    values[((z - 20) ** 2 + (y - 20) ** 2 + (x - 40) ** 2 < 14**2) & (values == 0)] = 7
    return values


@pytest.mark.parametrize("size", [None, SIZE], ids=["voxel", "µm"])
def test_objects_are_the_values_at_their_place(labels, size, tmp_path) -> None:
    surfaces = reconstruct(Mask(Volume.from_array(labels, size)), EACH)
    assert [row.id for row in surfaces.objects] == [3, 7]
    write_mesh(surfaces, tmp_path / "closed.stl")  # refuses open ones
    edges = np.array(size or (1000, 1000, 1000)) / 1000
    for row in surfaces.objects:
        inside = labels == row.id
        # Where the two meet, a few voxels change so that no surface touches itself.
        assert abs(row.voxels - inside.sum()) <= 5
        assert row.volume == pytest.approx(inside.sum() * edges.prod(), rel=0.005)
        centre = np.argwhere(inside).mean(axis=0) * edges
        assert np.abs(np.array(row.centroid[::-1]) - centre).max() < 0.1 * edges.min()
    assert surfaces.unit == ("voxel" if size is None else "µm")


def test_the_report_says_which_voxels_have_changed(tmp_path) -> None:
    values = np.zeros((12, 12, 12), np.uint8)
    values[2:6, 2:6, 2:6] = values[2:6, 6:10, 6:10] = 4  # an edge in common
    surfaces = reconstruct(Mask(Volume.from_array(values)), EACH)
    report = surfaces.report
    ((label, gained, lost),) = report.mended
    assert label == 4
    assert surfaces.objects[0].voxels == 2 * 4**3 + gained - lost
    told = " ".join(report.sentences(surfaces.mesh.n_cells, "voxel"))
    assert f"object 4 gained {gained} voxels and lost {lost}" in told
    assert "All surfaces are closed and manifold" in told
    surfaces.save(tmp_path)
    assert load_report(tmp_path) == report


def test_what_is_not_manifold_is_told() -> None:
    report = Report(objects_found=1, faces_cut=8, unsound=(4,))
    assert "manifold: object 4" in " ".join(report.sentences(8, "voxel"))


def test_smoothing_tells_how_far_it_went(labels) -> None:
    smooth = reconstruct(Mask(Volume.from_array(labels, SIZE)), EACH).report
    assert 0 < smooth.smoothing_moved < 0.03  # µm: the longest edge of a voxel
    assert 0 < smooth.volume_change < 0.02
    rough = reconstruct(Mask(Volume.from_array(labels, SIZE)), replace(EACH, taubin_iterations=0))
    assert rough.report.smoothing_moved == 0 and rough.report.volume_change < 1e-6


def test_merged_labels_are_one_object_without_a_boundary_between(labels) -> None:
    volume = Volume.from_array(labels)
    merged = reconstruct(Mask(volume), replace(EACH, merge=((7, 3),)))
    as_one = reconstruct(Mask(Volume.from_array((labels > 0) * np.uint8(3))), EACH)
    assert [row.id for row in merged.objects] == [3]
    assert merged.objects == as_one.objects
    assert merged.report.objects_merged == 1
    with pytest.raises(InvalidParameterError, match=r"no object 5.*objects 3, 7"):
        reconstruct(Mask(volume), replace(EACH, merge=((3, 5),)))


def test_thinned_labels_are_closed_and_near(labels) -> None:
    full = reconstruct(Mask(Volume.from_array(labels, SIZE)), EACH)
    thin = reconstruct(Mask(Volume.from_array(labels, SIZE)), replace(EACH, decimate_to=0.3))
    assert thin.mesh.n_cells < 0.5 * full.mesh.n_cells
    assert thin.report.faces_cut == full.mesh.n_cells
    edge = np.cbrt(30 * 20 * 10) / 1000
    assert 0 < thin.report.thinning_moved <= 0.5 * edge
    assert finishing.unsound_objects(thin) == []
    for before, after in zip(full.objects, thin.objects, strict=True):
        assert after.id == before.id
        assert after.volume == pytest.approx(before.volume, rel=0.02)


def test_a_label_with_a_neck_is_split_without_a_gap() -> None:
    distance, centre = sample(touching_balls(12), (1, 1, 1))
    values = np.where(distance > 0, 5, 0).astype(np.uint8)
    values[:3, :3, :3] = 9  # stays one
    volume = Volume.from_array(values)
    params = replace(EACH, split_voxels=2, min_voxels=1)
    surfaces = reconstruct(Mask(volume), params)
    assert [row.id for row in surfaces.objects] == [5, 9, 10]
    first, _, second = surfaces.objects
    assert first.voxels >= second.voxels > 0.9 * first.voxels
    assert first.voxels + second.voxels == (values == 5).sum()
    assert (first.centroid[0] - centre[2]) * (second.centroid[0] - centre[2]) < 0
    points, objects = np.asarray(surfaces.mesh.points), surfaces.point_objects
    shared = {tuple(p) for p in points[objects == 5]} & {tuple(p) for p in points[objects == 10]}
    assert len(shared) > 100  # the neck
    (whole, _) = reconstruct(Mask(volume), replace(params, merge=((5, 10),))).objects
    assert whole.voxels == (values == 5).sum()


def test_a_large_label_is_split_on_a_coarser_grid(monkeypatch, tmp_path) -> None:
    distance, _ = sample(touching_balls(16), (1, 1, 1))
    values = np.where(distance > 0, 2**31 - 9, 0).astype(np.int32)
    values[:2, :2, :2] = 4
    mask, params = Mask(Volume.from_array(values)), replace(EACH, split_voxels=2, min_voxels=1)
    fine = label_objects(mask, params).voxels
    monkeypatch.setattr(instances, "_MOST_VOXELS", values.size // 20)
    coarse = label_objects(mask, params, tmp_path / "labels")
    assert coarse.voxels == pytest.approx(fine, rel=0.02)
    assert len(fine) == 3
    # Mending adds some.
    assert sum(coarse.voxels.values()) == pytest.approx(np.count_nonzero(values), rel=1e-3)


def test_the_labels_of_the_objects_are_those_of_their_surfaces(labels, tmp_path) -> None:
    params = replace(EACH, merge=((3, 7),))
    mask = Mask(Volume.from_array(labels, SIZE))
    numbered = object_labels(mask, params, tmp_path / "labels")
    found = numbered.read(0, 40)
    assert numbered.dtype == np.uint8 and numbered.voxel_size_nm == SIZE
    assert set(np.unique(found)) == {0, 3}
    assert (found > 0).sum() == reconstruct(mask, params).objects[0].voxels


def test_neighbours_share_their_boundary(labels) -> None:
    surfaces = reconstruct(Mask(Volume.from_array(labels)), EACH)
    points, objects = np.asarray(surfaces.mesh.points), surfaces.point_objects
    shared = {tuple(p) for p in points[objects == 3]} & {tuple(p) for p in points[objects == 7]}
    assert len(shared) > 300
    first, second = quantify(surfaces)
    assert first.gap == second.gap == 0
    cap = 2 * np.pi * 12 * (12 - 8.7)  # of the smaller ball within the other one
    assert cap < first.contact_area < 2 * cap


def test_a_label_at_the_border_is_closed_at_the_outer_face() -> None:
    values = np.full((6, 7, 8), 2, np.int16)
    values[:, :, 4:] = 5
    params = ReconstructParams(each_label=True, taubin_iterations=0, min_voxels=1)
    surfaces = reconstruct(Mask(Volume.from_array(values)), params)
    for row, low, high in zip(surfaces.objects, (-0.5, 3.5), (3.5, 7.5), strict=True):
        assert row.volume == pytest.approx(6 * 7 * 4, rel=0.1)
        assert row.bounds[:2] == pytest.approx((low, high))
        assert row.bounds[2:] == pytest.approx((-0.5, 6.5, -0.5, 5.5))


def test_what_cannot_be_is_explained(labels) -> None:
    volume = Volume.from_array(labels)
    with pytest.raises(InvalidParameterError, match="a score holds no labels"):
        reconstruct(Score(volume), EACH)
    with pytest.raises(EmptySurfaceError, match="of 2 labels none has 1e\\+06 voxels"):
        reconstruct(Mask(volume), ReconstructParams(each_label=True, min_voxels=10**6))
    with pytest.raises(InvalidParameterError, match="whole numbers"):
        reconstruct(Mask(Volume.from_array(labels * 0.3)), EACH)
    with pytest.raises(InvalidParameterError, match="needs a voxel size"):
        reconstruct(Mask(volume), ReconstructParams(each_label=True, min_volume_um3=1))
    with pytest.raises(InvalidParameterError, match="numbers up to 2,147,483,647: got 3,000"):
        reconstruct(Mask(Volume.from_array(np.full((4, 4, 4), 3 * 10**9))), EACH)


@pytest.mark.parametrize("option", [{"fill_lumens": True}, {"close_gap_voxels": 1}], ids=str)
def test_what_does_not_go_with_labels_is_refused(option) -> None:
    with pytest.raises(InvalidParameterError, match="do not go with it"):
        ReconstructParams(each_label=True, **option)


@pytest.mark.parametrize("slab_voxels", [1, 3 * 14 * 15])
def test_slab_by_slab_is_as_the_whole(monkeypatch, tmp_path, slab_voxels):
    """Random labels touch each other and the borders of slabs everywhere."""
    blocks = np.random.default_rng(3).integers(0, 4, (6, 6, 6))
    values = np.kron(blocks, np.ones((2, 2, 2), int))[:11, :12, :13].astype(np.int32)
    values[-1] = np.iinfo(np.int32).max
    whole, found = label_boundaries(LabelField.of(values)), mend(values)
    monkeypatch.setattr(label_field, "_SLAB_VOXELS", slab_voxels)
    field = LabelField(values.shape, tmp_path / "labels")
    field.write(0, values)
    points, triangles, sides = label_boundaries(field)
    np.testing.assert_array_equal(points, whole[0])
    as_set = [
        {(*t, *s) for t, s in zip(cut[1].tolist(), cut[2].tolist(), strict=True)}
        for cut in (whole, (points, triangles, sides))
    ]
    assert as_set[0] == as_set[1]
    assert len(triangles) == len(whole[1])
    assert mend_field(field) == found.changes
    np.testing.assert_array_equal(field.read(0, 11), found.labels)


def test_labels_up_to_the_largest_keep_their_voxels(tmp_path):
    values = np.zeros((8, 9, 10), np.int32)
    values[1:4, 1:4, 1:4], values[5:7, 5:8, 5:9] = 2**31 - 1, 7
    surfaces, numbered = reconstruct_numbered(
        Mask(Volume.from_array(values)),
        ReconstructParams(each_label=True, min_voxels=1),
        tmp_path / "labels",
    )
    assert {row.id: row.voxels for row in surfaces.objects} == {7: 24, 2**31 - 1: 27}
    np.testing.assert_array_equal(numbered.read(0, 8), values)
    np.testing.assert_array_equal(numbered.read(2, 3)[0], values[2])
