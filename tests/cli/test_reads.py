"""How often the command line reads what it works on: a tomogram may take minutes to unpack."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import zarr

from deepsxt_core.cli import main as cli
from deepsxt_core.cli import opening
from deepsxt_core.io import open_volume, write_tiff
from deepsxt_core.network import save_model
from deepsxt_core.volume import Volume, VoxelSize
from tests.models import small_config, small_network


@pytest.fixture
def reads(monkeypatch):
    """Count how often each slice of a tomogram, and of a score, is read."""
    counts = {"tomogram": Counter(), "score": Counter()}

    def counting(path, **options):
        volume = open_volume(path, **options)
        if volume.path.name != "cell.tif":
            return volume

        def read(z0, z1):
            counts["tomogram"].update(range(z0, z1))
            return volume.reader(z0, z1)

        return replace(volume, reader=read)

    plain = zarr.Array.__getitem__

    def getitem(array, key):
        if "score.ome.zarr" in str(array.store_path):
            counts["score"].update(range(array.shape[0])[key])
        return plain(array, key)

    monkeypatch.setattr(opening, "open_volume", counting)
    monkeypatch.setattr(zarr.Array, "__getitem__", getitem)
    return counts


@pytest.fixture
def tomogram(tmp_path):
    voxels = np.random.default_rng(0).normal(size=(40, 20, 24)).astype(np.float32)
    write_tiff(Volume.from_array(voxels, VoxelSize(10, 10, 10)), tmp_path / "cell.tif")
    return tmp_path / "cell.tif"


@pytest.mark.parametrize("rotations", ["1", "4"])
def test_run_reads_the_tomogram_twice_and_the_score_three_times_at_most(
    reads, tomogram, tmp_path, rotations
):
    save_model(tmp_path / "small", small_network(), small_config(2), "")
    out = tmp_path / "out"
    code = cli.main(
        [
            *("run", str(tomogram), "--out", str(out), "--model", str(tmp_path / "small")),
            *("--threshold", "-1", "--rotations", rotations, "--min-voxels", "1"),
            *("--bundle", "--instances", str(out / "objects.mrc")),
        ]
    )
    assert code == 0
    assert (out / "bundle.zip").is_file()
    assert (out / "objects.mrc").is_file()
    assert set(reads["tomogram"]) == set(reads["score"]) == set(range(40))
    assert max(reads["tomogram"].values()) <= 2
    assert max(reads["score"].values()) <= 3
