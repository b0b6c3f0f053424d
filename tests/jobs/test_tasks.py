import zipfile
from dataclasses import asdict

import numpy as np
import pytest
import tifffile
from pandas import read_csv

from deepsxt_core.errors import DeepSXTError, InvalidParameterError, VolumeError
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.export.report import REPORT_NAME
from deepsxt_core.files import partial_folder, publish, read_json, write_json
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import SCORE_NAME, create_score
from deepsxt_core.jobs import (
    AnnotateRequest,
    BundleRequest,
    MeasureRequest,
    ReconstructRequest,
    SegmentRequest,
    job_folder,
    job_log,
    read_job,
    submit,
)
from deepsxt_core.jobs.requests import REQUESTS
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.parameters import parsed
from deepsxt_core.progress import NoProgress
from deepsxt_core.surface import ReconstructParams, Surfaces
from deepsxt_core.surface.view import VIEW_FILES
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import recipe_hash
from deepsxt_core.workspace.annotations import annotation
from deepsxt_core.workspace.downloads import instances_file, measurement_file
from tests.waiting import wait_until


@pytest.fixture
def model(workspace_home):
    """Return a model of the library that can be named and hashed, though not loaded."""
    folder = workspace_home / "models" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.weights.h5").write_bytes(b"weights")
    return folder


@pytest.fixture
def score(tomogram):
    """Return the id of a finished score: a ball of 6 voxels radius."""
    shape = (16, 20, 20)
    grey = np.full(shape, 7, np.uint8)
    tifffile.imwrite(tomogram.source, grey, imagej=True, metadata={"axes": "ZYX"})
    z, y, x = np.ogrid[:16, :20, :20]
    distance = np.sqrt((z - 8) ** 2 + (y - 10) ** 2 + (x - 10) ** 2)
    final = tomogram.result_folder("scores", {"ball": 6})
    partial = partial_folder(final, "test")
    partial.mkdir(parents=True)
    writer = create_score(partial / SCORE_NAME, shape, VoxelSize(1, 1, 1))
    writer.write(0, np.clip(128 + 30 * (6 - distance), 0, 255).astype(np.uint8))
    write_json(partial / "run.json", {})
    publish(partial, final)
    return final.name


def segment_id(tomogram, model, **params):
    request = SegmentRequest(model=model.name, params=SegmentParams(**params))
    return recipe_hash(TASKS["segment"].identity(tomogram, request))


def reconstruct_id(tomogram, score, **params):
    request = ReconstructRequest(score=score, params=ReconstructParams(**params))
    return recipe_hash(TASKS["reconstruct"].identity(tomogram, request))


def test_a_recipe_is_the_same_with_defaults_left_out_or_written(tomogram, model, score):
    assert segment_id(tomogram, model) == segment_id(tomogram, model, **asdict(SegmentParams()))
    assert reconstruct_id(tomogram, score) == reconstruct_id(
        tomogram, score, **asdict(ReconstructParams())
    )


def test_a_segmentation_depends_on_input_model_and_parameters_alone(tomogram, model):
    first = segment_id(tomogram, model)
    sized = tomogram.update(voxel_size_nm=VoxelSize(5, 5, 5), name="other")
    assert segment_id(sized, model) == first
    assert segment_id(tomogram, model, rotations=8) != first
    copied = model.rename(model.with_name("copy"))
    assert segment_id(tomogram, copied) == first
    (copied / "model.weights.h5").write_bytes(b"others")
    assert segment_id(tomogram, copied) != first


def test_a_surface_depends_on_the_voxel_size_of_today(tomogram, score):
    first = reconstruct_id(tomogram, score)
    sized = tomogram.update(voxel_size_nm=VoxelSize(5, 5, 5))
    assert sized.segmentation(score).volume.voxel_size_nm == VoxelSize(5, 5, 5)
    # The score itself keeps what it was made with.
    assert sized.score(score).volume.voxel_size_nm == VoxelSize(1, 1, 1)
    assert reconstruct_id(sized, score) != first
    assert reconstruct_id(tomogram, score, threshold=0.5) != first


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("segment", {}),
        ("segment", {"model": "no such model"}),
        ("segment", {"model": "deepsxt-compact", "params": {"invert": "auto"}}),
        ("segment", {"model": "deepsxt-compact", "params": {"z0": 1.5}}),
        ("reconstruct", {}),
        ("reconstruct", {"score": "../.."}),
        ("reconstruct", {"score": "a" * 20}),
        ("measure", {}),
        ("measure", {"surface": "a" * 20}),
    ],
)
def test_a_wish_without_what_it_needs_is_refused(workspace, tomogram, kind, params):
    with pytest.raises(DeepSXTError):
        request = parsed(REQUESTS[kind], params, "The request")
        submit(workspace, request, tomogram=tomogram.id)
    assert not list(workspace.jobs_folder.glob("*/request.json"))


@pytest.mark.parametrize("wrong", [{"thresold": 0.5}, {"threshold": 2}])
def test_a_wrong_parameter_is_refused_before_anything_starts(score, wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        parsed(REQUESTS["reconstruct"], {"score": score, "params": wrong}, "The request")


def test_reconstruction_from_a_job(workspace, tomogram, score):
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(100, 100, 100))

    def run(**params):
        request = ReconstructRequest(score=score, params=ReconstructParams(**params))
        job = submit(workspace, request, tomogram=tomogram.id)
        wait_until(lambda: not read_job(workspace, job.id).active)
        return read_job(workspace, job.id)

    job = run()
    assert job.state == "done", (job.status.error, job_log(job))
    (result,) = tomogram.results("surfaces")
    assert result.id == job.status.result
    assert result.run["recipe"]["score"] == score
    assert ReconstructParams(**result.run["params"]) == ReconstructParams()
    assert all((result.folder / name).is_file() for name in VIEW_FILES)
    (ball,) = Surfaces.load(result.folder).objects
    # 4/3 pi (0.6 µm)³, drawn in voxels of a sixth of its radius.
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 0.6**3, rel=0.05)
    assert ball.mean_grey_value == 7
    assert run().id == job.id

    measuring = submit(workspace, MeasureRequest(surface=result.id), tomogram=tomogram.id)
    wait_until(lambda: not read_job(workspace, measuring.id).active)
    assert read_job(workspace, measuring.id).state == "done", job_log(measuring)
    (measured,) = tomogram.results("measurements")
    rows = read_csv(measurement_file(measured, "objects.csv"))
    assert rows["volume_um3"].tolist() == pytest.approx([ball.volume])
    assert rows["volume_error_um3"][0] > rows["volume_error_voxel_size_um3"][0] > 0
    assert rows["mean_grey_value"].tolist() == [7]
    assert read_json(measured.folder / "totals.json")["processes"] == 0
    with pytest.raises(InvalidParameterError, match=r"holds objects\.csv"):
        measurement_file(measured, "../run.json")

    empty = run(min_voxels=10**6)
    assert (empty.state, empty.status.result) == ("failed", None)
    assert empty.status.error
    assert [finished.id for finished in tomogram.results("surfaces")] == [job.result_id]


def test_surfaces_of_a_label_file_from_a_job(workspace, tomogram):
    values = np.zeros((12, 20, 20), np.uint8)
    values[2:10, 2:18, 2:10] = 2
    values[2:10, 2:18, 10:18] = 7
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(100, 100, 100))

    def done(kind, **params):
        request = parsed(REQUESTS[kind], params, "The request")
        job = submit(workspace, request, tomogram=tomogram.id)
        wait_until(lambda: not read_job(workspace, job.id).active)
        assert read_job(workspace, job.id).state == "done", job_log(job)
        return read_job(workspace, job.id).status.result

    surface = tomogram.result(
        "surfaces", done("reconstruct", score=None, params={"each_label": True})
    )
    assert all((surface.folder / name).is_file() for name in VIEW_FILES)
    rows = Surfaces.load(surface.folder).objects
    assert [row.id for row in rows] == [2, 7]
    assert [row.volume for row in rows] == pytest.approx([8 * 16 * 8 / 1000] * 2, rel=0.05)

    numbers = tifffile.imread(instances_file(tomogram, surface, "instances.tif"))
    assert (numbers == values).all()
    measured = tomogram.result("measurements", done("measure", surface=surface.id))
    assert read_csv(measurement_file(measured, "objects.csv"))["object"].tolist() == [2, 7]
    bundle = tomogram.result("bundles", done("bundle", surface=surface.id))
    with zipfile.ZipFile(bundle.folder / BUNDLE_NAME) as archive:
        assert "segment.run.json" not in archive.namelist()
        assert "labels from a file; 2 objects" in archive.read("README.txt").decode()
    report = tomogram.result("reports", done("report", surface=surface.id))
    assert "2, made of labels from a file" in (report.folder / REPORT_NAME).read_text("utf-8")
    assert report.made_from == surface.id


def test_a_surface_of_labels_depends_on_the_file(tomogram):
    values = np.zeros((12, 20, 20), np.uint8)
    values[2:10, 2:18, 2:18] = 2
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    first = reconstruct_id(tomogram, None)
    assert reconstruct_id(tomogram, None) == first
    values[5, 5, 5] = 3
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    assert reconstruct_id(tomogram, None) != first


def test_grey_values_are_not_taken_for_labels(workspace, tomogram):
    grey = np.random.default_rng(0).integers(0, 255, (12, 20, 20), np.uint8)
    tifffile.imwrite(tomogram.source, grey, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(VolumeError, match="holds grey values"):
        submit(workspace, ReconstructRequest(score=None), tomogram=tomogram.id)


def test_an_annotation_from_a_job(workspace, tomogram, score):
    request = AnnotateRequest(tomogram=tomogram.id, name="ball", wish="1", score=score)
    job = submit(workspace, request, tomogram=tomogram.id)
    wait_until(lambda: not read_job(workspace, job.id).active)
    assert read_job(workspace, job.id).state == "done", job_log(job)
    made = read_json(job_folder(workspace, job) / "run.json")["annotation"]
    with annotation(tomogram, made).open() as opened:
        assert [row.name for row in opened.objects.values()] == ["Object 1"]
    other = AnnotateRequest(tomogram=tomogram.id, name="ball", wish="2", score=score)
    assert submit(workspace, other, tomogram=tomogram.id).id != job.id


def test_an_annotation_is_made_of_one_thing(score):
    for sources in ({}, {"score": score, "labels": "/labels.tif"}):
        with pytest.raises(InvalidParameterError, match="either of a score or of a label file"):
            AnnotateRequest(tomogram="t", name="n", wish="w", **sources)


def test_a_source_that_changes_while_a_job_reads_it_gives_no_result(
    tomogram, score, tmp_path, monkeypatch
):
    from deepsxt_core.workflow import pipeline, steps
    from deepsxt_core.workspace import downloads

    def refused(kind, request, place, name):
        made = getattr(place, name)

        def meanwhile(*arguments, **options):
            result = made(*arguments, **options)
            tomogram.source.write_bytes(tomogram.source.read_bytes() + b"more")
            return result

        with monkeypatch.context() as patch:
            patch.setattr(place, name, meanwhile)
            out = tmp_path / kind
            out.mkdir()
            with pytest.raises(DeepSXTError, match="changed while it was read"):
                TASKS[kind].run(tomogram, request, out, NoProgress())
            assert not (out / "run.json").exists()

    request = ReconstructRequest(score=score)
    refused("reconstruct", request, steps, "reconstruct_numbered")
    partial = tomogram.folder / ".surfaces"
    TASKS["reconstruct"].run(tomogram, request, partial, NoProgress())
    identity = TASKS["reconstruct"].identity(tomogram, request)
    write_json(partial / "run.json", read_json(partial / "run.json") | {"recipe": identity})
    final = tomogram.result_folder("surfaces", identity)
    final.parent.mkdir(parents=True, exist_ok=True)
    publish(partial, final)
    surface = recipe_hash(identity)
    refused("measure", MeasureRequest(surface=surface), pipeline, "measure")
    refused("bundle", BundleRequest(surface=surface), downloads, "bundle_result")
