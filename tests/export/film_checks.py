"""A film of planes and surfaces; `test_drawn_apart` runs this in a process of its own."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepsxt_core.export.film import Film, estimate, first_frame, make_film, samples
from deepsxt_core.export.shots import KeyFrame
from tests.export.test_film import CAMERA, EVEN, shot, stage, surfaces  # noqa: F401


def test_films_are_files_that_players_open(stage, tmp_path):  # noqa: F811
    import av

    frames = (
        KeyFrame(plane=shot(first="a"), seconds=0.5),
        KeyFrame(
            surface=replace(CAMERA, position=(0.6, 0.6, -3), target=(0.6, 0.6, 0.6)), seconds=0.5
        ),
    )
    film = Film(frames, replace(EVEN, caption=True, width_px=320), stage)
    timed = {kind: first_frame(film, each, tmp_path / "trial.mp4")[1]
             for kind, each in samples(film).items()}  # fmt: skip
    expected = estimate(film, timed)
    assert (expected.frames, expected.size) == (6, film.size)
    assert expected.seconds > 0
    path = make_film(film, tmp_path / "film.mp4")
    with av.open(str(path)) as opened:
        seen = [frame.to_image() for frame in opened.decode(video=0)]
        assert opened.streams.video[0].average_rate == 6
        assert opened.streams.video[0].codec_context.name == "h264"
    assert [each.size for each in seen] == [film.size] * 6
    assert all(edge % 2 == 0 for edge in film.size)
    grey, turned = (np.asarray(each).astype(int) for each in (seen[0], seen[-1]))
    assert np.abs(grey - turned).mean() > 20
    ball = (turned[:200].max(axis=-1) - turned[:200].min(axis=-1) > 60).sum()
    # A ball of 8 voxels of 50 nm in a view that is 4 µm high and 213 px.
    assert ball == pytest.approx(np.pi * (0.4 / 4 * 213) ** 2, rel=0.2)
    gif = make_film(Film(frames[:1], replace(EVEN, format="gif"), stage), tmp_path / "film.gif")
    with Image.open(gif) as opened:
        assert opened.n_frames == 1
