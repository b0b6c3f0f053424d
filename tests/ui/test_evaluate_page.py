"""The page that compares a result with the truth."""

import json
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import tifffile

from deepsxt_core import jobs
from deepsxt_core.errors import DeepSXTError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.progress import NoProgress
from deepsxt_core.workflow.producing import Place, produce
from deepsxt_core.workspace import Workspace, uploads
from deepsxt_core.workspace.annotations import KeptAnnotation, add_annotation
from deepsxt_core.workspace.truths import (
    Compared,
    keep_truth,
    known_truths,
    open_truth,
    truth_id,
)
from tests.results import add_score, ball

from .conftest import SHAPE
from .test_pages import button, plain, show, texts


@pytest.fixture
def truth(tomogram):
    """Labels beside the tomogram, a little larger than the default threshold finds."""
    path = tomogram.source.with_name("cell_1.truth.tif")
    tifffile.imwrite(path, (ball(SHAPE, 8) > -0.3).astype(np.uint8), photometric="minisblack")
    return path


@pytest.fixture
def score(tomogram):
    return add_score(tomogram, ball(SHAPE, 8))


def evaluate(tomogram, score, truth, **params):
    """Do what a job does."""
    task = TASKS["evaluate"]
    annotated = isinstance(truth, KeptAnnotation)
    request = jobs.EvaluateRequest(
        score=score.id,
        truth=None if annotated else str(truth),
        true_annotation=truth.pinned() if annotated else None,
        params=EvaluateParams(**params),
    )
    place = Place.of_result(tomogram, "evaluations", task.identity(tomogram, request), "test")
    produce(place, "test", lambda out: task.run(tomogram, request, out, NoProgress()))


@pytest.mark.usefixtures("score")
def test_without_a_truth_it_asks_for_one(app, tomogram):
    show(app, "evaluate.py", tomogram)
    assert "Bring labels" in texts(app)


@pytest.mark.usefixtures("idle_workers")
def test_the_truth_beside_the_file_is_offered_and_reaches_the_job(app, tomogram, score, truth):
    show(app, "evaluate.py", tomogram, threshold="0.20")
    app.text_input(key="true_labels").input("1, 2").run()
    button(app, "Evaluate at threshold 0.20").click().run()
    assert not app.exception
    (job,) = jobs.list_jobs(Workspace(), tomogram.id)
    params = EvaluateParams(threshold=0.2, tolerance_px=3, true_labels=(1, 2))
    wanted = jobs.EvaluateRequest(score=score.id, truth=str(truth), params=params)
    assert job.request == wanted


def test_the_best_threshold_is_taken_over(app, tomogram, score, truth):
    evaluate(tomogram, score, truth)
    show(app, "evaluate.py", tomogram)
    before = {metric.label: metric.value for metric in app.metric}
    assert before["Precision"] == "1.000"
    assert before["Hausdorff"].endswith("voxels")
    assert float(before["Error, fitted on this truth"]) < float(before["Error, as scored"])
    assert "is not calibrated" in texts(app)
    button(app, "Use the best threshold (-0.30)").click().run()
    assert not app.exception
    assert app.query_params["threshold"] == "-0.30"
    assert app.metric[0].value == "1.000"
    assert "evaluate again" in texts(app)


def test_the_worst_slices_come_first_and_lead_to_the_comparison(app, tomogram, truth):
    found = ball(SHAPE, 8)[1:]
    found[3] = -1
    score = add_score(tomogram, found, first_slice=1)
    evaluate(tomogram, score, truth, threshold=0.1)
    show(app, "evaluate.py", tomogram)
    rows = app.dataframe[0].value
    assert rows["slice"].iloc[0] == 5
    assert list(rows["f1"]) == sorted(rows["f1"])
    assert sorted(rows["slice"]) == [2, 3, 4, 5, 6]
    true = tifffile.imread(truth)
    assert (rows["missed"].iloc[0], rows["wrong"].iloc[0]) == (np.count_nonzero(true[4]), 0)
    address = urlsplit(rows["link"].iloc[0])
    assert address.path == "/slices"
    assert dict(parse_qsl(address.query)) == {
        "t": tomogram.id,
        "score": score.id,
        "threshold": "0.10",
        "compare": truth_id(truth),
        "at": "4,12,16",
    }


def test_the_worst_objects_lead_to_the_slices_where_an_annotation_has_them(app, tomogram):
    score = add_score(tomogram, ball(SHAPE, 8))
    kept = add_annotation(tomogram, "mine")
    with kept.open() as opened:
        stroke = {"kind": "brush", "points": [[1, 2, 2]], "radius": 1.0}
        opened.apply({"kind": "paint", "object": 7, "stroke": stroke})
        opened.apply(
            {"kind": "edit objects", "objects": [7], "name": "speck", "class_name": "membrane"}
        )
    evaluate(tomogram, score, kept)
    show(app, "evaluate.py", tomogram)
    (missed, nowhere) = (table.value for table in app.dataframe[1:])
    assert (list(missed["name"]), list(missed["share"])) == (["speck"], [0])
    query = dict(parse_qsl(urlsplit(missed["link"].iloc[0]).query))
    assert query == {
        "t": tomogram.id,
        "score": score.id,
        "threshold": "0.00",
        "compare": kept.id,
        "at": "1,2,2",
        "annotation": kept.id,
        "object": "7",
    }
    assert list(nowhere["voxels"]) == [np.count_nonzero(ball(SHAPE, 8) > 0)]
    assert "annotation=" not in nowhere["link"].iloc[0]


def test_an_evaluation_without_slices_asks_for_another(app, tomogram, score, truth):
    evaluate(tomogram, score, truth)
    run = tomogram.readable_results("evaluations")[0].folder / "run.json"
    told = json.loads(run.read_text())
    del told["report"]["slices"], told["report"]["objects"]
    run.write_text(json.dumps(told))
    show(app, "evaluate.py", tomogram)
    assert not app.dataframe
    assert "Evaluate again to see" in texts(app)


@pytest.mark.usefixtures("score")
def test_a_truth_of_another_size_is_explained(app, tomogram, truth):
    tifffile.imwrite(truth, np.zeros((6, 9, 9), np.uint8), photometric="minisblack")
    show(app, "evaluate.py", tomogram)
    assert "does not fit" in plain(app.error[0])


def test_the_sample_knows_its_truth():
    sample = Workspace().add_sample()
    (found,) = known_truths(sample)
    assert found.name == "truth.tif"


def brought(path):
    """Return the upload of a file that has arrived as a whole."""
    upload = uploads.begin(Workspace(), path.name, path.stat().st_size, "file")
    path.rename(upload.path)
    return upload


def test_an_uploaded_truth_is_kept_with_its_tomogram(tomogram, score, truth, tmp_path):
    uploaded = tmp_path / "mine.tif"
    truth.rename(uploaded)
    arrived = brought(uploaded)
    # Not for a moment, and not if the tab is closed now.
    assert [each.id for each in Workspace().tomograms()] == [tomogram.id]
    kept = keep_truth(tomogram, arrived.id)
    assert known_truths(tomogram) == [kept]
    assert [each.id for each in Workspace().tomograms()] == [tomogram.id]
    assert open_truth(tomogram, Compared.of(tomogram, score.id), kept).volume.shape == SHAPE


def test_grey_values_are_no_truth(tomogram, tmp_path):
    grey = tmp_path / "grey.tif"
    tifffile.imwrite(grey, np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
    arrived = brought(grey)
    with pytest.raises(DeepSXTError, match="grey values"):
        keep_truth(tomogram, arrived.id)
    assert known_truths(tomogram) == []
    assert not list(Workspace().uploads_folder.iterdir())
