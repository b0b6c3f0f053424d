"""A batch as a job: results where jobs of their own would put them, and only what is missing."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.jobs import (
    JobRequest,
    batch_rows,
    job_log,
    read_job,
    resume,
    submit,
    summary_path,
    title,
)
from deepsxt_core.jobs.tasks import TASKS, batch
from tests.results import ball

from . import stand_in_network

RECIPE = {
    "segment": {"model": "deepsxt-compact", "invert": False},
    "reconstruct": {"min_voxels": 20, "smoothing_voxels": 0.0},
    "export": {"meshes": ["stl", "off"], "mask": "tif"},
}


def stand_in_recipe(tomogram, params):
    return stand_in_network.recipe(tomogram, _segment_params(params))


def stand_in_run(tomogram, params, out, progress):
    stand_in_network.run(tomogram, _segment_params(params), out, progress)


def _segment_params(params):
    return {name: value for name, value in params.items() if name != "model"}


pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Score by arithmetic; return the names of what was begun."""
    scored = []

    def run(tomogram, *args):
        scored.append(tomogram.name)
        stand_in_run(tomogram, *args)

    task = replace(TASKS["segment"], recipe=stand_in_recipe, run=run, check=None)
    monkeypatch.setattr(batch, "SEGMENT", task)
    return scored


@pytest.fixture
def tomograms(workspace, tmp_path):
    """Five tomograms of a bright ball; the third is cut off after it was added."""
    found = []
    for number in range(5):
        path = tmp_path / f"cell {number}.tif"
        values = (1000 + 500 * ball((12, 24, 24), 5 + number / 2)).astype(np.uint16)
        tifffile.imwrite(path, values, imagej=True, metadata={"axes": "ZYX"})
        found.append(workspace.add_file(path))
    whole = found[2].source.read_bytes()
    found[2].source.write_bytes(whole[:3000])
    return found


def ask(tomograms, **tables):
    ids = [tomogram.id for tomogram in tomograms]
    return JobRequest(kind="batch", params={"tomograms": ids, "recipe": RECIPE | tables})


def statuses(job):
    return [row["status"] for row in batch_rows(job)]


def test_one_of_five_fails_and_only_that_is_done_again(workspace, tomograms, stand_in):
    job = read_job(workspace, submit(workspace, ask(tomograms)).id)
    assert statuses(job) == ["done", "done", "failed", "done", "done"], job_log(job)
    assert job.state == "failed"
    assert job.status.error.startswith("1 of 5 tomograms failed")
    assert title(workspace, job) == ("Batch", "5 tomograms")
    assert "cell 2.tif" in batch_rows(job)[2]["error"]
    with summary_path(job).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == statuses(job)
    assert [row["objects"] for row in rows] == ["1", "1", "", "1", "1"]
    assert len(stand_in) == 5

    (score,) = tomograms[0].results("scores")
    (surface,) = tomograms[0].results("surfaces")
    assert (score.id, surface.id) == (batch_rows(job)[0]["score"], batch_rows(job)[0]["surface"])
    assert {path.suffix for path in (score.folder / "exports").iterdir()} == {".tif"}
    names = {path.name for path in (surface.folder / "exports").iterdir()}
    assert names == {"surface.stl", "surface.off"}

    # The file comes back whole.
    tifffile.imwrite(
        tomograms[2].source,
        tifffile.imread(tomograms[1].source) + 1,
        imagej=True,
        metadata={"axes": "ZYX"},
    )
    again = resume(workspace, job.id)
    assert again.state == "done", job_log(again)
    assert statuses(again) == ["kept", "kept", "done", "kept", "kept"]
    assert len(stand_in) == 6

    # The same wish later is another job, which finds everything.
    later = read_job(workspace, submit(workspace, ask(tomograms)).id)
    assert later.id != job.id and later.state == "done"
    assert set(statuses(later)) == {"kept"}
    assert len(stand_in) == 6


def test_a_removed_tomogram_fails_alone(workspace, tomograms):
    workspace.remove(tomograms[1].id)
    job = read_job(workspace, submit(workspace, ask(tomograms[:2], export={})).id)
    assert statuses(job) == ["done", "failed"]
    assert "no tomogram" in batch_rows(job)[1]["error"]


def test_without_a_surface_only_scores_are_made(workspace, tomograms):
    tables = {name: RECIPE[name] for name in ("segment",)}
    params = {"tomograms": [tomograms[0].id], "recipe": tables}
    job = read_job(workspace, submit(workspace, JobRequest(kind="batch", params=params)).id)
    assert statuses(job) == ["done"], job_log(job)
    assert tomograms[0].results("scores") and not tomograms[0].results("surfaces")


@pytest.mark.parametrize(
    "params", [{}, {"tomograms": []}, {"tomograms": ["a"], "recipe": {"segmant": {}}}]
)
def test_a_wish_that_is_not_understood_is_refused(workspace, params):
    with pytest.raises(InvalidParameterError):
        submit(workspace, JobRequest(kind="batch", params=params))
