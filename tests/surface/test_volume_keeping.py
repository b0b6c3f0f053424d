"""No step of finishing takes the volume of an object, however thin or small it is."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from bodies import as_mask, as_score, ball, sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from deepsxt_core.errors import EmptySurfaceError
from deepsxt_core.export.meshes import MESH_FORMATS, write_mesh
from deepsxt_core.surface import ReconstructParams, Surfaces, quantify, reconstruct
from deepsxt_core.surface.mesh.deviation import _to_triangles, distances_to_thinned
from deepsxt_core.surface.mesh.finishing import decimate
from deepsxt_core.surface.params import SMALL_VOXELS, VOLUME_BOUND
from deepsxt_core.surface.report import Report
from deepsxt_core.surface.surfaces import load_report
from deepsxt_core.volume import Mask, Score, Volume, VoxelSize

SIZES = [None, VoxelSize.isotropic(20), VoxelSize(30, 20, 10), VoxelSize(10, 20, 30)]
ROUNDING = 1e-4  # coordinates are float32
ANY_SIZE = ReconstructParams(min_voxels=1)


def bar(*shape_zyx: int) -> np.ndarray:
    return np.pad(np.ones(shape_zyx, bool), 4)


def random_body(kind: str, seed: int) -> np.ndarray:
    """Thin bars and sheets, some at the border, threads, blobs and noise, along any axis."""
    rng = np.random.default_rng(seed)
    if kind == "bar":
        voxels = np.zeros((6, 7, 30), bool)
        z, y = rng.integers(0, 4, 2)
        voxels[z : z + rng.integers(1, 4), y : y + rng.integers(1, 4), rng.integers(0, 5) : 27] = 1
    elif kind == "sheet":
        voxels = np.zeros((6, 16, 16), bool)
        z = rng.integers(0, 5)
        voxels[z : z + rng.integers(1, 3), 2:14, rng.integers(0, 2) : 13] = 1
    elif kind == "thread":
        voxels = np.zeros((14, 14, 14), bool)
        walk = np.cumsum(rng.integers(-1, 2, (50, 3)), axis=0) + 7
        voxels[tuple(np.clip(walk, 0, 13).T)] = 1
    elif kind == "blob":
        field = gaussian_filter(rng.normal(size=(12, 13, 14)), rng.uniform(0.5, 2))
        voxels = field > np.quantile(field, rng.uniform(0.5, 0.97))
    else:
        voxels = rng.random(rng.integers(1, 11, 3)) < rng.uniform(0.02, 0.6)
        voxels.flat[0] = True
    return voxels.transpose(rng.permutation(3)).copy()


def random_source(kind: str, seed: int, size: VoxelSize | None, made_of: str) -> Mask | Score:
    voxels = random_body(kind, seed)
    rng = np.random.default_rng(seed)
    if made_of == "labels":
        return Mask(
            Volume.from_array((voxels * rng.integers(1, 4, voxels.shape)).astype("u1"), size)
        )
    if made_of == "mask":
        return as_mask(voxels, size)
    codes = voxels * 120 + rng.integers(0, 135, voxels.shape)
    return Score(
        Volume.from_array((255 * voxels if made_of == "hard" else codes).astype("u1"), size)
    )


SOURCES = {
    "kind": st.sampled_from(["bar", "sheet", "thread", "blob", "noise"]),
    "seed": st.integers(0, 2**32 - 1),
    "size": st.sampled_from(SIZES),
    "made_of": st.sampled_from(["mask", "labels", "hard", "soft"]),
}


@pytest.mark.parametrize("each_label", [False, True], ids=["mask", "label"])
@pytest.mark.parametrize("shape", [(1, 1, 80), (2, 2, 80), (1, 40, 40), (1, 1, 1), (2, 2, 2)])
def test_a_thin_body_keeps_the_volume_of_its_voxels(shape, each_label: bool) -> None:
    """Smoothing alone left 0.02 of the first bar's 80 voxels, and 178 of the second one's 320."""
    source = as_mask(bar(*shape))
    surfaces = reconstruct(source, replace(ANY_SIZE, each_label=each_label))
    (row,) = surfaces.objects
    assert row.volume == pytest.approx(np.prod(shape), rel=VOLUME_BOUND)
    assert row.volume_error is None
    assert surfaces.report.volume_change <= VOLUME_BOUND


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    **SOURCES,
    smoothing=st.sampled_from([0, 0.7]),
    iterations=st.sampled_from([3, 10, 40]),
    keep=st.sampled_from([1, 0.3]),
)
def test_no_step_changes_a_volume_by_more_than_the_bound(
    kind, seed, size, made_of, smoothing, iterations, keep
) -> None:
    source = random_source(kind, seed, size, made_of)
    params = replace(
        ANY_SIZE,
        smoothing_voxels=smoothing,
        taubin_iterations=iterations,
        decimate_to=keep,
        each_label=made_of == "labels",
    )
    try:
        finished = reconstruct(source, params)
    except EmptySurfaceError:
        assert made_of == "soft" or smoothing
        return
    cut = reconstruct(source, replace(params, taubin_iterations=0, decimate_to=1.0))
    bound = VOLUME_BOUND + ROUNDING
    for before, after in zip(cut.objects, finished.objects, strict=True):
        assert after.volume == pytest.approx(before.volume, rel=bound)
    assert finished.report.volume_change <= bound
    voxel_volume = 1.0 if size is None else float(np.prod(size)) / 1e9
    for row in (*cut.objects, *finished.objects):
        counted = row.voxels * voxel_volume
        if made_of in ("mask", "labels"):
            assert row.volume == pytest.approx(counted, rel=bound)
        elif row.voxels < SMALL_VOXELS and abs(row.volume / counted - 1) > bound:
            assert row.volume_error == pytest.approx(abs(row.volume - counted))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**SOURCES)
def test_the_smallest_objects_are_exported_in_every_format(
    kind, seed, size, made_of, tmp_path_factory
) -> None:
    """One or two voxels by themselves came out inside out, which blocked every export."""
    try:
        surfaces = reconstruct(
            random_source(kind, seed, size, made_of),
            replace(ANY_SIZE, each_label=made_of == "labels"),
        )
    except EmptySurfaceError:
        return
    folder = tmp_path_factory.mktemp("meshes")
    for suffix in MESH_FORMATS:
        assert write_mesh(surfaces, folder / f"body{suffix}").stat().st_size


@pytest.mark.parametrize("far_voxels", [(0, 0, 0), (900, 2000, 3000)])
def test_a_lone_voxel_beside_a_large_body_faces_outwards(far_voxels, tmp_path) -> None:
    distance, _ = sample(ball(10), (1, 1, 1))
    voxels = np.pad(distance > 0, ((0, 0), (0, 0), (0, 6)))
    voxels[4, 4, -3] = voxels[8, 8, -3] = voxels[8, 9, -3] = True
    volume = Volume.from_array(voxels.astype(np.uint8), VoxelSize(30, 20, 10))
    origin = tuple(np.multiply(far_voxels, (30, 20, 10)).astype(float).tolist())
    volume = volume.with_geometry(replace(volume.geometry, origin_nm=origin))
    surfaces = reconstruct(Mask(volume), ANY_SIZE)
    assert [row.voxels for row in surfaces.objects][1:] == [2, 1]
    for row in surfaces.objects:
        assert row.volume == pytest.approx(row.voxels * 6e-6, rel=VOLUME_BOUND)
    write_mesh(surfaces, tmp_path / "all.stl")


def test_the_report_says_who_was_smoothed_less(tmp_path) -> None:
    distance, _ = sample(ball(8), (1, 1, 1))
    voxels = np.pad(distance > 0, ((0, 0), (0, 0), (0, 8)))
    voxels[:, 12, -4] = True  # a thread beside a ball
    surfaces = reconstruct(as_mask(voxels), ANY_SIZE)
    report = surfaces.report
    assert report.fitted == report.smoothed_less == (2,)
    told = " ".join(report.sentences(surfaces.mesh.n_cells, "voxel"))
    assert "Smoothed less, so that no volume changes by more than 5%: object 2." in told
    assert "Cut so that they enclose what their voxels do: object 2." in told
    surfaces.save(tmp_path)
    assert load_report(tmp_path) == report
    alone = reconstruct(as_mask(distance > 0), ANY_SIZE)
    assert alone.report.fitted == alone.report.smoothed_less == ()
    assert alone.objects[0].volume == pytest.approx(surfaces.objects[0].volume, rel=1e-6)


def test_labels_smoothed_less_are_told_by_their_values() -> None:
    labels = np.zeros((14, 30, 30), np.int32)
    labels[4:10, 4:26, 4:14] = 2**31 - 1
    labels[5, 5, 16:28] = 70_000
    params = replace(ANY_SIZE, each_label=True, decimate_to=0.5)
    surfaces = reconstruct(Mask(Volume.from_array(labels)), params)
    assert [row.id for row in surfaces.objects] == [70_000, 2**31 - 1]
    assert surfaces.report.smoothed_less == (70_000,)
    assert surfaces.report.volume_change <= VOLUME_BOUND


def test_a_small_body_of_a_score_tells_how_far_its_volume_may_be_off() -> None:
    """What is cut from a score of -1 and +1 is 6.8 of 8 voxels: the table says so."""
    hard = Score(Volume.from_array(bar(2, 2, 2).astype(np.uint8) * 255, VoxelSize.isotropic(100)))
    surfaces = reconstruct(hard, ANY_SIZE)
    (row,) = surfaces.objects
    assert row.volume_error == pytest.approx(8e-3 - row.volume)
    assert row.volume_error > 1e-3
    assert quantify(surfaces)[0].volume_error_mesh == row.volume_error
    large = reconstruct(Score(Volume.from_array(bar(4, 4, 4).astype(np.uint8) * 255)), ANY_SIZE)
    assert large.objects[0].voxels == SMALL_VOXELS and large.objects[0].volume_error is None


def test_a_mended_label_tells_how_far_it_is_from_its_voxels() -> None:
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[3, 3, 3] = labels[3, 4, 4] = 1  # they touch by an edge
    (row,) = reconstruct(
        Mask(Volume.from_array(labels)), replace(ANY_SIZE, each_label=True)
    ).objects
    assert row.voxels != 2
    assert row.volume_error == pytest.approx(abs(row.volume - 2))


@pytest.mark.parametrize("seed", range(8))
def test_a_fitted_cut_is_still_one_of_the_grid(seed: int) -> None:
    """Points slide along their own edge of the grid, short of the next voxel: no two meet."""
    voxels = np.random.default_rng(seed).random((7, 8, 9)) < 0.15
    params = replace(ANY_SIZE, smoothing_voxels=0, taubin_iterations=0)
    soft = as_score(np.where(voxels, 1.0, -1.0))  # one cut of a score as of a mask: not fitted
    cut, fitted = reconstruct(soft, params), reconstruct(as_mask(voxels), params)
    before, after = np.asarray(cut.mesh.points), np.asarray(fitted.mesh.points)
    moved = after != before
    assert (moved.sum(axis=1) <= 1).all() and moved.any()
    assert (np.floor(after[moved]) == np.floor(before[moved])).all()
    outermost = np.array(voxels.shape[::-1]) - 0.5
    at_border = (before == -0.5) | (before == outermost)
    assert (after[at_border] == before[at_border]).all()
    for row in fitted.objects:
        assert row.volume == pytest.approx(row.voxels, rel=1e-4)


def test_what_encloses_its_voxels_is_left_as_it_was_cut() -> None:
    """A thread is fitted; the ball beside it is not touched."""
    distance, _ = sample(ball(9), (1, 1, 1))
    voxels = np.pad(distance > 0, ((0, 0), (0, 0), (0, 8)))
    voxels[:, 12, -4] = True
    params = replace(ANY_SIZE, taubin_iterations=0)
    fitted, cut = reconstruct(as_mask(voxels), params), reconstruct(as_mask(distance > 0), params)
    assert fitted.report.fitted == (2,)
    own = np.asarray(fitted.mesh.points)[fitted.point_objects == 1]
    assert (own == np.asarray(cut.mesh.points)).all()


def test_a_neighbour_that_is_thin_does_not_keep_a_label_from_its_volume() -> None:
    labels = np.zeros((20, 20, 24), np.uint8)
    labels[4:16, 4:16, 4:12] = 1
    labels[4:16, 4:16, 12] = 2  # a sheet between two bodies
    labels[4:16, 4:16, 13:20] = 3
    surfaces = reconstruct(Mask(Volume.from_array(labels)), replace(ANY_SIZE, each_label=True))
    for row in surfaces.objects:
        assert row.volume == pytest.approx(row.voxels, rel=VOLUME_BOUND)


def thinned_bodies(n: int) -> list[tuple[np.ndarray, ...]]:
    """Meshes of balls and threads of many sizes."""
    meshes = []
    for place in range(n):
        distance, _ = sample(ball(4 + place % 9), (1, 1, 1))
        made = reconstruct(as_mask(distance > 0), ANY_SIZE)
        meshes.append((np.asarray(made.mesh.points), made.triangles, made.point_objects))
    return meshes


TWO_AT_A_TIME = """
import json, sys
sys.path.insert(0, sys.argv[1])
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from test_volume_keeping import decimate, thinned_bodies
meshes = thinned_bodies(72)
thin = lambda mesh: decimate(*mesh, 0.3)
alone = [thin(mesh) for mesh in meshes]
with ThreadPoolExecutor(2) as pool:
    together = list(pool.map(thin, meshes))
same = [all(map(np.array_equal, a, b)) for a, b in zip(alone, together)]
print(json.dumps({"right": sum(same), "of": len(same)}))
"""


def test_meshes_thinned_two_at_a_time_are_those_thinned_one_after_another() -> None:
    """In a process of its own, which the race sometimes ends."""
    from pathlib import Path

    command = [sys.executable, "-c", TWO_AT_A_TIME, str(Path(__file__).parent)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"right": 72, "of": 72}


@pytest.mark.parametrize("seed", range(6))
def test_thinning_never_takes_a_point_to_another_object(seed: int) -> None:
    """Of small bodies some vanish, and their points were counted among those of others."""
    rng = np.random.default_rng(seed)
    codes = (rng.random((12, 13, 14)) < 0.4) * 120 + rng.integers(0, 135, (12, 13, 14))
    score = Score(Volume.from_array(codes.astype(np.uint8)))
    made = reconstruct(score, replace(ANY_SIZE, smoothing_voxels=0, taubin_iterations=40))
    points, triangles, objects, target = decimate(
        np.asarray(made.mesh.points), made.triangles, made.point_objects, 0.3
    )
    assert (target < 0).any(), "none has vanished: this shows nothing"
    assert (objects[target[target >= 0]] == made.point_objects[target >= 0]).all()
    corners = objects[triangles]
    assert (corners == corners[:, :1]).all()
    bounds = {row.id: row.bounds for row in made.objects}
    for each in np.unique(corners):
        low, high = np.reshape(bounds[each], (3, 2)).T
        own = points[np.unique(triangles[corners[:, 0] == each])]
        assert (own > low - 1).all() and (own < high + 1).all()


def test_distance_to_a_triangle_is_that_to_its_nearest_point() -> None:
    rng = np.random.default_rng(3)
    corners = rng.normal(size=(300, 3, 3))
    corners[:20, 2] = corners[:20, 1]  # as thin as a line
    corners[20:30] = corners[20:30, :1]  # as small as a point
    points = rng.normal(size=(300, 3)) * 1.5
    steps = np.linspace(0, 1, 60)
    u, v = (each.ravel() for each in np.meshgrid(steps, steps))
    u, v = u[u + v <= 1], v[u + v <= 1]
    weights = np.stack([1 - u - v, u, v])
    nearest = [
        np.linalg.norm(weights.T @ triangle - point, axis=1).min()
        for triangle, point in zip(corners, points, strict=True)
    ]
    found = _to_triangles(points, corners)
    assert (found <= np.array(nearest) + 1e-9).all()
    assert found == pytest.approx(nearest, abs=0.06)


@pytest.mark.parametrize("keep", [0.5, 0.1])
def test_distances_to_a_thinned_mesh_are_those_to_all_of_its_faces(keep: float) -> None:
    made = _surfaces_of_a_ball()
    full = np.asarray(made.mesh.points)
    points, triangles, _, target = decimate(full, made.triangles, made.point_objects, keep)
    found = distances_to_thinned(full, target, points, triangles)
    corners = points[triangles].astype(float)
    true = np.array([_to_triangles(np.tile(p, (len(corners), 1)), corners).min() for p in full])
    assert (found >= true - 1e-6).all()
    assert found.max() == pytest.approx(true.max())
    assert found.mean() == pytest.approx(true.mean(), rel=0.1)
    assert np.isinf(distances_to_thinned(full, np.full_like(target, -1), points, triangles)).all()


def _surfaces_of_a_ball() -> Surfaces:
    distance, _ = sample(ball(10), (1, 1, 1))
    return reconstruct(as_mask(distance > 0))


def test_a_report_without_the_new_lists_is_not_read_as_one(tmp_path) -> None:
    assert Report(objects_found=1, faces_cut=4).smoothed_less == ()
    _surfaces_of_a_ball().save(tmp_path)
    table = json.loads((tmp_path / "objects.json").read_text())
    del table["report"]["smoothed_less"]
    (tmp_path / "objects.json").write_text(json.dumps(table))
    assert load_report(tmp_path) is None
