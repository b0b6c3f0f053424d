"""One object per value of a label volume."""

import numpy as np
import pytest

from deepsxt_core.errors import EmptySurfaceError, InvalidParameterError
from deepsxt_core.io.meshes import write_mesh
from deepsxt_core.surface import ReconstructParams, quantify, reconstruct
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
        assert row.voxels == inside.sum()
        assert row.volume == pytest.approx(inside.sum() * edges.prod(), rel=0.005)
        centre = np.argwhere(inside).mean(axis=0) * edges
        assert np.abs(np.array(row.centroid[::-1]) - centre).max() < 0.1 * edges.min()
    assert surfaces.unit == ("voxel" if size is None else "µm")


def test_a_surface_that_touches_itself_is_reported() -> None:
    values = np.zeros((12, 12, 12), np.uint8)
    values[2:6, 2:6, 2:6] = values[2:6, 6:10, 6:10] = 4  # an edge in common
    report = reconstruct(Mask(Volume.from_array(values)), EACH).report
    assert report.unsound == (4,)
    assert "manifold: object 4" in " ".join(report.sentences(report.faces_cut, "voxel"))


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
