"""A disk that fills up: a sentence, no crash, and nothing half written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import VoxelSize
from deepsxt_core.web import own_pages, routes
from deepsxt_core.workspace import Workspace
from tests.results import add_score, add_surface, ball

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def disk(tmp_path):
    """A disk of its own, of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left_bytes: int) -> None:
    """Leave so much room on a disk."""
    with (disk / "filled").open("ab", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(disk).free - left_bytes))
    assert shutil.disk_usage(disk).free <= left_bytes


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    """A folder with the surfaces of a ball: more than 1 MB in every format."""
    folder = tmp_path_factory.mktemp("surfaces")
    home = tmp_path_factory.mktemp("workspace")
    path = folder / "cell.tif"
    tifffile.imwrite(path, np.zeros((88, 88, 88), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace(home).add_file(path)
    surface = add_surface(tomogram, add_score(tomogram, ball((88, 88, 88), 40)))
    return surface.folder


@pytest.mark.parametrize("left_kb", [0, 12, 300, 900])
def test_no_format_is_half_written(surfaces, disk, left_kb):
    fill(disk, left_kb * 1024)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.full_disk", str(surfaces), str(disk)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    for name, (came, left) in told.items():
        kept = [path for path in left if not path.startswith("saved/")]
        if came == "written":
            assert left
        else:
            assert came.count(".") >= 2, came
            assert "disk" in came, came
            assert not [path for path in kept if path.startswith((name, "."))], name
    failed = [name for name, (came, _) in told.items() if came != "written"]
    assert len(failed) == len(told) or left_kb >= 300


@pytest.mark.slow
@pytest.mark.making
def test_the_app_answers_with_a_sentence(disk, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSXT_HOME", str(disk / "workspace"))
    path = tmp_path / "cell.tif"
    tifffile.imwrite(path, np.zeros((48, 48, 48), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    tomogram = Workspace().add_file(path).update(voxel_size_nm=VoxelSize.isotropic(10))
    score = add_score(tomogram, ball((48, 48, 48), 16))
    surface = add_surface(tomogram, score)
    token = {"X-DeepSXT-Token": own_pages.token()}
    fill(disk, 12 * 1024)
    before = {path for path in (disk / "workspace").rglob("*") if path.is_file()}
    at = f"/api/tomograms/{tomogram.id}"
    with TestClient(Starlette(routes=routes.routes())) as client:
        for name in ("surface.vtp", "surface.ply", "view-full.bin"):
            answer = client.get(f"{at}/surfaces/{surface.id}/{name}")
            assert (answer.status_code, "disk" in answer.text) == (507, True), answer.text
        answer = client.get(f"{at}/scores/{score.id}/mask.mrc")
        assert (answer.status_code, "disk" in answer.text) == (507, True), answer.text
        begun = client.post("/api/uploads?name=a.tif&size=1000000", headers=token)
        assert (begun.status_code, "GB left" in begun.text) == (413, True)
        fill(disk, 0)
        begun = client.post("/api/uploads?name=a.tif&size=1", headers=token)
        assert begun.status_code in (413, 507)
        assert not list(Workspace().uploads_folder.iterdir())
        after = {path for path in (disk / "workspace").rglob("*") if path.is_file()}
        assert after == before
        (disk / "filled").unlink()
        assert client.get(f"{at}/surfaces/{surface.id}/surface.vtp").status_code == 200
    assert Surfaces.load(surface.folder).mesh.n_cells
    assert [path.name for path in disk.iterdir()] == ["workspace"]
