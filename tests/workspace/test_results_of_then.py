"""A result carries the geometry and the input that it was made with."""

import mrcfile
import numpy as np
import pytest
import tifffile

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs import (
    BundleRequest,
    EvaluateRequest,
    MeasureRequest,
    ReconstructRequest,
)
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import VoxelSize
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.downloads import instances_file
from tests.results import add_score, add_surface, ball

SHAPE = (12, 20, 20)
THEN, TODAY = VoxelSize(10, 10, 10), VoxelSize(25, 25, 25)


@pytest.fixture
def tomogram(tmp_path):
    path = tmp_path / "cell.tif"
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(path, grey, imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path).update(voxel_size_nm=THEN)


@pytest.fixture
def score(tomogram):
    result = add_score(tomogram, ball(SHAPE, 7))
    run = read_json(result.folder / "run.json")
    run["input"]["sha256"] = tomogram.input_sha256()
    write_json(result.folder / "run.json", run)
    return tomogram.result("scores", result.id)


@pytest.fixture
def surface(tomogram, score):
    return add_surface(tomogram, score, ReconstructParams(min_voxels=10))


def test_a_score_keeps_its_voxel_size_and_new_results_get_todays(tomogram, score):
    corrected = tomogram.update(voxel_size_nm=TODAY)
    assert corrected.score(score.id).volume.voxel_size_nm == THEN
    assert corrected.segmentation(score.id).volume.voxel_size_nm == TODAY
    assert corrected.size_correction(score) == (THEN, TODAY)


def test_all_files_of_a_surface_have_its_voxel_size(tomogram, surface):
    corrected = tomogram.update(voxel_size_nm=TODAY)
    assert corrected.surface_source(surface).volume.voxel_size_nm == THEN
    # One that was asked for before the correction, one after it.
    first = instances_file(tomogram, surface, "instances.tif")
    second = instances_file(corrected, surface, "instances.mrc")
    with tifffile.TiffFile(first) as tif:
        assert tif.imagej_metadata["spacing"] == pytest.approx(10)
    with mrcfile.open(second) as mrc:
        assert mrc.voxel_size.z == pytest.approx(100)


def test_a_correction_is_told_and_its_absence_too(tomogram, surface):
    assert tomogram.size_correction(surface) is None
    assert tomogram.update(voxel_size_nm=TODAY).size_correction(surface) == (THEN, TODAY)
    assert tomogram.update(voxel_size_nm=None).size_correction(surface) == (THEN, None)
    assert tomogram.update(voxel_size_nm=THEN).size_correction(surface) is None


def exchange_file(tomogram):
    other = np.random.default_rng(1).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(tomogram.source, other, imagej=True, metadata={"axes": "ZYX"})


def requests_on(score, surface, truth):
    return [
        ReconstructRequest(score=score.id),
        MeasureRequest(surface=surface.id),
        BundleRequest(surface=surface.id),
        EvaluateRequest(score=score.id, truth=str(truth)),
    ]


def test_the_input_is_part_of_what_identifies_every_result(tomogram, score, surface, tmp_path):
    truth = tmp_path / "truth.tif"
    labels = (ball(SHAPE, 7) > 0).astype(np.uint8)
    tifffile.imwrite(truth, labels, imagej=True, metadata={"axes": "ZYX"})
    run = read_json(surface.folder / "run.json")
    run["recipe"]["input_sha256"] = tomogram.input_sha256()
    write_json(surface.folder / "run.json", run)
    requests = requests_on(score, surface, truth)
    for request in requests:
        identity = TASKS[request.kind].identity(tomogram, request)
        assert identity["input_sha256"] == tomogram.input_sha256()
    exchange_file(tomogram)
    for request in requests:
        with pytest.raises(DeepSXTError, match="another one than when the result"):
            TASKS[request.kind].identity(tomogram, request)


def test_a_record_that_does_not_tell_its_input_is_taken_at_its_word(tomogram):
    score = add_score(tomogram, ball(SHAPE, 7))
    exchange_file(tomogram)
    assert TASKS["reconstruct"].identity(tomogram, ReconstructRequest(score=score.id))


class TestRecords:
    def spoil(self, result, change):
        run = read_json(result.folder / "run.json")
        change(run)
        write_json(result.folder / "run.json", run)

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            (lambda run: run["params"].update(colour=1), "colour"),
            (lambda run: run["params"].update(threshold="high"), "threshold"),
            (lambda run: run.pop("params"), "params"),
            (lambda run: run.update(params=None), "params"),
            (lambda run: run.pop("recipe"), "recipe"),
            (lambda run: run.update(recipe=[1]), "recipe"),
        ],
    )
    def test_a_record_that_is_not_understood_is_named_with_its_reason(
        self, tomogram, surface, change, word
    ):
        self.spoil(surface, change)
        assert tomogram.readable_results("surfaces") == []
        ((result_id, wrong),) = tomogram.damaged_results("surfaces")
        assert result_id == surface.id and word in wrong
        self.spoil(surface, lambda run: run.update(record_version=99))
        assert "newer version" in tomogram.damaged_results("surfaces")[0][1]

    def test_parameters_of_later_versions_have_their_default(self, tomogram, surface):
        self.spoil(surface, lambda run: run["params"].pop("each_label"))
        (found,) = tomogram.readable_results("surfaces")
        assert found.params(ReconstructParams) == ReconstructParams(min_voxels=10)

    def test_a_record_that_is_no_json_is_named(self, tomogram, surface):
        (surface.folder / "run.json").write_text("{")
        assert tomogram.damaged_results("surfaces") == [(surface.id, "Its record is damaged.")]

    def test_a_score_of_the_first_version_is_opened(self, tomogram, score):
        path = score.folder / "score.ome.zarr" / "zarr.json"
        content = read_json(path)
        del content["attributes"]["deepsxt"]
        write_json(path, content)
        assert tomogram.score(score.id).volume.voxel_size_nm == THEN

    def test_a_surface_of_the_first_version_has_files(self, tomogram, surface):
        self.spoil(surface, lambda run: run["recipe"].pop("origin_nm"))
        self.spoil(surface, lambda run: run.pop("whole_origin_nm"))
        found = tomogram.result("surfaces", surface.id)
        assert tomogram.surface_source(found).volume.voxel_size_nm == THEN
        assert instances_file(tomogram, found, "instances.tif").is_file()
