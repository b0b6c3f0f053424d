"""Chunks of zarr that are not there: left out because they are empty, or not copied."""

import zipfile

import numpy as np
import pytest
import zarr
from stack_files import ome_zarr_folder

from deepsxt_core.io import open_volume
from deepsxt_core.io.readers import zarr_storage
from deepsxt_core.io.writers.ome_zarr import write_ome_zarr
from deepsxt_core.preprocessing.health import check_health
from deepsxt_core.volume import Volume


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("zipped", [False, True])
def test_chunks_that_are_not_there_are_counted(tmp_path, version, zipped):
    stack = np.random.default_rng(0).integers(1, 200, (6, 64, 64), np.uint8)
    ome_zarr_folder(tmp_path / "a", stack, version=version, chunks=(2, 32, 32))
    assert not open_volume(tmp_path / "a").warnings
    chunks = [p for p in (tmp_path / "a" / "0").rglob("*") if p.is_file() and p.name[-1].isdigit()]
    assert len(chunks) == 12
    for chunk in sorted(chunks)[4:7]:
        chunk.unlink()
    path = tmp_path / "a"
    if zipped:
        path = tmp_path / "b.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for member in (tmp_path / "a").rglob("*"):
                archive.write(member, "a.zarr" / member.relative_to(tmp_path / "a"))
    (word,) = open_volume(path).warnings
    assert word.startswith("3 of 12 chunks")


def test_of_very_many_chunks_some_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(zarr_storage, "_MOST_LOOKED_FOR", 8)
    array = zarr.create_array(tmp_path / "a", shape=(64, 8, 8), chunks=(1, 8, 8), dtype="u1")
    array[:32] = 1
    assert "4 of 8 (looked for among 64)" in open_volume(tmp_path / "a").warnings[-1]


def test_no_part_of_what_is_written_here_looks_lost(tmp_path):
    write_ome_zarr(Volume.from_array(np.zeros((3, 40, 40), np.uint8)), tmp_path / "a.ome.zarr")
    assert not open_volume(tmp_path / "a.ome.zarr").warnings


def test_health_counts_what_is_not_there_as_not_valid(tmp_path):
    stack = np.random.default_rng(0).integers(1, 200, (6, 96, 96), np.uint8)
    ome_zarr_folder(tmp_path / "a", stack, chunks=(6, 32, 32))
    (tmp_path / "a" / "0" / "c" / "0" / "1" / "1").unlink()
    report = check_health(open_volume(tmp_path / "a"))
    assert report.valid_share == pytest.approx(8 / 9)
