import zipfile
from dataclasses import asdict

import numpy as np
import pytest
import tifffile
from pandas import read_csv

from deepsxt_core.errors import DeepSXTError, InvalidParameterError, VolumeError
from deepsxt_core.export.bundle import BUNDLE_NAME
from deepsxt_core.files import partial_folder, publish, read_json, write_json
from deepsxt_core.inference import SegmentParams
from deepsxt_core.io import SCORE_NAME, create_score
from deepsxt_core.jobs import JobRequest, job_log, read_job, submit
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.surface import ReconstructParams, Surfaces
from deepsxt_core.surface.view import VIEW_FILES
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import recipe_hash
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


def segment_recipe(tomogram, model, **params):
    return recipe_hash(TASKS["segment"].recipe(tomogram, {"model": model.name, **params}))


def reconstruct_recipe(tomogram, score, **params):
    return recipe_hash(TASKS["reconstruct"].recipe(tomogram, {"score": score, **params}))


def test_a_recipe_is_the_same_with_defaults_left_out_or_written(tomogram, model, score):
    assert segment_recipe(tomogram, model) == segment_recipe(
        tomogram, model, **asdict(SegmentParams())
    )
    assert reconstruct_recipe(tomogram, score) == reconstruct_recipe(
        tomogram, score, **asdict(ReconstructParams())
    )


def test_a_segmentation_depends_on_input_model_and_parameters_alone(tomogram, model):
    first = segment_recipe(tomogram, model)
    sized = tomogram.update(voxel_size_nm=VoxelSize(5, 5, 5), name="other")
    assert segment_recipe(sized, model) == first
    assert segment_recipe(tomogram, model, rotations=8) != first
    copied = model.rename(model.with_name("copy"))
    assert segment_recipe(tomogram, copied) == first
    (copied / "model.weights.h5").write_bytes(b"others")
    assert segment_recipe(tomogram, copied) != first


def test_a_surface_depends_on_the_voxel_size_of_today(tomogram, score):
    first = reconstruct_recipe(tomogram, score)
    sized = tomogram.update(voxel_size_nm=VoxelSize(5, 5, 5))
    assert sized.score(score).volume.voxel_size_nm == VoxelSize(5, 5, 5)
    assert reconstruct_recipe(sized, score) != first
    assert reconstruct_recipe(tomogram, score, threshold=0.5) != first


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("segment", {}),
        ("segment", {"model": "no such model"}),
        ("reconstruct", {}),
        ("reconstruct", {"score": "../.."}),
        ("reconstruct", {"score": "a" * 20}),
        ("measure", {}),
        ("measure", {"surface": "a" * 20}),
    ],
)
def test_a_wish_without_what_it_needs_is_refused(workspace, tomogram, kind, params):
    with pytest.raises(DeepSXTError):
        submit(workspace, JobRequest(kind=kind, tomogram=tomogram.id, params=params))
    assert not list(workspace.jobs_folder.glob("*/request.json"))


@pytest.mark.parametrize("wrong", [{"thresold": 0.5}, {"threshold": 2}])
def test_a_wrong_parameter_is_refused_before_anything_starts(workspace, tomogram, score, wrong):
    request = JobRequest(kind="reconstruct", tomogram=tomogram.id, params={"score": score, **wrong})
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        submit(workspace, request)


def test_reconstruction_from_a_job(workspace, tomogram, score):
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(100, 100, 100))

    def run(**params):
        request = JobRequest(
            kind="reconstruct", tomogram=tomogram.id, params={"score": score, **params}
        )
        job = submit(workspace, request)
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

    request = JobRequest(kind="measure", tomogram=tomogram.id, params={"surface": result.id})
    measuring = submit(workspace, request)
    wait_until(lambda: not read_job(workspace, measuring.id).active)
    assert read_job(workspace, measuring.id).state == "done", job_log(measuring)
    (measured,) = tomogram.results("measurements")
    rows = read_csv(measurement_file(measured, "objects.csv"))
    assert rows["volume_um3"].tolist() == pytest.approx([ball.volume])
    assert 0 < rows["volume_error_um3"][0] < 0.1 * ball.volume
    assert rows["mean_grey_value"].tolist() == [7]
    assert read_json(measured.folder / "totals.json")["processes"] == 0
    with pytest.raises(InvalidParameterError, match=r"holds objects\.csv"):
        measurement_file(measured, "../run.json")

    empty = run(min_voxels=10**6)
    assert (empty.state, empty.status.result) == ("failed", None)
    assert empty.status.error
    assert [finished.id for finished in tomogram.results("surfaces")] == [job.recipe]


def test_surfaces_of_a_label_file_from_a_job(workspace, tomogram):
    values = np.zeros((12, 20, 20), np.uint8)
    values[2:10, 2:18, 2:10] = 2
    values[2:10, 2:18, 10:18] = 7
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    tomogram = tomogram.update(voxel_size_nm=VoxelSize(100, 100, 100))

    def done(kind, **params):
        job = submit(workspace, JobRequest(kind=kind, tomogram=tomogram.id, params=params))
        wait_until(lambda: not read_job(workspace, job.id).active)
        assert read_job(workspace, job.id).state == "done", job_log(job)
        return read_job(workspace, job.id).status.result

    surface = tomogram.result("surfaces", done("reconstruct", score=None, each_label=True))
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


def test_a_surface_of_labels_depends_on_the_file(tomogram):
    values = np.zeros((12, 20, 20), np.uint8)
    values[2:10, 2:18, 2:18] = 2
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    first = reconstruct_recipe(tomogram, None)
    assert reconstruct_recipe(tomogram, None) == first
    values[5, 5, 5] = 3
    tifffile.imwrite(tomogram.source, values, imagej=True, metadata={"axes": "ZYX"})
    assert reconstruct_recipe(tomogram, None) != first


def test_grey_values_are_not_taken_for_labels(workspace, tomogram):
    grey = np.random.default_rng(0).integers(0, 255, (12, 20, 20), np.uint8)
    tifffile.imwrite(tomogram.source, grey, imagej=True, metadata={"axes": "ZYX"})
    request = JobRequest(kind="reconstruct", tomogram=tomogram.id, params={"score": None})
    with pytest.raises(VolumeError, match="holds grey values"):
        submit(workspace, request)
