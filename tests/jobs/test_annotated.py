"""Jobs that take an annotation where they take a result."""

from dataclasses import replace

import numpy as np
import pytest
from pandas import read_csv

from deepsxt_core.annotation import Delete, EditObjects
from deepsxt_core.annotation.review_operations import Judge, PlanReview
from deepsxt_core.annotation.review_plan import UNITS
from deepsxt_core.annotation.review_state import next_to_judge, review_state
from deepsxt_core.errors import AnnotationError, InvalidParameterError
from deepsxt_core.export.report import REPORT_NAME
from deepsxt_core.geometry import Region
from deepsxt_core.io import write_tiff
from deepsxt_core.jobs import (
    BundleRequest,
    EvaluateRequest,
    MeasureRequest,
    ReconstructRequest,
    ReportRequest,
    job_log,
    read_job,
    submit,
)
from deepsxt_core.surface.surfaces import load_table
from deepsxt_core.volume import Volume, VoxelSize
from deepsxt_core.workspace import Tomogram
from deepsxt_core.workspace.annotations import (
    add_annotation,
    edits_since,
    remove_annotation,
)
from tests.results import add_score

SHAPE = (20, 24, 40)

pytestmark = pytest.mark.usefixtures("in_process")


def bodies() -> np.ndarray:
    """Two balls of other sizes; the first is the smaller one."""
    labels = np.zeros(SHAPE, np.uint8)
    z, y, x = np.indices(SHAPE)
    labels[(z - 10) ** 2 + (y - 12) ** 2 + (x - 9) ** 2 <= 4**2] = 1
    labels[(z - 10) ** 2 + (y - 12) ** 2 + (x - 28) ** 2 <= 7**2] = 2
    return labels


@pytest.fixture
def cell(workspace, tmp_path) -> Tomogram:
    path = tmp_path / "cell.tif"
    write_tiff(Volume.from_array(np.zeros(SHAPE, np.uint8), VoxelSize(100, 100, 100)), path)
    return workspace.add_file(path)


@pytest.fixture
def kept(cell, tmp_path):
    """An annotation with a name and a class for the second object."""
    path = tmp_path / "cell.labels.tif"
    write_tiff(Volume.from_array(bodies()), path)
    kept = add_annotation(cell, "by hand", labels=path)
    with kept.open() as opened:
        named = {"name": "Mito, the large", "colour": "#12ab34"}
        opened.apply(EditObjects(objects=(2,), **named))
    return kept


def done(workspace, tomogram, request):
    job = submit(workspace, request, tomogram=tomogram.id)
    job = read_job(workspace, job.id)
    assert job.state == "done", (job.status.error, job_log(job))
    return job.result_id


def surface_of(workspace, cell, kept):
    request = ReconstructRequest(score=None, annotation=kept.pinned())
    return cell.result("surfaces", done(workspace, cell, request))


def test_a_surface_carries_names_colours_and_ids(workspace, cell, kept):
    surface = surface_of(workspace, cell, kept)
    _, rows = load_table(surface.folder)
    assert [(row.id, row.name, row.colour) for row in rows][1] == (2, "Mito, the large", "#12ab34")
    assert rows[0].id == 1 and rows[0].class_name == "membrane"
    assert surface.made_from == kept.id
    assert surface.run["annotation"]["name"] == "by hand"


def test_the_version_that_was_asked_for_is_made_whatever_is_edited_meanwhile(workspace, cell, kept):
    request = ReconstructRequest(score=None, annotation=kept.pinned())
    with kept.open() as opened:
        opened.apply(Delete(objects=(2,)))
    surface = cell.result("surfaces", done(workspace, cell, request))
    assert len(load_table(surface.folder)[1]) == 2
    assert edits_since(cell, surface) == 1
    with kept.open() as opened:
        opened.undo()
    assert edits_since(cell, surface) is None
    # The same edits are in force again, so this is the same surface.
    assert surface_of(workspace, cell, kept).id == surface.id


def test_a_version_that_is_kept_no_more_is_refused(workspace, cell, kept):
    gone = replace(kept.pinned(), digest="0" * 20)
    with pytest.raises(AnnotationError, match="edited many times"):
        submit(workspace, ReconstructRequest(score=None, annotation=gone), tomogram=cell.id)


def test_measurement_and_bundle_take_what_the_surface_was_cut_from(workspace, cell, kept):
    surface = surface_of(workspace, cell, kept)
    # Neither needs the annotation any more.
    remove_annotation(kept)
    with pytest.raises(AnnotationError):
        edits_since(cell, surface)
    measured = done(workspace, cell, MeasureRequest(surface=surface.id))
    table = read_csv(cell.result("measurements", measured).folder / "objects.csv")
    assert table["name"].tolist()[1] == "Mito, the large"
    assert set(table["capped"]) == {False}
    assert set(table["state"]) == {"machine-made"}
    bundle = done(workspace, cell, BundleRequest(surface=surface.id))
    assert (cell.result("bundles", bundle).folder / "bundle.zip").is_file()
    assert cell.size_correction(surface) is None


def test_a_report_tells_what_was_reviewed_since_the_surface_was_made(workspace, cell, kept):
    surface = surface_of(workspace, cell, kept)

    def report():
        made = cell.result("reports", done(workspace, cell, ReportRequest(surface=surface.id)))
        return made.id, (made.folder / REPORT_NAME).read_text("utf-8")

    first, told = report()
    assert "random sample" not in told
    assert report()[0] == first
    with kept.open() as opened:
        opened.apply(PlanReview(tile_px=16))
        assert opened.objects.review is not None
        for _ in range(6):
            unit = next_to_judge(opened.objects.review, UNITS, "random")
            opened.apply(Judge(units=(unit,), verdict="right", queue="random"))
        state = review_state(opened)
    second, told = report()
    assert second != first
    assert f"Of {state.tiles.all:,} tiles of slices, 6 of the random sample" in told
    volume = next(one for one in state.estimates if one.name == "volume")
    assert f"<td>{volume.low:.4g} to {volume.high:.4g}</td>" in told


def test_a_score_is_compared_with_an_annotation_and_back(workspace, cell, kept, tmp_path):
    found = np.where(bodies()[3:17] > 0, 0.9, -0.9).astype(np.float32)
    score = add_score(cell, found, first_slice=3)
    request = EvaluateRequest(score=score.id, truth=None, true_annotation=kept.pinned())
    report = cell.result("evaluations", done(workspace, cell, request)).run["report"]
    assert (report["f1"], report["voxels"]["ignored"]) == (1, 0)
    # What nobody has judged counts for neither side.
    with kept.open() as opened:
        opened.apply(EditObjects(objects=(1,), class_name="not judged"))
    again = EvaluateRequest(score=score.id, truth=None, true_annotation=kept.pinned())
    report = cell.result("evaluations", done(workspace, cell, again)).run["report"]
    assert (report["f1"], report["voxels"]["ignored"]) == (1, (bodies() == 1).sum())

    truth = tmp_path / "cell.labels.tif"
    swapped = EvaluateRequest(score=None, annotation=kept.pinned(), truth=str(truth))
    result = cell.result("evaluations", done(workspace, cell, swapped))
    assert result.run["codes"] is None and result.run["report"]["f1"] == 1
    assert result in cell.readable_results("evaluations")


def test_the_voxels_of_a_binned_annotation_are_known_to_what_is_made_of_it(workspace, cell):
    region = Region(bin=2)
    found = np.where(bodies()[::2, ::2, ::2] > 0, 0.9, -0.9).astype(np.float32)
    kept = add_annotation(cell, "binned", score=add_score(cell, found, region=region).id)
    surface = surface_of(workspace, cell, kept)
    assert surface.voxel_size_nm == (200, 200, 200)
    again = add_annotation(cell, "again", score=kept.score)
    request = EvaluateRequest(
        score=None, truth=None, annotation=kept.pinned(), true_annotation=again.pinned()
    )
    evaluation = cell.result("evaluations", done(workspace, cell, request))
    assert evaluation.run["report"]["f1"] == 1
    for result in (surface, evaluation):
        assert result.annotated_region == region
        assert cell.size_correction(result) is None


def test_an_annotation_of_the_whole_fits_a_cropped_score(workspace, cell, kept):
    region = Region(y=(4, 22), x=(3, 39))
    found = np.where(bodies()[:, 4:22, 3:39] > 0, 0.9, -0.9).astype(np.float32)
    score = add_score(cell, found, region=region)
    request = EvaluateRequest(score=score.id, truth=None, true_annotation=kept.pinned())
    assert cell.result("evaluations", done(workspace, cell, request)).run["report"]["f1"] == 1


def test_a_result_and_an_annotation_are_one_too_many(kept):
    with pytest.raises(InvalidParameterError, match="either a result or an annotation"):
        ReconstructRequest(score="a" * 20, annotation=kept.pinned())
    with pytest.raises(InvalidParameterError, match="either a result or an annotation"):
        EvaluateRequest(score=None, truth="/t.tif")
