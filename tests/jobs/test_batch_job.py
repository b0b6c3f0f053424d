"""A batch as a job: results where jobs of their own would put them, and only what is missing."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs import (
    BatchRequest,
    batch_rows,
    job_log,
    read_job,
    resume,
    submit,
    summary_path,
    title,
)
from deepsxt_core.parameters import parsed
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.workflow import batch, segmentation
from deepsxt_core.workflow.recipe import ExportParams, Recipe
from tests.results import ball

from . import stand_in_network

RECIPE = Recipe(
    segment=SegmentParams(invert=False),
    reconstruct=ReconstructParams(min_voxels=20, smoothing_voxels=0.0),
    export=ExportParams(meshes=("stl", "off"), mask="tif"),
)

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Score by arithmetic; return the names of what was begun."""
    scored, segment = [], segmentation.segment

    def noted(volume, *args, **more):
        scored.append(volume.path.name)
        return segment(volume, *args, **more)

    monkeypatch.setattr(segmentation, "_predictor", lambda *_: stand_in_network.StandInPredictor())
    monkeypatch.setattr(segmentation, "segment", noted)
    monkeypatch.setattr(batch, "open_model", lambda _: stand_in_network.MODEL)
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


def ask(tomograms, recipe=RECIPE):
    return BatchRequest(tomograms=tuple(tomogram.id for tomogram in tomograms), recipe=recipe)


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
    assert len(stand_in) == 4

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
    assert statuses(again) == 5 * ["done"]
    assert len(stand_in) == 5

    # The same wish later is another job, which finds everything.
    later = read_job(workspace, submit(workspace, ask(tomograms)).id)
    assert later.id != job.id and later.state == "done"
    assert set(statuses(later)) == {"kept"}
    assert len(stand_in) == 5


def test_broken_off_twice_it_ends_with_all_results_and_reasons(
    workspace, tomograms, stand_in, monkeypatch
):
    counted = segmentation.segment

    def broken_off(*args, **more):
        monkeypatch.setattr(segmentation, "segment", stopping)
        return counted(*args, **more)

    def stopping(*_args, **_more):
        monkeypatch.setattr(segmentation, "segment", broken_off)
        raise CancelledError("The job was cancelled.")

    # One tomogram is scored each time, the next one is not.
    monkeypatch.setattr(segmentation, "segment", broken_off)
    job = read_job(workspace, submit(workspace, ask(tomograms)).id)
    assert (job.state, statuses(job)) == ("cancelled", ["done", *4 * ["waiting"]])
    first = batch_rows(job)[0]
    job = resume(workspace, job.id)
    assert statuses(job) == ["done", "done", "failed", "waiting", "waiting"], job_log(job)
    job = resume(workspace, job.id)
    assert statuses(job) == ["done", "done", "failed", "done", "waiting"]
    monkeypatch.setattr(segmentation, "segment", counted)
    job = resume(workspace, job.id)
    assert (job.state, statuses(job)) == ("failed", ["done", "done", "failed", "done", "done"])
    assert len(stand_in) == 4
    assert batch_rows(job)[0] == first
    assert "cell 2.tif" in batch_rows(job)[2]["error"]


def test_labels_fail_alone(workspace, tomograms, tmp_path):
    path = tmp_path / "truth.tif"
    labels = (ball((12, 24, 24), 5) > 0).astype(np.uint8)
    tifffile.imwrite(path, labels, imagej=True, metadata={"axes": "ZYX"})
    truth = workspace.add_file(path)
    job = read_job(workspace, submit(workspace, ask([truth, tomograms[0]])).id)
    assert statuses(job) == ["failed", "done"]
    assert "holds labels" in batch_rows(job)[0]["error"]


def test_a_removed_tomogram_fails_alone(workspace, tomograms):
    workspace.remove(tomograms[1].id)
    job = read_job(workspace, submit(workspace, ask(tomograms[:2])).id)
    assert statuses(job) == ["done", "failed"]
    assert "no tomogram" in batch_rows(job)[1]["error"]


def test_without_a_surface_only_scores_are_made(workspace, tomograms):
    request = ask(tomograms[:1], replace(RECIPE, reconstruct=None))
    job = read_job(workspace, submit(workspace, request).id)
    assert statuses(job) == ["done"], job_log(job)
    assert tomograms[0].results("scores") and not tomograms[0].results("surfaces")


@pytest.mark.parametrize(
    "content", [{}, {"tomograms": []}, {"tomograms": ["a"], "recipe": {"segmant": {}}}]
)
def test_a_wish_that_is_not_understood_is_refused(content):
    with pytest.raises(InvalidParameterError):
        parsed(BatchRequest, content, "The request")
