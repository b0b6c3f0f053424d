"""Pages that take an annotation where they take a result."""

import numpy as np
import pytest

from deepsxt_core import jobs
from deepsxt_core.annotation import Delete, EditObjects, Judge, PlanReview
from deepsxt_core.io import open_volume, write_tiff
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.training.kept_sets import list_sets
from deepsxt_core.volume import Volume
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import add_annotation
from tests.results import add_annotation_surface, add_score, add_surface, ball

from .conftest import SHAPE
from .test_pages import button, show, texts

pytestmark = pytest.mark.usefixtures("idle_workers")
NAME = "Mito, **the** [large](x)"


@pytest.fixture
def kept(tomogram, tmp_path):
    """Two boxes; the second has a name."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:4, 3:10, 3:10], labels[1:4, 12:21, 14:27] = 1, 2
    write_tiff(Volume.from_array(labels), tmp_path / "drawn.tif")
    kept = add_annotation(tomogram, "by **hand**", labels=tmp_path / "drawn.tif")
    with kept.open() as opened:
        opened.apply(EditObjects(objects=(2,), name=NAME, colour="#12ab34"))
    return kept


def chooser(app, label="Made from"):
    return next(each for each in app.selectbox if each.label == label)


def test_a_surface_is_made_of_an_annotation_as_it_is_now(app, tomogram, kept):
    show(app, "surface.py", tomogram)
    assert "surface_threshold" not in [each.key for each in app.slider]
    button(app, "Make surface").click().run()
    assert not app.exception and not app.error
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    params = ReconstructParams(each_label=True)
    wanted = jobs.ReconstructRequest(score=None, annotation=kept.pinned(), params=params)
    assert job.request == wanted


def test_results_and_annotations_are_chosen_among(app, tomogram, kept):
    score = add_score(tomogram, ball(SHAPE, 8))
    surface = add_annotation_surface(tomogram, kept)
    show(app, "surface.py", tomogram)
    for _ in range(2):
        chooser(app).set_value(kept.id).run()
        assert app.query_params["annotation"] == kept.id
        assert app.dataframe[0].value["name"].tolist() == ["Label 1", NAME]
        assert surface.id in str([each.proto for each in app.get("bidi_component")])
        chooser(app).set_value(score.id).run()
        assert "annotation" not in app.query_params
        assert "The surface appears here" in texts(app)
    assert not app.exception


def test_a_surface_says_that_the_annotation_was_edited_since(app, tomogram, kept):
    add_annotation_surface(tomogram, kept)
    show(app, "surface.py", tomogram, annotation=kept.id)
    assert "make the surface again" not in texts(app)
    with kept.open() as opened:
        opened.apply(EditObjects(objects=(1,), name="other"))
        opened.apply(Delete(objects=(1,)))
    for page in ("surface.py", "measure.py"):
        show(app, page, tomogram, annotation=kept.id)
        assert "before 2 edits; make the surface again" in texts(app).replace("\\", "")
    with kept.open() as opened:
        opened.undo()
        opened.undo()
    show(app, "surface.py", tomogram, annotation=kept.id)
    assert "make the surface again" not in texts(app)


def test_a_surface_says_that_it_has_another_threshold(app, tomogram):
    add_surface(tomogram, add_score(tomogram, ball(SHAPE, 8)), ReconstructParams(threshold=0.1))
    show(app, "surface.py", tomogram, threshold="0.10")
    assert "Made at the threshold" not in texts(app)
    app.slider(key="surface_threshold").set_value(0.3).run()
    assert "Made at the threshold 0.10, not at 0.30" in texts(app).replace("\\", "")
    app.number_input(key="surface_low").set_value(0.05).run()
    assert "0.10, not at 0.30 over 0.05; make" in texts(app).replace("\\", "")
    assert app.query_params["low"] == "0.05"
    app.number_input(key="surface_low").set_value(0.4).run()
    assert "has no effect: it is not below the first" in texts(app)
    assert "0.10, not at 0.30; make" in texts(app).replace("\\", "")


def test_an_object_in_the_address_is_marked_and_leads_to_its_slices(app, tomogram, kept):
    add_annotation_surface(tomogram, kept)
    show(app, "surface.py", tomogram, annotation=kept.id, object="2")
    (link,) = app.main.get("page_link")
    assert link.proto.query_string == (
        f"t={tomogram.id}&at=2%2C16%2C20&object=2&annotation={kept.id}"
    )
    assert "**the**" not in link.proto.label
    show(app, "measure.py", tomogram, annotation=kept.id, object="2")
    assert [each.proto.label for each in app.main.get("page_link")] == [link.proto.label, "In 3D"]
    assert "merged in *Review*" in texts(app)


def test_measure_tells_what_the_review_says_of_the_whole(app, tomogram, kept):
    add_annotation_surface(tomogram, kept)
    with kept.open() as opened:
        opened.apply(PlanReview())
        opened.apply(Judge(units=list(range(SHAPE[0])), verdict="right", queue="random"))
    show(app, "measure.py", tomogram, annotation=kept.id)
    assert not app.exception
    assert "6 of 6 tiles decided" in texts(app)
    told = next(each.value for each in app.dataframe if "95 % interval" in each.value)
    assert told.set_index("").loc["F1", "95 % interval"] == "100.0% to 100.0%"


def test_evaluate_takes_an_annotation_as_truth_and_as_result(app, tomogram, kept):
    score = add_score(tomogram, ball(SHAPE, 8))
    show(app, "evaluate.py", tomogram, score=score.id)
    assert chooser(app, "Truth").options == ["Annotation · by **hand**"]
    button(app, "Evaluate at threshold 0.00").click().run()
    assert not app.exception and not app.error
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    assert (job.request.score, job.request.true_annotation) == (score.id, kept.pinned())

    write_tiff(Volume.from_array(np.ones(SHAPE, np.uint8)), tomogram.source.parent / "t.labels.tif")
    second = add_annotation(tomogram, "second look")
    show(app, "evaluate.py", tomogram, annotation=second.id)
    assert not app.exception and not app.error
    # An annotation is not compared with itself.
    assert chooser(app, "Truth").options == ["Annotation · by **hand**"]


@pytest.mark.usefixtures("model")
def test_train_keeps_annotations_as_they_are_now(app, tomogram, kept):
    with kept.open() as opened:
        opened.apply(EditObjects(objects=(1,), class_name="not judged"))
    show(app, "train.py", tomogram)
    app.button_group(key="data_way").set_value("Annotations").run()
    app.multiselect(key="data_annotations").set_value([kept.id]).run()
    app.text_input(key="data_name").set_value("cells").run()
    button(app, "Keep as they are now").click().run()
    assert not app.exception  # the data set itself is too small to train on
    (found,) = list_sets()
    image, labels = (open_volume(found.folder / name) for name in sorted(found.files())[::-1])
    drawn = kept.labels().volume.read(0, SHAPE[0]) == 2
    values = labels.read(0, SHAPE[0])
    assert (values[drawn] == 1).all() and set(np.unique(values)) == {0, 1, 128}
    assert (image.read(0, SHAPE[0]) == tomogram.volume().read(0, SHAPE[0])).all()
    assert app.selectbox(key="data_kept").value == "cells"
