"""Slabs on a Dask cluster: the same bytes as here, whatever happens to its workers."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import CancelledError, DeepSXTError, InvalidParameterError
from deepsxt_core.files import read_json
from deepsxt_core.inference import Predictor, SegmentParams, cluster, remote
from deepsxt_core.inference.cluster import worker_count
from deepsxt_core.io import SCORE_NAME, open_volume
from deepsxt_core.network import Model, save_model
from deepsxt_core.progress import NoProgress
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workflow import segmentation
from tests import stand_in_cluster
from tests.cancelling import StopAfter
from tests.jobs import stand_in_network
from tests.models import small_config, small_network
from tests.waiting import wait_until

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def fatal(tmp_path_factory):
    """The file without which a worker dies in the middle of its work."""
    return tmp_path_factory.mktemp("fatal") / "died"


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory, fatal):
    """The address of a scheduler with two workers, each started by a command of its own."""
    folder = tmp_path_factory.mktemp("dask")
    found = folder / "scheduler.json"
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path, "DEEPSXT_TEST_FATAL": str(fatal)}
    with (folder / "log.txt").open("wb") as log:

        def start(name, *options):
            command = (sys.executable, "-m", f"distributed.cli.{name}", *options)
            shared = ("--scheduler-file", str(found), "--no-dashboard", "--host", "127.0.0.1")
            return subprocess.Popen(
                [*command, *shared], env=env, cwd=folder, stdout=log, stderr=subprocess.STDOUT
            )

        worker = (
            "dask_worker",
            "--no-nanny",
            "--nthreads",
            "1",
            "--preload",
            stand_in_cluster.__file__,
        )
        started = [start("dask_scheduler", "--port", "0"), start(*worker), start(*worker)]
        try:
            address = wait_until(lambda: read_json(found))["address"]
            wait_until(lambda: worker_count(address) == 2)
            yield address
        finally:
            for process in started:
                process.kill()
                process.wait(60)


@pytest.fixture
def volume(tmp_path):
    """Noise in a file."""
    values = np.random.default_rng(0).normal(size=(25, 20, 24)).astype(np.float32)
    values[3, 2, 2] = np.nan
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": "ZYX"})
    return open_volume(path)


def outcome(folder):
    files = {
        path.relative_to(folder): path.read_bytes()
        for path in (folder / SCORE_NAME).rglob("*")
        if path.is_file()
    }
    run = read_json(folder / "run.json")
    same = ("voxels_sha256", "positive_fraction", "nonfinite_voxels", "precision", "warnings")
    return files, {name: run[name] for name in same}


@pytest.fixture
def serial(volume, tmp_path):
    stand_in_network.segment(volume, tmp_path / "serial")
    return outcome(tmp_path / "serial")


class TestCluster:
    def test_a_worker_is_lost_and_no_byte_changes(self, volume, serial, fatal, tmp_path, scheduler):
        stand_in_network.segment(volume, tmp_path / "cluster", scheduler=scheduler)
        assert fatal.exists()
        assert outcome(tmp_path / "cluster") == serial
        assert read_json(tmp_path / "cluster" / "run.json")["scheduler"] == scheduler

    def test_cancelled_there_and_resumed_here(self, volume, fatal, tmp_path, scheduler):
        fatal.touch()
        params = SegmentParams(z0=1, crop="2:,2:18,:20")
        stand_in_network.segment(volume, tmp_path / "serial", params)
        part = tmp_path / "part"
        with pytest.raises(CancelledError):
            stand_in_network.segment(volume, part, params, StopAfter(6), scheduler=scheduler)
        stand_in_network.segment(volume, part, params, resume=True)
        assert outcome(part) == outcome(tmp_path / "serial")
        assert read_json(part / "run.json")["resumed_slices"] == 6

    def test_a_file_that_workers_see_otherwise_is_refused(self, volume, tmp_path, scheduler):
        shifted = replace(volume, reader=lambda z0, z1: volume.read(z0, z1) + 1)
        with pytest.raises(DeepSXTError, match="read other voxels"):
            stand_in_network.segment(shifted, tmp_path / "out", scheduler=scheduler)

    def test_a_file_that_workers_do_not_see_is_refused(self, volume, tmp_path, scheduler):
        hidden = replace(volume, path=tmp_path / "hidden" / "scan.tif")
        with pytest.raises(DeepSXTError, match="file system that all workers share"):
            stand_in_network.segment(hidden, tmp_path / "out", scheduler=scheduler)

    def test_a_volume_in_memory_is_refused(self, tmp_path, scheduler):
        noise = np.random.default_rng(0).normal(size=(3, 20, 24)).astype(np.float32)
        volume = Volume.from_array(noise)
        with pytest.raises(DeepSXTError, match="Write this one to a file"):
            stand_in_network.segment(volume, tmp_path / "out", scheduler=scheduler)

    def test_other_software_is_refused(self, volume, tmp_path, scheduler, monkeypatch):
        monkeypatch.setattr(remote, "versions", lambda: {"numpy": "1.0"})
        with pytest.raises(DeepSXTError, match="Install the same on all"):
            stand_in_network.segment(volume, tmp_path / "out", scheduler=scheduler)

    def test_errors_of_workers_arrive(self, scheduler):
        with pytest.raises(InvalidParameterError, match="finite numbers of nm"):
            list(cluster.mapped(scheduler, VoxelSize, [(0, 0, 0)], NoProgress()))


def test_a_scheduler_that_does_not_answer_is_named(volume, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.1)
    nobody = "tcp://127.0.0.1:1"
    with pytest.raises(DeepSXTError, match=f"No Dask scheduler answers at '{nobody}'"):
        stand_in_network.segment(volume, tmp_path / "out", scheduler=nobody)


class KillOne:
    """Kills one of two workers once so many slices are done."""

    def __init__(self, processes, slices):
        self.processes, self.left = processes, slices

    def stage(self, *_):
        pass

    def advance(self, n=1):
        self.left -= n
        if self.left <= 0 and self.processes:
            os.kill(self.processes.pop(), signal.SIGKILL)


@pytest.mark.slow
def test_a_real_network_on_two_processes_of_which_one_is_killed(volume, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(Predictor, "batch_slices", lambda *_: 2)
    folder = tmp_path / "tiny"
    config = small_config(2)
    model = Model(save_model(folder, small_network(), config, ""), config, small_network())
    segmentation.segment(volume, model, tmp_path / "serial")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local,
        local.get_client() as client,
    ):
        client.run(lambda: setattr(Predictor, "batch_slices", lambda *_: 2))
        killer = KillOne(list(client.run(os.getpid).values()), 3)
        killer.processes.pop()
        segmentation.segment(
            volume, model, tmp_path / "cluster", None, killer, scheduler=local.scheduler_address
        )
    assert not killer.processes
    assert outcome(tmp_path / "cluster") == outcome(tmp_path / "serial")
