"""Scenes of results, with the process that makes them."""

import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepsxt_core.errors import DrawingError
from deepsxt_core.export.scene_params import SceneParams
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace, making
from deepsxt_core.workspace.making import MakingLimits
from deepsxt_core.workspace.results import made_with_voxel_size
from deepsxt_core.workspace.scenes import scene_file
from tests.results import add_score, add_surface, ball

SHAPE = (12, 24, 32)
SMALL = SceneParams(surfaces=True)


@pytest.fixture
def tomogram(workspace_home, tmp_path):
    path = tmp_path / "ball.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(workspace_home).add_file(path)
    return tomogram.update(voxel_size_nm=VoxelSize.isotropic(20))


@pytest.fixture
def surface(tomogram):
    return add_surface(tomogram, add_score(tomogram, ball(SHAPE, 5)))


@pytest.fixture
def labelled(workspace_home, tmp_path):
    """A file of labels, without voxel size."""
    labels = (ball(SHAPE, 5) > 0).astype(np.uint8)
    tifffile.imwrite(tmp_path / "labels.tif", labels, imagej=True, metadata={"axes": "ZYX"})
    return Workspace(workspace_home).add_file(tmp_path / "labels.tif")


def exports(surface) -> list[str]:
    folder = surface.folder / "exports"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def stand_in(monkeypatch, code: str) -> None:
    """Let a line of Python take the place of the process that makes scenes."""
    monkeypatch.setattr(making, "COMMAND", (sys.executable, "-c", code))


def test_a_page_and_a_picture_are_made_once_and_kept(tomogram, surface, monkeypatch):
    page = scene_file(tomogram, surface, SMALL)
    assert "const distances = [" in page.read_text()
    with Image.open(scene_file(tomogram, surface, SMALL, "picture")) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100
    assert sorted(name.rpartition(".")[2] for name in exports(surface)) == ["html", "png"]
    stand_in(monkeypatch, "raise SystemExit('made again')")
    assert scene_file(tomogram, surface, SMALL) == page


def test_labels_have_a_scene_too(labelled):
    params = SceneParams(volume="tomogram", dense="bright", surfaces=True)
    assert scene_file(labelled, add_surface(labelled, None), params).is_file()


def test_what_is_too_slow_is_stopped_within_its_limit(tomogram, surface, monkeypatch):
    stand_in(monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(DrawingError, match=r"No page of the scene: .* longer than 0.3 s"):
        scene_file(tomogram, surface, SMALL, limits=MakingLimits(timeout_s=0.3))
    assert exports(surface) == []


def test_a_killed_process_is_told_by_its_signal(tomogram, surface, monkeypatch):
    stand_in(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(DrawingError, match=r"ended by a signal \(SIGKILL\)"):
        scene_file(tomogram, surface, SMALL)
    assert exports(surface) == []


def test_a_failure_is_told_by_its_last_line(tomogram, surface, monkeypatch):
    stand_in(monkeypatch, "raise RuntimeError('no such driver')")
    with pytest.raises(DrawingError, match=r"failed \(RuntimeError: no such driver\)"):
        scene_file(tomogram, surface, SMALL)


def test_a_process_that_writes_nothing_has_failed(tomogram, surface, monkeypatch):
    stand_in(monkeypatch, "pass")
    with pytest.raises(DrawingError, match="exit code 0"):
        scene_file(tomogram, surface, SMALL)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_memory_has_a_limit(tomogram, surface):
    with pytest.raises(DrawingError, match="No page of the scene"):
        scene_file(tomogram, surface, SMALL, limits=MakingLimits(memory_bytes=1 << 20))
    assert exports(surface) == []


def test_what_the_core_refuses_is_told_as_it_is(labelled):
    with pytest.raises(DrawingError, match=r"scene: The scene is to show the score: give it"):
        scene_file(labelled, add_surface(labelled, None), SceneParams())


def test_a_file_that_is_gone_is_told(tomogram, surface):
    tomogram.source.unlink()
    with pytest.raises(DrawingError, match="cannot be read any more"):
        scene_file(tomogram, surface, SMALL)


def test_another_choice_is_another_scene(tomogram, surface, monkeypatch):
    stand_in(
        monkeypatch,
        "import json, pathlib; order = json.loads(input())['order'];"
        "pathlib.Path(order['out']).write_text('made')",
    )
    pages = {scene_file(tomogram, surface, SceneParams(opacity=each)) for each in (0.2, 0.4)}
    assert len(pages) == 2


def test_a_scene_has_the_voxel_size_that_its_surface_has(tomogram, surface, labelled):
    corrected = tomogram.update(voxel_size_nm=VoxelSize.isotropic(30))
    volume = made_with_voxel_size(corrected.volume(), surface)
    assert volume.voxel_size_nm == VoxelSize.isotropic(20)
    unknown = add_surface(labelled, None)
    assert made_with_voxel_size(corrected.volume(), unknown).voxel_size_nm is None
