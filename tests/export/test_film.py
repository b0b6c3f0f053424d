"""Films: where they pass, that bars stay right, and that what is compared is to be seen."""

from dataclasses import replace

import numpy as np
import pytest

from deepsxt_core.annotation.objects import ObjectTable
from deepsxt_core.errors import DrawingError, InvalidParameterError
from deepsxt_core.export.figure_sheet import told
from deepsxt_core.export.film import Blend, Film
from deepsxt_core.export.film_files import film_writer
from deepsxt_core.export.film_plan import FilmParams, moments, sweep
from deepsxt_core.export.shots import KeyFrame, PlaneShot, SurfaceShot, between
from deepsxt_core.export.slice_figure import slice_sheet
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.export.slice_picture import BOTH_RGB, ONLY_A_RGB, ONLY_B_RGB, RESULT_RGB
from deepsxt_core.export.stage import Layer, Stage
from deepsxt_core.export.surface_shots import one_turn
from deepsxt_core.volume import Mask, Volume, VoxelSize
from deepsxt_core.workflow import pipeline
from tests.export.test_slice_figure import bar_of

SHAPE = (12, 40, 60)
EVEN = FilmParams(width_px=300, frames_per_s=6, caption=False, pace="even")
LOOK = FigureParams(black=0, white=12, opacity=1)
CAMERA = SurfaceShot(surface="s", position=(0, 0, -10), target=(0, 0, 0), half=2)


def layer(name, z, y, x, kind="score"):
    codes = np.zeros(SHAPE, np.uint8)
    codes[z, y, x] = 255
    read = {"z": lambda n: codes[n], "y": lambda n: codes[:, n], "x": lambda n: codes[:, :, n]}
    return Layer(
        name=name, kind=kind, shape=SHAPE, first=(0, 0, 0), bin=1,
        read=lambda axis, index: read[axis](index),
    )  # fmt: skip


@pytest.fixture(scope="module")
def surfaces():
    z, y, x = np.ogrid[:24, :24, :24]
    inside = ((z - 12) ** 2 + (y - 12) ** 2 + (x - 12) ** 2 < 64).astype(np.uint8)
    return pipeline.reconstruct(Mask(Volume.from_array(inside, VoxelSize(50, 50, 50))))


@pytest.fixture
def stage(surfaces):
    grey = np.broadcast_to(np.arange(SHAPE[0], dtype=float)[:, None, None], SHAPE)
    layers = {
        "a": layer("score of a", slice(2, 9), slice(10, 20), slice(20, 40)),
        "b": layer("truth b", slice(2, 9), slice(10, 20), slice(30, 50), "truth"),
    }
    read = {"z": lambda n: grey[n], "y": lambda n: grey[:, n], "x": lambda n: grey[:, :, n]}
    return Stage(
        name="cell.mrc", shape=SHAPE, voxel_size_nm=VoxelSize(20, 10, 10),
        grey=lambda axis, index: read[axis](index), layer=layers.__getitem__,
        objects=lambda _: (layers["a"], ObjectTable()), surfaces=lambda _: surfaces,
    )  # fmt: skip


def shot(**more):
    return PlaneShot(**{"look": LOOK, "view": (0, 0, 40, 60), **more})


def pixels(film, moment):
    with film.drawing() as draw:
        return np.asarray(draw(moment)).astype(int)


def test_a_sweep_shows_every_plane_evenly_and_ends_with_the_last():
    found = moments(sweep(shot(), 0, 11, 2.0), EVEN)
    assert len(found) == 13
    assert [*dict.fromkeys(each.index for each in found)] == [*range(12)]
    few = moments(sweep(shot(axis="y"), 3, 33, 0.5), EVEN)
    assert [each.index for each in few] == [3, 13, 23, 33]


def test_a_film_rests_at_key_frames_and_zooms_by_factors():
    near = shot(index=8, view=(10, 15, 20, 30), look=replace(LOOK, white=6))
    ends = (KeyFrame(plane=shot(), seconds=2), KeyFrame(plane=near, seconds=1))
    found = moments(ends, FilmParams(frames_per_s=10))
    assert len(found) == 30
    assert found[0] == shot()
    assert set(found[20:]) == {near}
    halfway = between(shot(), near, 0.5)
    assert (halfway.index, halfway.look.white) == (4, 9)
    assert halfway.view[3] - halfway.view[1] == pytest.approx(30)  # 60 · ½ · … = 15
    steps = [each.index for each in found]
    assert steps == sorted(steps)


def test_what_has_no_way_between_fades():
    for other in (shot(axis="y"), shot(first="a"), CAMERA, replace(shot(), annotation="k")):
        assert between(shot(), other, 0.5) is None
    frames = (KeyFrame(plane=shot(), seconds=1), KeyFrame(surface=CAMERA, seconds=0))
    found = moments(frames, FilmParams(frames_per_s=10))
    assert found[:5] == [shot()] * 5
    shares = [each.share for each in found if isinstance(each, Blend)]
    assert len(shares) == 5
    assert shares == sorted(shares)
    assert found[-1] == CAMERA


def test_cameras_go_round_and_never_through_what_they_look_at():
    beside = replace(CAMERA, position=(10, 0, 0), half=0.5)
    way = [between(CAMERA, beside, share) for share in np.linspace(0, 1, 11)]
    far = [np.linalg.norm(each.position) for each in way]
    np.testing.assert_allclose(far, 10)
    assert way[5].half == pytest.approx(1.0)
    assert way[-1].position == pytest.approx(beside.position)
    turn = moments(one_turn(CAMERA, 4), FilmParams(frames_per_s=3, pace="even"))
    angles = np.unwrap([np.arctan2(each.position[0], each.position[2]) for each in turn])
    np.testing.assert_allclose(np.abs(np.diff(angles)), np.pi / 6)
    assert turn[-1].position == pytest.approx(CAMERA.position)


@pytest.mark.parametrize("view", [(0, 0, 40, 60), (10, 15, 20, 30), (-20, 30, 20, 90)])
def test_the_bar_is_right_in_every_frame_and_frames_are_of_one_size(stage, view):
    frames = sweep(shot(), 0, 11, 1.0)
    film = Film(frames, EVEN, stage)
    assert film.size == (300, 200)
    seen = pixels(film, shot(view=view, index=0))
    assert seen.shape == (200, 300, 3)
    length, width = bar_of(seen[-40:])
    wide = max(view[3] - max(view[1], 0), 1.5 * (view[2] - max(view[0], 0)))
    wide = min(wide, 1.5 * (min(view[2], 40) - max(view[0], 0)) if view[0] < 0 else wide)
    nm = length / width * wide * 10
    assert any(nm == pytest.approx(each, rel=0.03) for each in (10, 20, 50, 100))


def test_a_comparison_has_its_colours_its_legend_and_its_numbers(stage):
    look = replace(LOOK, compare="difference", width_px=600)
    plane, caption = stage.show(shot(index=5, first="a", other="b", look=look))
    seen = np.asarray(slice_sheet(plane, look).image()).astype(int)
    for rgb, columns in ((ONLY_A_RGB, (20, 30)), (BOTH_RGB, (30, 40)), (ONLY_B_RGB, (40, 50))):
        where = np.argwhere((seen == rgb).all(axis=-1)) / 10
        assert (where.min(axis=0).round().tolist(), (where.max(axis=0) + 0.1).round().tolist()) == (
            [10, columns[0]],
            [20, columns[1]],
        )
    words = told(caption)
    assert "A: score of a above 0.00. B: truth b. Of the voxels in view: F1 0.500." in words
    assert "only A, not true: 100; only B, missed: 100; both: 100." in words
    legend = np.asarray(slice_sheet(plane, look, caption).image())[seen.shape[0] :]
    for rgb in (ONLY_A_RGB, ONLY_B_RGB, BOTH_RGB):
        assert (legend == rgb).all(axis=-1).sum() > 30
    outlines = slice_sheet(plane, replace(look, style="outline")).svg().decode()
    assert "#f27828" in outlines
    assert "#5696ff" in outlines


def test_a_line_and_two_pictures_show_a_on_the_left_and_b_on_the_right(stage):
    look = replace(LOOK, compare="swipe", width_px=600, share=0.55)
    plane, words = stage.show(shot(index=5, first="a", other="b", look=look))
    seen = np.asarray(slice_sheet(plane, look).image()).astype(int)
    columns = np.argwhere((seen == RESULT_RGB).all(axis=-1))[:, 1]
    assert (columns.min(), columns.max()) == (200, 499)
    assert not (seen[150, 335:] == RESULT_RGB).all(axis=-1)[170:].any()
    assert "A, left of the line" in told(words)
    plane, words = stage.show(
        shot(index=5, first="a", other="b", look=replace(look, compare="side"))
    )
    seen = np.asarray(slice_sheet(plane, replace(look, compare="side", width_px=604)).image())
    assert seen.shape == (200, 604, 3)
    columns = np.argwhere((seen == RESULT_RGB).all(axis=-1))[:, 1]
    assert sorted({*(columns // 302)}) == [0, 1]
    assert (columns[columns < 302].min(), columns[columns > 302].min()) == (100, 304 + 150)
    assert "F1 0.500" in told(words)


def test_what_is_too_much_or_nothing_is_refused(stage, tmp_path, monkeypatch):
    with pytest.raises(InvalidParameterError, match="Add a view"):
        moments((), EVEN)
    with pytest.raises(InvalidParameterError, match="shorter"):
        moments([KeyFrame(plane=shot(), seconds=60)] * 99, EVEN)
    with pytest.raises(InvalidParameterError, match="either"):
        KeyFrame()
    with pytest.raises(InvalidParameterError, match="planes 0 to 11"):
        Film(sweep(shot(), 0, 12, 1), replace(EVEN, caption=True), stage)
    big = FilmParams(width_px=1920, frames_per_s=60, format="gif")
    with pytest.raises(InvalidParameterError, match="too large"):
        Film(sweep(shot(), 0, 11, 60), big, stage)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with (
        pytest.raises(DrawingError, match="GIF"),
        film_writer(tmp_path / "a.mp4", "mp4", (2, 2), 1),
    ):
        pass
