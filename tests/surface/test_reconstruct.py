import subprocess
import sys

import numpy as np
import pytest
from bodies import Body, as_mask, as_score, ball, ellipsoid, sample, shell, torus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsxt_core.errors import CancelledError, EmptySurfaceError, InvalidParameterError
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams, Surfaces, reconstruct
from deepsxt_core.surface.field.smoothing import smoothing_kernel
from deepsxt_core.volume import Score, Volume, VoxelSize

RAW = ReconstructParams(smoothing_voxels=0, taubin_iterations=0, min_voxels=0)
EDGE_NM = 20.0


def euler_number(surfaces: Surfaces) -> int:
    triangles = surfaces.triangles
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    )
    return surfaces.mesh.n_points - len(np.unique(edges, axis=0)) + len(triangles)


def assert_closed(surfaces: Surfaces) -> None:
    """Every edge is run through once in each direction, so surfaces are closed and oriented."""
    triangles = surfaces.triangles
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, times = np.unique(edges, axis=0, return_counts=True)
    assert (times == 1).all()
    assert np.array_equal(there, np.unique(edges[:, ::-1], axis=0))
    assert surfaces.mesh.n_open_edges == 0


BODIES = [
    pytest.param(ball(12), id="ball"),
    pytest.param(shell(20, 6), id="shell"),
    pytest.param(ellipsoid(24, 14), id="ellipsoid"),
    pytest.param(torus(22, 8), id="torus"),
]


@pytest.mark.parametrize("make", [as_mask, as_score], ids=["mask", "score"])
@pytest.mark.parametrize("body", BODIES)
def test_isotropic_body_is_right_to_a_percent(body: Body, make) -> None:
    distance, centre = sample(body, (1, 1, 1))
    source = distance > 0 if make is as_mask else distance
    surfaces = reconstruct(make(source, VoxelSize.isotropic(EDGE_NM)))

    edge_um = EDGE_NM / 1000
    (row,) = surfaces.objects
    assert surfaces.unit == "µm"
    assert row.volume == pytest.approx(body.volume * edge_um**3, rel=0.01)
    assert row.area == pytest.approx(body.area * edge_um**2, rel=0.02)
    assert row.centroid == pytest.approx(centre[::-1] * edge_um, abs=0.1 * edge_um)
    assert row.voxels == pytest.approx(body.volume, rel=0.02)
    assert euler_number(surfaces) == body.euler
    assert_closed(surfaces)


@pytest.mark.parametrize("make", [as_mask, as_score], ids=["mask", "score"])
@pytest.mark.parametrize(
    "body",
    [ball(30), shell(30, 12), ellipsoid(45, 28), torus(40, 20)],
    ids=lambda b: f"{b.area:.0f}",
)
def test_anisotropic_body_is_right(body: Body, make) -> None:
    """Voxels of 3:2:1. Surfaces seen by few slices are coarser: area to 3 %."""
    distance, centre = sample(body, (3, 2, 1))
    source = distance > 0 if make is as_mask else distance
    surfaces = reconstruct(make(source, VoxelSize(3000, 2000, 1000)))

    (row,) = surfaces.objects
    assert row.volume == pytest.approx(body.volume, rel=0.015)
    assert row.area == pytest.approx(body.area, rel=0.03)
    offset = np.array(row.centroid) - (centre * (3, 2, 1))[::-1]
    assert np.abs(offset / (1, 2, 3)).max() < 0.1
    assert euler_number(surfaces) == body.euler
    assert_closed(surfaces)


@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.0, 2.5])
def test_kernel_keeps_constants_and_has_its_second_moment(sigma: float) -> None:
    kernel = smoothing_kernel(sigma, -0.4)
    x = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1)
    assert (kernel * x**2).sum() == pytest.approx(-0.4)
    assert kernel == pytest.approx(kernel[::-1])


def test_position_is_that_of_voxel_centres_and_first_slice() -> None:
    voxels = np.zeros((7, 8, 9), np.uint8)
    voxels[2, 3, 5] = 255
    score = Score(Volume.from_array(voxels, VoxelSize(30, 20, 10)), first_slice=100)
    (row,) = reconstruct(score, RAW).objects
    assert row.centroid == pytest.approx((0.05, 0.06, 3.06), abs=1e-5)
    # Without smoothing the surface lies midway between the voxel and its neighbours.
    assert row.bounds == pytest.approx((0.045, 0.055, 0.05, 0.07, 3.045, 3.075), abs=1e-5)


def test_unknown_voxel_size_gives_voxels() -> None:
    distance, centre = sample(ball(8), (1, 1, 1))
    surfaces = reconstruct(as_mask(distance > 0))
    assert surfaces.unit == "voxel"
    assert surfaces.objects[0].centroid == pytest.approx(centre[::-1], abs=0.1)
    assert surfaces.summary()["volume_um3"] is None
    with pytest.raises(InvalidParameterError, match="voxel size"):
        reconstruct(as_mask(distance > 0), ReconstructParams(min_volume_um3=0.1))


@pytest.mark.parametrize("threshold", [-0.4, 0.0, 0.3])
def test_body_cut_by_the_border_is_closed_by_flat_caps(threshold: float) -> None:
    full = np.full((12, 14, 16), 255, np.uint8)
    params = ReconstructParams(threshold=threshold, taubin_iterations=0)
    surfaces = reconstruct(Score(Volume.from_array(full)), params)
    assert_closed(surfaces)
    (row,) = surfaces.objects
    assert row.bounds == pytest.approx((-0.5, 15.5, -0.5, 13.5, -0.5, 11.5), abs=1e-4)
    assert row.volume == pytest.approx(full.size, rel=0.01)


def test_half_ball_at_the_border_has_half_the_volume() -> None:
    z, y, x = np.ogrid[:20, :40, :40]
    # The outer face of the first slice passes through the centre, at z = -0.5.
    half = np.sqrt((z + 0.5) ** 2 + (y - 20) ** 2 + (x - 20) ** 2) < 15
    surfaces = reconstruct(as_mask(half))
    assert_closed(surfaces)
    assert surfaces.objects[0].volume == pytest.approx(2 / 3 * np.pi * 15**3, rel=0.01)
    assert surfaces.objects[0].bounds[4] == pytest.approx(-0.5, abs=0.1)


def test_single_slice_becomes_a_closed_plate() -> None:
    disc = np.hypot(*np.ogrid[-20:21, -20:21]) < 12
    surfaces = reconstruct(as_mask(disc))
    assert_closed(surfaces)
    assert surfaces.objects[0].bounds[4:] == pytest.approx((-0.5, 0.5), abs=0.1)


def test_body_is_not_mirrored() -> None:
    """An F with a foot on its first slices: no rotation makes it its mirror image."""
    letter = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    voxels = np.zeros((20, 40, 40), bool)
    voxels[4:16, 4:34, 4:22] = np.kron(letter, np.ones((6, 6))) > 0
    voxels[4:8, 28:34, 10:18] = True
    surfaces = reconstruct(as_mask(voxels, VoxelSize.isotropic(1000)))
    centroid_zyx = np.argwhere(voxels).mean(axis=0)
    assert surfaces.objects[0].centroid == pytest.approx(centroid_zyx[::-1], abs=0.1)
    # Inside and outside of the mesh are where the voxels say.
    import pyvista

    z, y, x = np.indices(voxels.shape).reshape(3, -1)
    centres = pyvista.PolyData(np.stack([x, y, z], axis=1).astype(np.float32))
    inside = centres.select_interior_points(surfaces.mesh)["selected_points"].astype(bool)
    assert (inside == voxels.ravel()).mean() > 0.995


def test_two_balls_are_two_objects_largest_first() -> None:
    z, y, x = np.ogrid[:30, :30, :60]
    small = (z - 15) ** 2 + (y - 15) ** 2 + (x - 12) ** 2 < 6**2
    large = (z - 15) ** 2 + (y - 15) ** 2 + (x - 40) ** 2 < 10**2
    surfaces = reconstruct(as_mask(small | large))
    assert [row.id for row in surfaces.objects] == [1, 2]
    assert surfaces.objects[0].centroid == pytest.approx((40, 15, 15), abs=0.1)
    assert surfaces.objects[1].centroid == pytest.approx((12, 15, 15), abs=0.1)
    assert sum(row.faces for row in surfaces.objects) == surfaces.mesh.n_cells
    assert (surfaces.point_objects[surfaces.triangles] == surfaces.face_objects[:, None]).all()

    one = surfaces.select([2])
    assert [row.id for row in one.objects] == [2]
    assert one.mesh.n_cells == surfaces.objects[1].faces
    assert one.mesh.bounds == pytest.approx(surfaces.objects[1].bounds)
    assert (one.point_colours == surfaces.point_colours[surfaces.point_objects == 2]).all()
    for ids in ([], [3]):
        with pytest.raises(InvalidParameterError, match="ids from 1 to 2"):
            surfaces.select(ids)

    voxels = [row.voxels for row in surfaces.objects]
    kept = reconstruct(as_mask(small | large), ReconstructParams(min_voxels=voxels[0]))
    assert [row.voxels for row in kept.objects] == voxels[:1]
    size = VoxelSize.isotropic(100)  # 1000 voxels make 1 µm³
    kept = reconstruct(as_mask(small | large, size), ReconstructParams(min_volume_um3=1.0))
    assert [row.voxels for row in kept.objects] == voxels[:1]
    with pytest.raises(EmptySurfaceError, match=f"all 2 objects.*{voxels[0]} voxels"):
        reconstruct(as_mask(small | large), ReconstructParams(min_voxels=voxels[0] + 1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(0.05, 0.7),
    smoothing=st.sampled_from([0, 0.7]),
)
def test_any_mask_gives_closed_objects_of_its_components(seed, fraction, smoothing) -> None:
    """Noise holds every way in which voxels can touch."""
    noise = np.random.default_rng(seed).random((6, 7, 8)) < fraction
    noise[3, 3, 3] = True
    params = ReconstructParams(smoothing_voxels=smoothing, taubin_iterations=0, min_voxels=0)
    try:
        surfaces = reconstruct(as_mask(noise), params)
    except EmptySurfaceError:
        assert smoothing  # a lone voxel may vanish
        return
    assert_closed(surfaces)
    assert (surfaces.point_objects[surfaces.triangles] == surfaces.face_objects[:, None]).all()
    assert all(row.volume > 0 for row in surfaces.objects)
    if not smoothing:
        assert sum(row.voxels for row in surfaces.objects) == noise.sum()


def test_threshold_cuts_the_score_where_the_mask_does() -> None:
    codes = np.random.default_rng(1).integers(0, 256, (6, 20, 20), dtype=np.uint8)
    score = Score(Volume.from_array(codes))
    for threshold in (-0.5, 0.0, 0.41):
        params = ReconstructParams(
            threshold=threshold, smoothing_voxels=0, taubin_iterations=0, min_voxels=0
        )
        voxels = sum(row.voxels for row in reconstruct(score, params).objects)
        assert voxels == score.read_mask(0, 6, threshold).sum()


def test_empty_results_say_what_to_do() -> None:
    codes = np.full((4, 9, 9), Score.encode(np.float32(-0.5)), np.uint8)
    with pytest.raises(EmptySurfaceError, match=r"threshold 0;.*score is -0\.50.*example -0\.55"):
        reconstruct(Score(Volume.from_array(codes)))
    with pytest.raises(EmptySurfaceError, match="Nothing was recognised"):
        reconstruct(Score(Volume.from_array(np.zeros_like(codes))))
    with pytest.raises(EmptySurfaceError, match="mask is empty"):
        reconstruct(as_mask(np.zeros((4, 9, 9))))


def test_decimation_thins_and_keeps_objects_closed() -> None:
    z, y, x = np.ogrid[:30, :30, :60]
    small = (z - 15) ** 2 + (y - 15) ** 2 + (x - 12) ** 2 < 8**2
    large = (z - 15) ** 2 + (y - 15) ** 2 + (x - 40) ** 2 < 12**2
    full = reconstruct(as_mask(small | large))
    thin = reconstruct(as_mask(small | large), ReconstructParams(decimate_to=0.2))
    assert_closed(thin)
    assert thin.mesh.n_cells == pytest.approx(0.2 * full.mesh.n_cells, rel=0.1)
    for before, after in zip(full.objects, thin.objects, strict=True):
        assert after.volume == pytest.approx(before.volume, rel=0.01)
        assert after.centroid == pytest.approx(before.centroid, abs=0.1)


def test_torn_objects_keep_their_faces_when_decimated() -> None:
    noise = np.random.default_rng(3).random((16, 16, 16)) < 0.35
    params = {"smoothing_voxels": 0, "taubin_iterations": 0, "min_voxels": 0}
    full = reconstruct(as_mask(noise), ReconstructParams(**params))
    thin = reconstruct(as_mask(noise), ReconstructParams(**params, decimate_to=0.3))
    assert_closed(thin)
    assert [row.voxels for row in thin.objects] == [row.voxels for row in full.objects]


def test_saved_surfaces_are_read_back(tmp_path) -> None:
    distance, _ = sample(ball(6), (1, 1, 1))
    surfaces = reconstruct(as_mask(distance > 0, VoxelSize.isotropic(10)))
    surfaces.save(tmp_path)
    read = Surfaces.load(tmp_path)
    assert read.objects == surfaces.objects
    assert read.unit == surfaces.unit
    assert read.mesh.points.dtype == np.float32
    assert np.array_equal(read.mesh.points, surfaces.mesh.points)
    assert np.array_equal(read.triangles, surfaces.triangles)
    assert np.array_equal(read.face_objects, surfaces.face_objects)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects.json", "surface.vtp"]
    assert read.report == surfaces.report
    table = (tmp_path / "objects.json").read_text(encoding="utf-8")
    renamed = table.replace("volume_change", "change")
    (tmp_path / "objects.json").write_text(renamed, encoding="utf-8")
    assert Surfaces.load(tmp_path).report is None


def test_cancelling_stops_a_reconstruction() -> None:
    class Stop(NoProgress):
        def advance(self, n: int = 1) -> None:  # noqa: ARG002
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        reconstruct(as_mask(np.pad(np.ones((4, 4, 4)), 1)), progress=Stop())


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 1.0},
        {"threshold": float("nan")},
        {"smoothing_voxels": -1},
        {"close_gap_voxels": -1},
        {"min_voxels": -1},
        {"min_volume_um3": float("inf")},
        {"taubin_iterations": -1},
        {"decimate_to": 0},
        {"decimate_to": 1.5},
    ],
    ids=str,
)
def test_parameters_check_themselves(wrong) -> None:
    (name,) = wrong
    with pytest.raises(InvalidParameterError, match=name):
        ReconstructParams(**wrong)


@pytest.mark.filterwarnings("ignore:Unrecognised machine stamp")
def test_real_labels_give_closed_surfaces_of_their_volume(real) -> None:
    import mrcfile
    import tifffile

    with mrcfile.open(real / "vesicle_membrane_labels.mrc", permissive=True) as file:
        membrane = file.data != 0
    matrix = tifffile.imread(real / "fibsem_mitochondrion_labels.tif") == 2
    for mask, size in ((membrane, VoxelSize(1, 1, 1)), (matrix, VoxelSize(10, 5, 5))):
        surfaces = reconstruct(as_mask(mask, size), ReconstructParams(min_voxels=0))
        assert_closed(surfaces)
        volume_um3 = mask.sum() * np.prod(size) / 1e9
        assert surfaces.summary()["volume_um3"] == pytest.approx(volume_um3, rel=0.03)


def test_importing_does_not_load_vtk() -> None:
    code = (
        "import sys, deepsxt_core.surface, deepsxt_core.export.figures, deepsxt_core.export.meshes;"
        "sys.exit(any(name.startswith(('vtk', 'pyvista', 'trame')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_report_says_what_has_changed() -> None:
    distance, _ = sample(ball(12), (1, 1, 1))
    mask = as_mask(distance > 0)
    raw = reconstruct(mask, ReconstructParams(taubin_iterations=0))
    assert (raw.report.smoothing_moved, raw.report.volume_change) == (0, pytest.approx(0, abs=1e-5))
    smooth = reconstruct(mask)
    report = smooth.report
    moved = np.linalg.norm(np.asarray(smooth.mesh.points) - np.asarray(raw.mesh.points), axis=1)
    assert report.smoothing_moved == pytest.approx(moved.max(), rel=1e-4)
    change = abs(smooth.objects[0].volume / raw.objects[0].volume - 1)
    assert report.volume_change == pytest.approx(change, abs=1e-5)
    thin = reconstruct(mask, ReconstructParams(decimate_to=0.3))
    assert thin.report.faces_cut == smooth.mesh.n_cells
    assert 0 < thin.report.thinning_moved <= 0.5
    told = " ".join(thin.report.sentences(thin.mesh.n_cells, thin.unit))
    assert f"{thin.mesh.n_cells:,} of {smooth.mesh.n_cells:,} triangles" in told
    strict = reconstruct(mask, ReconstructParams(decimate_to=0.3, decimate_error_voxels=0.02))
    assert strict.report.thinning_moved <= 0.02
    assert strict.mesh.n_cells > thin.mesh.n_cells
