"""Annotations are begun, opened, renamed and deleted above the planes."""

import pytest
import tifffile

from deepsxt_core import jobs
from deepsxt_core.annotation import Paint, RunStroke, SourceParams
from deepsxt_core.annotation.body_operations import LEAST_CONFIDENCE
from deepsxt_core.jobs.store import Status, write_status
from deepsxt_core.training.kept_sets import list_sets
from deepsxt_core.web import desks
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation, annotation, annotations
from tests.results import add_score, ball

from .conftest import SHAPE
from .test_pages import button, plain, show

ONE_VOXEL = Paint(object=1, stroke=RunStroke(plane="xy", runs=((0, 0, 0, 1),)))


def begin(app, source, name):
    app.radio(key="annotation_source").set_value(source).run()
    next(each for each in app.text_input if each.label == "Name").set_value(name).run()
    button(app, "Begin").click().run()
    assert not app.exception


def test_an_empty_one_is_there_at_once_and_open(app, tomogram):
    show(app, "slices.py", tomogram)
    begin(app, "Nothing", "mitochondria")
    (kept,) = annotations(tomogram)
    assert (kept.name, kept.score) == ("mitochondria", None)
    assert app.query_params["annotation"] == kept.id
    assert f"annotations/{kept.id}" in str(app.get("bidi_component")[-1].proto)


@pytest.mark.usefixtures("idle_workers")
@pytest.mark.parametrize(("asked", "low"), [("0.10", 0.1), ("0.30", None), ("0.80", None)])
def test_one_from_the_shown_result_is_a_job_with_its_thresholds(app, tomogram, asked, low):
    score = add_score(tomogram, ball(SHAPE, 8))
    show(app, "slices.py", tomogram, threshold="0.30", low=asked)
    begin(app, "The shown result", "cell")
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    params = SourceParams(threshold=0.3, low=low, min_voxels=20)
    assert (job.request.score, job.request.labels) == (score.id, None)
    assert (job.request.name, job.request.params) == ("cell", params)
    assert jobs.title(Workspace(), job) == ("Annotation", "cell")
    # While it is made, nothing else is begun; it can be cancelled.
    assert not [each for each in app.button if each.label == "Begin"]
    button(app, "Cancel").click().run()
    assert jobs.read_job(Workspace(), job.id).state == "cancelled"


@pytest.mark.usefixtures("idle_workers")
def test_one_that_was_made_is_opened_and_a_failure_is_told(app, tomogram):
    add_score(tomogram, ball(SHAPE, 8))
    show(app, "slices.py", tomogram)
    begin(app, "The shown result", "cell")
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    kept = add_annotation(tomogram, "cell")
    work = jobs.job_folder(Workspace(), job)
    work.mkdir()
    (work / "run.json").write_text(f'{{"annotation": "{kept.id}"}}')
    write_status(job.folder, Status(state="done"))
    show(app, "slices.py")
    assert app.query_params["annotation"] == kept.id
    begin(app, "The shown result", "other")
    job = next(job for job in jobs.list_jobs(Workspace(), tomogram.id) if job.active)
    write_status(job.folder, Status(state="failed", error="There are too many objects."))
    show(app, "slices.py")
    assert plain(app.error[0]) == "There are too many objects."


@pytest.mark.usefixtures("idle_workers")
def test_label_files_beside_the_tomogram_are_offered(app, tomogram):
    path = tomogram.source.with_name("cell_1.labels.tif")
    labels = ball(SHAPE, 3) > 0
    tifffile.imwrite(path, labels.astype("uint8"), imagej=True, metadata={"axes": "ZYX"})
    show(app, "slices.py", tomogram)
    begin(app, "A label file", "labels")
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    assert job.request.labels == str(path)


def test_one_is_renamed_and_deleted_also_while_it_is_edited_here(app, tomogram):
    kept = add_annotation(tomogram, "first")
    show(app, "slices.py", tomogram, annotation=kept.id)
    app.text_input(key=f"name_{kept.id}").set_value("second").run()
    button(app, "Rename").click().run()
    assert annotation(tomogram, kept.id).name == "second"
    desk = desks.desk_of(annotation(tomogram, kept.id))
    desk.edit("tab", "Rosa", lambda opened: opened.apply(ONE_VOXEL))
    button(app, "Delete for good").click().run()
    assert not app.exception
    assert annotations(tomogram) == []
    assert "annotation" not in app.query_params


def test_none_and_one_of_several_can_be_chosen(app, tomogram):
    first, second = add_annotation(tomogram, "first"), add_annotation(tomogram, "second")
    show(app, "slices.py", tomogram, annotation=first.id)
    for wanted in (second, first, second):
        app.selectbox(key="chosen_annotation").select(wanted.id).run()
        assert app.query_params["annotation"] == wanted.id
    app.selectbox(key="chosen_annotation").select(None).run()
    assert "annotation" not in app.query_params


def test_an_annotation_of_another_tomogram_in_the_address_opens_nothing(app, tomogram):
    show(app, "slices.py", tomogram, annotation="0" * 18)
    assert not app.exception


@pytest.mark.parametrize("at", ["1,2", "1,2,99", "a,b,c", "-1,0,0", "9" * 5000, ""])
def test_a_place_that_is_none_in_the_address_leads_nowhere(app, tomogram, at):
    show(app, "slices.py", tomogram, at=at, object="x")
    assert '"at": null' in str(app.get("bidi_component")[-1].proto).replace("\\", "")


@pytest.mark.usefixtures("idle_workers")
def test_all_bodies_are_proposed_by_the_shown_result_as_a_job(app, tomogram):
    score = add_score(tomogram, ball(SHAPE, 8))
    show(app, "slices.py", tomogram)
    begin(app, "Nothing", "organelles")
    (kept,) = annotations(tomogram)
    assert kept.score == score.id
    app.text_input(key="propose_class").set_value("vesicle").run()
    button(app, "Propose").click().run()
    assert not app.exception
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    assert (job.request.annotation, job.request.class_name) == (kept.id, "vesicle")
    assert job.request.least_confidence == LEAST_CONFIDENCE
    button(app, "Cancel").click().run()
    assert jobs.read_job(Workspace(), job.id).state == "cancelled"


def test_an_annotation_becomes_a_data_set_by_one_click(app, tomogram):
    kept = add_annotation(tomogram, "my cells")
    with kept.open() as opened:
        opened.apply(ONE_VOXEL)
    show(app, "slices.py", tomogram, annotation=kept.id)
    button(app, "Teach the model").click().run()
    assert not app.exception
    assert [each.name for each in list_sets()] == ["my cells"]
    assert app.selectbox(key="data_kept").value == "my cells"
