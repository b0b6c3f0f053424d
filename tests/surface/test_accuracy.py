"""Known bodies of middle size; docs/accuracy.md has more sizes."""

import numpy as np
import pytest
from bodies import as_mask, as_score, half_ball, sample, touching_balls, tube
from scipy.ndimage import correlate1d
from scipy.spatial import cKDTree

from benchmarks.accuracy import EDGES, errors_of, known_bodies
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.surface.field import smoothing
from deepsxt_core.surface.mesh import joining
from deepsxt_core.surface.mesh.finishing import taubin, with_volumes
from deepsxt_core.surface.mesh.object_rows import object_volumes
from deepsxt_core.surface.polydata import build_mesh
from deepsxt_core.volume import Score, Volume, VoxelSize

RADIUS = 12


class CountingProgress(NoProgress):
    total = done = 0

    def stage(self, name: str, total: int, unit: str) -> None:  # noqa: ARG002
        self.total += total

    def advance(self, n: int = 1) -> None:
        self.done += n


@pytest.mark.parametrize("kind", ["mask", "score"])
@pytest.mark.parametrize("edges", EDGES, ids=str)
@pytest.mark.parametrize("name", known_bodies(RADIUS))
def test_body_is_right(name: str, edges, kind: str) -> None:
    """To 1 % in volume, 2 % in area and a tenth of a voxel in place, sound and of its topology."""
    mean_edge = float(np.prod(edges) ** (1 / 3))
    body = known_bodies(RADIUS * mean_edge)[name]
    distance, centre = sample(body, edges)
    size = VoxelSize(*(1000 * np.array(edges)))
    source = as_mask(distance > 0, size) if kind == "mask" else as_score(distance / mean_edge, size)
    surfaces = reconstruct(source)
    assert len(surfaces.objects) == 1
    errors = errors_of(
        np.asarray(surfaces.mesh.points), surfaces.triangles, body, centre, np.array(edges)
    )
    assert errors.within, errors


@pytest.mark.parametrize("taubin_iterations", [0, 10])
def test_slabs_join_without_a_seam(taubin_iterations: int, monkeypatch) -> None:
    """What is cut in slabs is what is cut at once: same objects, points and faces."""
    distance, _ = sample(tube(4, 30, (2, 1, 3)), (1, 1, 1))
    noise = np.random.default_rng(5).normal(0, 0.5, distance.shape)
    score = as_score(distance / 4 + noise)
    params = ReconstructParams(min_voxels=0, taubin_iterations=taubin_iterations)
    whole = reconstruct(score, params)
    monkeypatch.setattr(smoothing, "SLAB_VOXELS", 1)
    slabs = list(smoothing.field_slabs(score, params))
    assert len(slabs) > 2
    progress = CountingProgress()
    parts = reconstruct(score, params, progress)
    assert progress.done == progress.total

    assert [row.voxels for row in parts.objects] == [row.voxels for row in whole.objects]
    assert parts.mesh.n_cells == whole.mesh.n_cells
    assert parts.mesh.n_points == whole.mesh.n_points
    assert parts.mesh.n_open_edges == 0
    for ours, other in ((parts, whole), (whole, parts)):
        distances, _ = cKDTree(np.asarray(other.mesh.points)).query(np.asarray(ours.mesh.points))
        assert distances.max() < 1e-4
    volumes = [row.volume for row in parts.objects]
    assert volumes == pytest.approx([row.volume for row in whole.objects], abs=1e-4)


def test_a_body_that_comes_together_in_a_later_slab_is_one(monkeypatch) -> None:
    monkeypatch.setattr(smoothing, "SLAB_VOXELS", 1)
    legs = np.zeros((40, 12, 30), bool)
    legs[3:37, 3:9, 3:9] = legs[3:37, 3:9, 21:27] = True
    legs[31:37, 3:9, 3:27] = True
    surfaces = reconstruct(as_mask(legs))
    assert len(surfaces.objects) == 1
    assert surfaces.objects[0].volume == pytest.approx(legs.sum(), rel=0.03)


def test_taubin_keeps_pinned_points_and_does_not_shrink() -> None:
    distance, _ = sample(touching_balls(8), (1, 1, 1))
    params = ReconstructParams(taubin_iterations=0)
    rough = reconstruct(as_mask(distance > 0), params)
    points, triangles = np.asarray(rough.mesh.points), rough.triangles
    pinned = points[:, 2] > points[:, 2].mean()
    smooth = taubin(points, triangles, pinned, 10)
    assert (smooth[pinned] == points[pinned]).all()
    assert (smooth[~pinned] != points[~pinned]).any(axis=1).mean() > 0.9
    free = taubin(points, triangles, np.zeros(len(points), bool), 10)
    assert free.mean(axis=0) == pytest.approx(points.mean(axis=0), abs=0.02)


def test_smoothing_is_a_correlation_that_repeats_the_outermost_voxels() -> None:
    codes = np.random.default_rng(2).integers(0, 256, (5, 9, 12)).astype(np.uint8)
    score = Score(Volume.from_array(codes, None))
    params = ReconstructParams(threshold=-0.2)
    kernel = smoothing.smoothing_kernel(params.smoothing_voxels, smoothing._SECOND_MOMENT)
    expected = Score.decode(codes)
    for axis in range(3):
        expected = correlate1d(expected, kernel, axis=axis, mode="nearest")
    ((_, field),) = smoothing.field_slabs(score, params)
    inner = (slice(smoothing.BORDER, -smoothing.BORDER),) * 3
    assert field[inner] == pytest.approx(expected + 0.2, abs=2e-3)  # kept off 0 by a margin
    assert np.median(np.abs(field[inner] - expected - 0.2)) < 1e-6


@pytest.mark.parametrize("last", [3, 70000])
def test_a_mesh_is_ordered_by_object_however_large_the_ids(last: int) -> None:
    corners = np.arange(36, dtype=np.float32).reshape(12, 3)
    ids = np.repeat(np.array([last, 0, 1, 2], np.int32), 3)
    mesh = build_mesh(corners, np.arange(12).reshape(4, 3), ids)
    assert mesh.cell_data["object"].tolist() == [1, 2, last]
    assert mesh.cell_data["object"].dtype == np.int32
    assert np.asarray(mesh.points)[:, 0].tolist() == [18, 21, 24, 27, 30, 33, 0, 3, 6]


@pytest.mark.parametrize("name", known_bodies(6))
def test_a_surface_of_a_mask_encloses_its_voxels(name: str) -> None:
    """Of small bodies too, where smoothing alone takes up to two per cent."""
    distance, _ = sample(known_bodies(6)[name], (1, 1, 1))
    (row,) = reconstruct(as_mask(distance > 0)).objects
    assert row.volume == pytest.approx(np.count_nonzero(distance > 0), rel=5e-4)


@pytest.mark.parametrize("name", known_bodies(6))
def test_smoothing_a_score_keeps_its_volume(name: str) -> None:
    distance, _ = sample(known_bodies(6)[name], (1, 1, 1))
    (smooth,), (rough,) = (
        reconstruct(as_score(distance), ReconstructParams(taubin_iterations=n)).objects
        for n in (10, 0)
    )
    assert smooth.volume == pytest.approx(rough.volume, rel=5e-4)


def test_parts_of_a_mask_that_was_split_keep_the_volume_of_their_surface() -> None:
    """The voxels of the cut are in no part: its surfaces lie closer together than they are wide."""
    distance, _ = sample(touching_balls(12), (1, 1, 1))
    parted = [
        reconstruct(
            as_mask(distance > 0), ReconstructParams(split_voxels=2, taubin_iterations=n)
        ).objects
        for n in (10, 0)
    ]
    for smooth, rough in zip(*parted, strict=True):
        assert smooth.volume == pytest.approx(rough.volume, rel=5e-4)
        assert smooth.volume > smooth.voxels


def test_volumes_are_given_back_by_free_points_alone() -> None:
    """Points of the border stay in it, objects are told apart, and a speck is not blown up."""
    distance, _ = sample(half_ball(8), (1, 1, 1))
    both = np.concatenate([distance, np.full_like(distance, -1)], axis=2)
    both[12, 12, -4] = 1
    params = ReconstructParams(taubin_iterations=0, min_voxels=0)
    rough = reconstruct(as_score(both), params)
    points, triangles = np.asarray(rough.mesh.points), rough.triangles
    pinned = points[:, 2] < -0.4
    before = np.array([row.volume for row in rough.objects])
    assert len(before) == 2
    wanted = before * 1.01 + [0, 5]
    moved = with_volumes(points, triangles, rough.point_objects, pinned, wanted)
    assert (moved[pinned] == points[pinned]).all()
    after = object_volumes(moved, triangles, rough.face_objects, 2)
    assert after[0] == pytest.approx(wanted[0], rel=1e-4)
    assert np.linalg.norm(moved - points, axis=1).max() <= 0.1 + 1e-6


def test_points_of_the_border_planes_are_moved_to_the_faces() -> None:
    grid = np.array([[-1.5, -1, -0.5], [0, 1.25, 3], [4.5, 5, 5.5]], np.float32)
    moved = joining._to_faces(grid.T.copy(), (5, 5, 5)).T
    assert moved == pytest.approx(
        np.array([[-0.5, -0.49, -0.245], [0, 1.25, 3], [4.245, 4.49, 4.5]])
    )
