"""The scene in numbers, and how VTK draws it; tests/browser has how a browser does."""

import numpy as np
import pytest

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.figures import offline_page
from deepsxt_core.export.scene_params import SceneParams
from deepsxt_core.export.volume_scene import build_scene
from deepsxt_core.geometry import Geometry, Region
from deepsxt_core.preprocessing import cut
from deepsxt_core.surface import ReconstructParams, reconstruct
from deepsxt_core.volume import Score, Volume, VoxelSize
from tests.results import ball

SHAPE = (16, 32, 48)
EDGES_NM = VoxelSize(30, 20, 10)
ORIGIN_NM = (300.0, 500.0, 700.0)
EVERYTHING = SceneParams(surfaces=True)


def placed(array: np.ndarray, known: bool = True) -> Volume:
    geometry = Geometry(voxel_size_nm=EDGES_NM, origin_nm=ORIGIN_NM) if known else Geometry()
    return Volume.from_array(array).with_geometry(geometry)


@pytest.fixture(scope="module", params=[True, False], ids=["µm", "voxel"])
def parts(request) -> dict:
    """A ball: tomogram, score and surfaces."""
    score = Score(placed(Score.encode(ball(SHAPE, 6)), request.param))
    grey = np.where(ball(SHAPE, 6) > 0, 50, 200).astype(np.uint8)
    return {
        "tomogram": placed(grey, request.param),
        "score": score,
        "surfaces": reconstruct(score, ReconstructParams(min_voxels=1)),
    }


def bounds(plotter, name: str) -> np.ndarray:
    """Return ((x, y, z) of the lower corner, of the upper one)."""
    return np.array(plotter.actors[name].GetBounds()).reshape(3, 2).T


def grid(parts) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre of the first voxel and the edges, (x, y, z)."""
    if parts["tomogram"].voxel_size_nm is None:
        return np.zeros(3), np.ones(3)
    return np.array(ORIGIN_NM[::-1]) / 1000, np.array(EDGES_NM[::-1]) / 1000


@pytest.mark.parametrize("volume", ["score", "tomogram"])
def test_the_volume_lies_on_the_voxel_grid(parts, volume) -> None:
    first, edges = grid(parts)
    plotter = build_scene(SceneParams(volume=volume), **parts)
    np.testing.assert_allclose(
        bounds(plotter, "volume"), [first, first + edges * (np.array(SHAPE[::-1]) - 1)], atol=1e-6
    )
    plotter.close()


def test_an_averaged_volume_lies_in_the_same_place(parts) -> None:
    first, edges = grid(parts)
    plotter = build_scene(SceneParams(max_voxels=8 * 8 * 16 + 8), **parts)
    counts = np.array(plotter.actors["volume"].mapper.dataset.dimensions)
    block = np.array(SHAPE[::-1]) / counts
    assert counts.prod() < np.prod(SHAPE)
    outer = [first - edges / 2, first + edges * (np.array(SHAPE[::-1]) - 0.5)]
    half = block * edges / 2  # from the centre of a block to its border
    found = bounds(plotter, "volume")
    np.testing.assert_allclose([found[0] - half, found[1] + half], outer, atol=1e-6)
    plotter.close()


def test_planes_reach_from_border_to_border_and_stand_at_their_slice(parts) -> None:
    first, edges = grid(parts)
    places = np.array([5, 10, 20])
    params = SceneParams(
        plane_at=tuple(float(place / (n - 1)) for place, n in zip(places, SHAPE, strict=True))
    )
    plotter = build_scene(params, **parts)
    for axis in range(3):
        low, high = first - edges / 2, first + edges * (np.array(SHAPE[::-1]) - 0.5)
        low[2 - axis] = high[2 - axis] = (first + edges * places[::-1])[2 - axis]
        np.testing.assert_allclose(bounds(plotter, f"plane {'zyx'[axis]}"), [low, high], atol=1e-6)
    plotter.close()


def test_surfaces_lie_in_the_volume_and_the_scale_says_the_unit(parts) -> None:
    plotter = build_scene(EVERYTHING, **parts)
    unit = parts["surfaces"].unit
    (axes,) = (a for a in plotter.actors.values() if a.GetClassName() == "vtkCubeAxesActor")
    assert axes.GetXTitle() == f"x ({unit})"
    bar = bounds(plotter, "scale bar")
    assert bar[1][0] - bar[0][0] == pytest.approx(0.05 if unit == "µm" else 5)
    surface = np.array(parts["surfaces"].mesh.bounds).reshape(3, 2).T
    volume = bounds(plotter, "volume")
    assert (surface[0] > volume[0]).all() and (surface[1] < volume[1]).all()
    plotter.close()


def test_a_part_of_a_tomogram_lies_where_the_part_is() -> None:
    whole = placed(np.zeros((16, 32, 48), np.uint8))
    part = cut(whole, Region(z=(4, 12), y=(8, 24), x=(16, 48), bin=2))
    plotter = build_scene(SceneParams(volume="tomogram", scale=False), tomogram=part)
    first = np.array(ORIGIN_NM) / 1000 + np.array([4.5, 8.5, 16.5]) * np.array(EDGES_NM) / 1000
    np.testing.assert_allclose(bounds(plotter, "volume")[0], first[::-1], atol=1e-6)
    plotter.close()


def test_a_picture_shows_each_part_in_its_place() -> None:
    """From the front, x to the right and y down: a bright corner is at the upper left."""
    grey = np.full(SHAPE, 100, np.uint8)
    grey[:, :8, :12] = 255
    params = SceneParams(volume="none", scale=False, plane_at=(0.5, 0, 0), theme="dark")
    plotter = build_scene(params, tomogram=Volume.from_array(grey))
    plotter.camera_position = [(23.5, 15.5, -100), (23.5, 15.5, 8), (0, -1, 0)]
    plotter.enable_parallel_projection()
    plotter.camera.parallel_scale = 18  # half of the height, in voxels
    picture = plotter.screenshot(return_img=True)[..., 0].astype(int)
    rows, columns = np.nonzero(picture > 200)
    height, width = picture.shape
    assert rows.max() < height / 3 and columns.max() < width / 3
    assert rows.size / picture.size == pytest.approx(8 * 12 / (36 * 48), rel=0.1)
    plotter.close()


@pytest.mark.parametrize("dense", ["dark", "bright"])
def test_what_is_dense_is_drawn_and_the_rest_is_not(dense) -> None:
    inside = ball(SHAPE, 6) > 0
    grey = np.where(inside, 50, 200) if dense == "dark" else np.where(inside, 200, 50)
    grey = grey.astype(np.float32)
    grey[0] = np.nan
    params = SceneParams(volume="tomogram", planes=False, scale=False, dense=dense, opacity=1)
    plotter = build_scene(params, tomogram=Volume.from_array(grey))
    opacity = plotter.actors["volume"].prop.GetScalarOpacity()
    codes = np.asarray(plotter.actors["volume"].mapper.dataset.point_data["code"]).reshape(SHAPE)
    drawn = np.vectorize(opacity.GetValue)(codes) > 0
    np.testing.assert_array_equal(drawn, inside & (np.arange(SHAPE[0]) > 0)[:, None, None])
    plotter.close()


def test_scores_below_the_limit_are_not_drawn() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    params = SceneParams(planes=False, scale=False, score_from=0.5)
    plotter = build_scene(params, score=Score(Volume.from_array(np.repeat(codes, 4, axis=0))))
    opacity = plotter.actors["volume"].prop.GetScalarOpacity()
    drawn = np.array([opacity.GetValue(code) > 0 for code in range(256)])
    shown = Score.decode(np.flatnonzero(drawn).astype(np.uint8))
    assert shown.min() > 0.5 and shown.min() < 0.52 and drawn[255]
    plotter.close()


def test_a_page_waits_for_its_voxels_and_asks_for_nothing(parts) -> None:
    plotter = build_scene(EVERYTHING, **parts)
    page = offline_page(plotter, "light")
    distance = plotter.actors["volume"].prop.GetScalarOpacityUnitDistance()
    plotter.close()
    assert f"const distances = [{distance}]" in page
    assert "default-src 'none'" in page
    assert "kitware.github.io/vtk-js/icon" not in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"opacity": 0}, "opacity must be above 0"),
        ({"surface_opacity": 1.1}, "surface_opacity"),
        ({"plane_at": (0.5, 0.5, 1.5)}, "plane_at"),
        ({"score_from": 1.0}, "score_from"),
        ({"max_voxels": 10}, "max_voxels"),
        ({"volume": "none", "planes": False}, "must show something"),
    ],
)
def test_wrong_parameters_are_refused(wrong, said) -> None:
    with pytest.raises(InvalidParameterError, match=said):
        SceneParams(**wrong)


def test_what_is_not_given_cannot_be_shown() -> None:
    with pytest.raises(InvalidParameterError, match="show the score: give it"):
        build_scene(tomogram=placed(np.zeros(SHAPE, np.uint8)))
    with pytest.raises(InvalidParameterError, match="voxel size is known for a part"):
        build_scene(
            tomogram=placed(np.zeros(SHAPE, np.uint8)),
            score=Score(placed(Score.encode(ball(SHAPE, 6)), known=False)),
        )


def test_padding_is_empty() -> None:
    """Dark is dense, and so would be zeros around a reconstruction."""
    rng = np.random.default_rng(0)
    grey = rng.normal(150, 10, (8, 40, 40)).astype(np.float32)
    grey[:, :, 30:] = 0
    plotter = build_scene(
        SceneParams(volume="tomogram", planes=False), tomogram=Volume.from_array(grey)
    )
    actor = plotter.actors["volume"]
    codes = np.asarray(actor.mapper.dataset.point_data["code"]).reshape(8, 40, 40)
    opacity = actor.prop.GetScalarOpacity()
    assert {opacity.GetValue(float(code)) for code in np.unique(codes[:, :, 31:])} == {0}
    assert max(opacity.GetValue(float(code)) for code in np.unique(codes[:, :, :28])) > 0
    plotter.close()
