"""Tomograms that are folders: hashed by what is in them, listed, segmented, repeated."""

import os

import numpy as np
import pytest
import tifffile

from deepsxt_core.files import read_json
from deepsxt_core.fingerprints import content_sha256
from deepsxt_core.io import write_volume
from deepsxt_core.jobs import SegmentRequest
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow import batch, rerun, segmentation
from deepsxt_core.workflow.batch import run_batch
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workspace import Workspace, data_roots
from tests.jobs.stand_in_network import MODEL, StandInPredictor

SHAPE = (4, 16, 20)


@pytest.fixture(params=["scan.ome.zarr", "slices"])
def folder(request, tmp_path):
    """A tomogram that is a folder, inside one that the server offers."""
    path = tmp_path / "data" / request.param
    path.parent.mkdir()
    array = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    if path.suffix == ".zarr":
        write_volume(Volume.from_array(array, VoxelSize(10, 10, 10)), path)
    else:
        path.mkdir()
        for z, image in enumerate(array):
            tifffile.imwrite(path / f"slice_{z:03}.tif", image)
    return path


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(segmentation, "_predictor", lambda *_: StandInPredictor())
    for module in (batch, rerun):
        monkeypatch.setattr(module, "open_model", lambda _: MODEL)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_hash_of_a_folder_is_that_of_names_and_contents(folder, tmp_path):
    first = content_sha256(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    assert content_sha256(moved) == first
    last = files(moved)[-1]
    kept = last.read_bytes()
    last.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    assert content_sha256(moved) != first
    last.write_bytes(kept)
    assert content_sha256(moved) == first
    last.rename(last.with_name("other"))
    assert content_sha256(moved) != first


def test_the_hash_of_a_file_is_that_of_its_bytes_whatever_its_name(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert content_sha256(tmp_path / "a") == content_sha256(tmp_path / "b")


def test_a_changed_file_inside_is_noticed_and_an_unchanged_folder_is_not_read_again(
    folder, monkeypatch
):
    tomogram = Workspace().add_file(folder)
    first = tomogram.input_sha256()
    with monkeypatch.context() as patch:
        patch.setattr("deepsxt_core.fingerprints.file_sha256", None)
        assert tomogram.input_sha256() == first
    inside = files(folder)[-1]
    content, stat = inside.read_bytes(), inside.stat()
    inside.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # The same size, and the time of another moment.
    os.utime(inside, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))
    assert tomogram.input_sha256() != first


def test_a_folder_can_be_asked_for_as_a_job(folder):
    tomogram = Workspace().add_file(folder)
    identity = TASKS["segment"].identity(tomogram, SegmentRequest(model="deepsxt-compact"))
    assert identity["input_sha256"] == content_sha256(folder)


def test_a_folder_is_listed_as_one_and_found(folder, monkeypatch):
    root = folder.parent
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(root))
    listed = data_roots.list_files(root)
    assert folder.name in listed
    assert data_roots.find_file(root, folder.name) == folder.resolve()
    if folder.suffix == ".zarr":
        assert listed == [folder.name]


def test_tomograms_that_happen_to_share_a_folder_are_no_stack(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSXT_DATA_ROOTS", str(tmp_path))
    for name in ("cell.tif", "nucleus.tif", "a1.tif", "b1.tif"):
        (tmp_path / "inside").mkdir(exist_ok=True)
        (tmp_path / "inside" / name).touch()
    assert "inside" not in data_roots.list_files(tmp_path)


def test_batch_and_rerun_take_folders(folder, tmp_path):
    recipe = Recipe(reconstruct=None)
    (row,) = run_batch([folder], recipe, tmp_path / "out")
    assert (row["status"], row["error"]) == ("done", None)
    assert (row["file"], row["slices"]) == (str(folder), SHAPE[0])
    (again,) = run_batch([folder], recipe, tmp_path / "out")
    assert again["status"] == "kept"
    out = tmp_path / "out" / folder.name.removesuffix(".ome.zarr")
    assert read_json(out / "run.json")["input"]["sha256"] == content_sha256(folder)
    assert rerun.rerun(out / "run.json")["same"]
