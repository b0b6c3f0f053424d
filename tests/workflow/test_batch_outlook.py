"""What a batch will take is told from what this computer has done before, or has just tried."""

import math

import numpy as np
import pytest
import tifffile

from deepsxt_core.inference import SegmentParams
from deepsxt_core.workflow import batch_outlook
from deepsxt_core.workflow.batch_outlook import batch_estimate
from deepsxt_core.workflow.preflight import remember, remember_surfaces
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.subjects import TomogramSubject
from deepsxt_core.workspace import Workspace
from tests.jobs.stand_in_network import MODEL

SHAPE = (6, 20, 30)


@pytest.fixture
def subjects(tmp_path, monkeypatch):
    """Two tomograms, and one whose file is gone."""
    monkeypatch.setattr(batch_outlook, "find_model", lambda _: MODEL.info)
    found = []
    for number in range(3):
        path = tmp_path / f"{number}.tif"
        noise = np.random.default_rng(number).integers(0, 255, SHAPE, np.uint8)
        tifffile.imwrite(path, noise, imagej=True, metadata={"axes": "ZYX"})
        found.append(TomogramSubject(Workspace().folder, Workspace().add_file(path).id))
    path.unlink()
    return found


def test_scores_and_surfaces_of_all_that_can_be_opened_count(subjects):
    folder, recipe = Workspace().folder, Recipe(segment=SegmentParams(z0=2, rotations=4))
    before = batch_estimate(subjects, recipe, folder)
    assert (before.seconds, before.tomograms, before.slices) == (None, 2, 8)
    tried = batch_estimate(subjects, recipe, folder, seconds_per_megapixel=1e6)
    scoring = 2 * 4 * 4 * 600
    assert scoring < tried.seconds < scoring + 1
    remember_surfaces(folder, 1000, 3.0)
    run = {"input": {"shape": (1, 100, 100)}, "params": {"rotations": 1, "tiling": "full"}}
    run |= {"seconds_per_slice": 5.0, "peak_memory_bytes": 1, "device": "CPU"}
    remember(folder, run | {"model": {"sha256": MODEL.info.sha256()}})
    known = batch_estimate(subjects, recipe, folder)
    pixels, voxels = 2 * 4 * 4 * 600 / 1e4, 2 * math.prod((4, 20, 30)) / 1000
    assert known.seconds == pytest.approx(5 * pixels + 3 * voxels)
    assert (known.device, known.disk_bytes > 2 * 4 * 600) == ("CPU", True)
