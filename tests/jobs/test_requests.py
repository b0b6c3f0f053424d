"""Requests are written once and read once; those of earlier versions too."""

import json

import pytest

from deepsxt_core.annotation import SourceParams
from deepsxt_core.errors import InvalidParameterError, JobError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.export.film_plan import sweep
from deepsxt_core.export.shots import PlaneShot
from deepsxt_core.files import read_json, write_json
from deepsxt_core.inference import SegmentParams
from deepsxt_core.jobs import (
    AnnotateRequest,
    BatchRequest,
    BundleRequest,
    EvaluateRequest,
    FilmRequest,
    InstallRequest,
    MeasureRequest,
    ProposeRequest,
    ReconstructRequest,
    ReportRequest,
    SegmentRequest,
    TrainRequest,
    UnreadableRequest,
    can_resume,
    clean,
    list_jobs,
    read_job,
    resume,
    start_waiting,
    title,
)
from deepsxt_core.jobs.request_files import read_request, request_content
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.status import Status
from deepsxt_core.jobs.store import create_job, write_status
from deepsxt_core.surface import ProcessParams, ReconstructParams
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.reading import DataParams
from deepsxt_core.workflow.recipe import ExportParams, Recipe
from deepsxt_core.workspace.annotations import AnnotationVersion

REQUESTS_WRITTEN = [
    SegmentRequest(model="m", params=SegmentParams(z0=2, crop="0:9,0:9,0:9", invert=True)),
    ReconstructRequest(score=None, params=ReconstructParams(merge=((2, 3), (4, 5)))),
    ReconstructRequest(score="a" * 20),
    ReconstructRequest(score=None, annotation=AnnotationVersion(id="a" * 18, digest="b" * 20)),
    MeasureRequest(surface="a" * 20, params=ProcessParams(max_diameter=0.5)),
    BundleRequest(surface="a" * 20),
    ReportRequest(surface="a" * 20, params=ProcessParams(max_diameter=0.5)),
    EvaluateRequest(score="a", truth="/t.tif", params=EvaluateParams(ignore_label=128)),
    EvaluateRequest(
        score="a", truth=None, true_annotation=AnnotationVersion(id="a" * 18, digest="b" * 20)
    ),
    InstallRequest(name="m"),
    TrainRequest(
        name="n",
        data="/d",
        base="b",
        fresh=True,
        params=TrainingParams(minutes=None, steps=3),
        reading=DataParams(invert=False),
    ),
    BatchRequest(
        tomograms=("a", "b"),
        recipe=Recipe(reconstruct=None, export=ExportParams(meshes=("glb",), mask="mrc")),
    ),
    AnnotateRequest(
        tomogram="t", name="n", wish="w", score="a", params=SourceParams(threshold=0.2)
    ),
    ProposeRequest(tomogram="t", annotation="a" * 18, wish="w", least_confidence=0.4),
    FilmRequest(frames=sweep(PlaneShot(axis="x", first="scores/a"), 2, 7, 3.0)),
]


@pytest.mark.parametrize("request_", REQUESTS_WRITTEN, ids=lambda request: request.kind)
def test_a_request_survives_its_file(request_, workspace):
    job = create_job(workspace, request_, "a" * 20, Status(), "b" * 18)
    found = read_job(workspace, job.id)
    assert (found.request, found.tomogram, found.result_id) == (request_, "b" * 18, "a" * 20)
    content = json.loads(json.dumps(request_content(request_)))
    assert read_request(request_.kind, content, 2) == request_


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        (
            "segment",
            {"model": "m", "z0": 1, "rotations": 8, "invert": None},
            SegmentRequest(model="m", params=SegmentParams(z0=1, rotations=8)),
        ),
        (
            "reconstruct",
            {"score": None, "each_label": True, "merge": [[2, 3]]},
            ReconstructRequest(
                score=None, params=ReconstructParams(each_label=True, merge=((2, 3),))
            ),
        ),
        (
            "measure",
            {"surface": "a", "min_aspect": 4},
            MeasureRequest(surface="a", params=ProcessParams(min_aspect=4)),
        ),
        (
            "evaluate",
            {"score": "a", "truth": "/t.tif", "threshold": 0.5, "ignore_label": None},
            EvaluateRequest(score="a", truth="/t.tif", params=EvaluateParams(threshold=0.5)),
        ),
        ("bundle", {"surface": "a"}, BundleRequest(surface="a")),
        ("install", {"name": "m"}, InstallRequest(name="m")),
        (
            "train",
            {"name": "n", "data": "/d", "base": "b", "params": {"steps": 3}, "reading": {}},
            TrainRequest(name="n", data="/d", base="b", params=TrainingParams(steps=3)),
        ),
        (
            "batch",
            {"tomograms": ["a"], "recipe": {"segment": {"model": "m", "z0": 2}, "export": {}}},
            BatchRequest(
                tomograms=("a",),
                recipe=Recipe(model="m", segment=SegmentParams(z0=2), reconstruct=None),
            ),
        ),
    ],
)
def test_the_files_of_the_first_version_are_read(workspace, kind, params, expected):
    folder = workspace.jobs_folder / ("0" * 18)
    folder.mkdir(parents=True)
    write_status(folder, Status(state="failed"))
    content = {"kind": kind, "tomogram": "b" * 18, "params": params, "recipe": "a" * 20}
    write_json(folder / "request.json", content | {"created": "2026-01-01T00:00:00+00:00"})
    (job,) = list_jobs(workspace)
    assert (job.kind, job.request, job.tomogram) == (kind, expected, "b" * 18)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("segment", {"model": "m", "params": {"invert": "auto"}}),
        ("segment", {"model": "m", "params": {"z0": 1.5}}),
        ("segment", {"model": "m", "params": {"colour": 1}}),
        ("segment", {"params": {}}),
        ("reconstruct", {"score": "a", "params": {"fill_lumens": "false"}}),
        ("fly", {}),
    ],
)
def test_a_request_that_is_not_understood_is_shown_and_does_nothing(workspace, kind, params):
    job = create_job(workspace, SegmentRequest(model="m"), "a" * 20, Status())
    content = read_json(job.folder / "request.json") | {"kind": kind, "params": params}
    write_json(job.folder / "request.json", content)
    (found,) = list_jobs(workspace)
    assert isinstance(found.request, UnreadableRequest) and found.request.problem
    start_waiting(workspace)
    assert read_job(workspace, job.id).is_waiting
    write_status(job.folder, Status(state="failed"))
    found = read_job(workspace, job.id)
    assert title(workspace, found)[0] and not can_resume(workspace, found)
    with pytest.raises(JobError, match="cannot be resumed"):
        resume(workspace, job.id)
    assert [gone.id for gone in clean(workspace)] == [job.id]


@pytest.mark.parametrize(
    "make", [lambda: SegmentRequest(model=3), lambda: BatchRequest(tomograms=())]
)
def test_a_wrong_request_cannot_be_made(make):
    with pytest.raises(InvalidParameterError):
        make()


def test_every_kind_has_its_class():
    assert {request.kind for request in REQUESTS_WRITTEN} == set(REQUESTS)
