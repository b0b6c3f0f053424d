"""Key frames are kept, put in order, and stay readable."""

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.export.shots import KeyFrame, PlaneShot, SurfaceShot
from deepsxt_core.export.slice_figure_params import FigureParams
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.key_frames import (
    add_key_frame,
    key_frames,
    move_key_frame,
    replace_key_frame,
)


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, np.zeros((3, 8, 8), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path)


PLANE = KeyFrame(
    plane=PlaneShot(
        axis="y", index=3, view=(0, 1, 2, 3.5), first="scores/a", hidden=(2,),
        look=FigureParams(compare="side", low=-0.5),
    ),
    seconds=4,
)  # fmt: skip
SURFACE = KeyFrame(surface=SurfaceShot(surface="s", position=(1, 2, 3), target=(0, 0, 0), half=0.5))


def test_views_are_kept_moved_replaced_and_removed(tomogram, monkeypatch):
    monkeypatch.setattr("deepsxt_core.workspace.key_frames.MOST_KEY_FRAMES", 2)
    assert key_frames(tomogram) == ()
    for frame in (PLANE, SURFACE):
        add_key_frame(tomogram, frame)
    assert key_frames(tomogram) == (PLANE, SURFACE)
    move_key_frame(tomogram, 1, -1)
    move_key_frame(tomogram, 0, -1)
    assert key_frames(tomogram) == (SURFACE, PLANE)
    replace_key_frame(tomogram, 0, PLANE)
    replace_key_frame(tomogram, 1, None)
    assert key_frames(tomogram) == (PLANE,)
    add_key_frame(tomogram, SURFACE)
    with pytest.raises(InvalidParameterError, match="at most"):
        add_key_frame(tomogram, PLANE)
    (tomogram.folder / "key-frames.json").write_text('{"frames": [{"later": 1}]}')
    assert key_frames(tomogram) == ()
