from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.jobs import SegmentRequest, list_jobs, submit
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import preflight, segmentation
from deepsxt_core.workflow.preflight import estimate, peak_memory_bytes, remember
from deepsxt_core.workspace import Workspace
from tests.jobs import stand_in_network

RUN = {
    "input": {"shape": [300, 500, 1000]},
    "params": {"rotations": 4, "tiling": "full"},
    "model": {"sha256": "a" * 64},
    "seconds_per_slice": 8.0,
    "peak_memory_bytes": 3_000_000_000,
    "device": "CPU",
}


@pytest.fixture
def free(monkeypatch):
    """Set how many bytes of the disk are free."""

    def set_to(free_bytes):
        usage = SimpleNamespace(free=free_bytes)
        monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: usage)

    return set_to


def test_the_last_run_of_a_model_tells_time_and_memory(tmp_path):
    expected = estimate(tmp_path / "new", 10, 1000, 1000, workspace=tmp_path, model_sha256="a" * 64)
    assert (expected.seconds, expected.memory_bytes, expected.device) == (None, None, None)
    remember(tmp_path, RUN)
    expected = estimate(tmp_path / "new", 10, 1000, 1000, workspace=tmp_path, model_sha256="a" * 64)
    # 8 s for 4 times half a megapixel, so 4 s per megapixel.
    assert expected.seconds == pytest.approx(40)
    assert (expected.memory_bytes, expected.device) == (3_000_000_000, "CPU")
    other = estimate(tmp_path, 10, 1000, 1000, workspace=tmp_path, model_sha256="b" * 64)
    assert other.seconds is None


def test_a_disk_that_is_too_full_is_told_in_numbers_with_what_would_do(tmp_path, free):
    free(3_000_000_000)
    estimate(tmp_path, 300, 1000, 1000).require_room()
    free(100_000_000)
    with pytest.raises(DeepSXTError, match=r"0\.3 GB .* 0\.1 GB are free.* at most 99 slices"):
        estimate(tmp_path, 300, 1000, 1000).require_room()


def test_a_memory_that_is_too_small_is_told(tmp_path):
    remember(tmp_path, RUN | {"peak_memory_bytes": 10**15})
    expected = estimate(tmp_path, 1, 10, 10, workspace=tmp_path, model_sha256="a" * 64)
    with pytest.raises(DeepSXTError, match="needed 1000000 GB"):
        expected.require_room()


def test_a_segmentation_without_room_does_not_start(tmp_path, free):
    volume = Volume.from_array(np.random.default_rng(0).normal(size=(3, 20, 20)))
    free(10_000)
    with pytest.raises(DeepSXTError, match="too full"):
        stand_in_network.segment(volume, tmp_path)
    assert not (tmp_path / segmentation.RUN_NAME).exists()


def test_a_job_without_room_is_refused(tmp_path, free):
    workspace = Workspace()
    path = tmp_path / "scan.tif"
    noise = np.random.default_rng(0).integers(0, 255, (3, 8, 8), np.uint8)
    tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "ZYX"})
    tomogram = workspace.add_file(path)
    free(10_000)
    request = SegmentRequest(model="deepsxt-compact")
    with pytest.raises(DeepSXTError, match="3 slices need"):
        submit(workspace, request, tomogram=tomogram.id)
    assert list_jobs(workspace) == []


def test_the_peak_of_this_process_is_plausible():
    assert 10_000_000 < peak_memory_bytes() < 10**12
