import csv
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from deepsxt_core import jobs
from deepsxt_core.annotation import create_annotation, open_annotation
from deepsxt_core.cli.main import main
from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.files import read_json
from deepsxt_core.inference import CHECKPOINT_NAME, SegmentParams
from deepsxt_core.io import open_volume
from deepsxt_core.jobs.tasks import TASKS
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import batch, segmentation, steps
from deepsxt_core.workflow.batch import apply_recipe, run_batch
from deepsxt_core.workflow.recipe import ExportParams, Recipe
from deepsxt_core.workflow.subjects import TomogramSubject
from deepsxt_core.workspace import Workspace, recipe_hash
from deepsxt_core.workspace.annotations import add_annotation
from tests.cancelling import StopAfter
from tests.jobs.stand_in_network import MODEL, StandInPredictor
from tests.results import ball

RECIPE = """
[segment]
invert = false
[reconstruct]
min_voxels = 20
smoothing_voxels = 0
[export]
meshes = ["stl", "ply"]
mask = "tif"
"""


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Score by arithmetic; return the names of what was scored."""
    scored, segment = [], segmentation.segment

    def noted(volume, *args, **more):
        scored.append(volume.path.name)
        return segment(volume, *args, **more)

    monkeypatch.setattr(segmentation, "_predictor", lambda *_: StandInPredictor())
    monkeypatch.setattr(segmentation, "segment", noted)
    monkeypatch.setattr(batch, "open_model", lambda _: MODEL)
    return scored


@pytest.fixture
def files(tmp_path):
    """Five tomograms of a bright ball; the third is cut off."""
    paths = [tmp_path / f"cell {number}.tif" for number in range(5)]
    for number, path in enumerate(paths):
        values = (1000 + 500 * ball((12, 24, 24), 5 + number / 2)).astype(np.uint16)
        tifffile.imwrite(path, values, imagej=True, metadata={"axes": "ZYX"})
    paths[2].write_bytes(paths[2].read_bytes()[:3000])
    return paths


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def call(capsys, files, recipe, out):
    code = main(["batch", *map(str, files), "--recipe", str(recipe), "--out", str(out), "--json"])
    return code, json.loads(capsys.readouterr().out)


def statuses(report):
    return [row["status"] for row in report["files"]]


def test_one_corrupt_file_of_five_and_a_second_run(capsys, files, recipe, tmp_path, stand_in):
    out = tmp_path / "out"
    code, report = call(capsys, files, recipe, out)
    assert code == 1
    assert statuses(report) == ["done", "done", "failed", "done", "done"]
    assert "cell 2.tif" in report["files"][2]["error"]
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == statuses(report)
    assert [row["objects"] for row in rows] == ["1", "1", "", "1", "1"]
    assert {path.name for path in (out / "cell 0").iterdir()} == {
        *("score.ome.zarr", "run.json", "surface", "input.json", "exports.json"),
        *("mask.tif", "surface.stl", "surface.ply", "objects.csv"),
    }
    assert len(stand_in) == 4

    def state():
        return {
            path: path.stat().st_mtime_ns
            for path in out.rglob("*")
            if path.is_file() and path.parent != out
        }

    before = state()
    code, report = call(capsys, files, recipe, out)
    assert (code, statuses(report)) == (1, ["kept", "kept", "failed", "kept", "kept"])
    assert state() == before
    assert len(stand_in) == 4

    code, report = call(capsys, [files[0], files[4]], recipe, out)
    assert (code, report["kept"]) == (0, 2)


def test_only_what_a_change_concerns_is_done_again(capsys, files, recipe, tmp_path, stand_in):
    files, out = files[:2], tmp_path / "out"
    call(capsys, files, recipe, out)
    recipe.write_text(RECIPE.replace("min_voxels = 20", "min_voxels = 21"))
    assert statuses(call(capsys, files, recipe, out)[1]) == ["done", "done"]
    assert len(stand_in) == 2
    values = tifffile.imread(files[1])
    tifffile.imwrite(files[1], values + 1, imagej=True, metadata={"axes": "ZYX"})
    assert statuses(call(capsys, files, recipe, out)[1]) == ["kept", "done"]
    assert len(stand_in) == 3


def test_files_of_one_name_do_not_share_a_folder(capsys, files, recipe, tmp_path):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / files[0].name
    twin.write_bytes(files[1].read_bytes())
    _, report = call(capsys, [files[0], twin], recipe, tmp_path / "out")
    assert len({row["folder"] for row in report["files"]}) == 2


def test_a_bug_in_one_file_does_not_end_the_night(capsys, files, recipe, tmp_path, monkeypatch):
    def broken(*_args, **_more):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(steps, "reconstruct_numbered", broken)
    code, report = call(capsys, files[:2], recipe, tmp_path / "out")
    assert (code, statuses(report)) == (1, ["failed", "failed"])
    assert report["files"][0]["error"] == "ZeroDivisionError: a bug"


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(
            model='odd "name" ł',
            segment=SegmentParams(z0=3, z1=9, rotations=4, invert=False),
            reconstruct=ReconstructParams(threshold=-0.25, min_volume_um3=1e-7),
            export=ExportParams(meshes=("glb",), mask="mrc"),
        ),
        Recipe(reconstruct=None),
    ],
)
def test_a_recipe_survives_its_file(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert Recipe.read(path) == recipe


@pytest.mark.parametrize(
    "text",
    [
        "[segmant]",
        "[segment]\nrotation = 4",
        "[segment]\nrotations = 3",
        "[reconstruct]\nthreshold = 2",
        "[export]\nmeshes = 'stl'",
        "[export]\nmask = 'png'",
        "segment = 4 4",
    ],
)
def test_a_recipe_that_is_not_understood_is_refused(text, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(InvalidParameterError):
        Recipe.read(path)


def test_a_recipe_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidParameterError, match="Cannot read"):
        Recipe.read(tmp_path / "none.toml")


class TestOneEngine:
    """The command line, the app and the cluster do the same."""

    @pytest.fixture
    def wanted(self):
        return Recipe.from_toml(RECIPE, "of the test")

    def test_a_broken_off_segmentation_is_continued(self, files, wanted, tmp_path):
        with pytest.raises(CancelledError):
            run_batch(files[:1], wanted, tmp_path / "out", StopAfter(4))
        assert (tmp_path / "out" / "cell 0" / CHECKPOINT_NAME).is_file()
        (row,) = run_batch(files[:1], wanted, tmp_path / "out")
        assert row["status"] == "done"
        run = read_json(tmp_path / "out" / "cell 0" / "run.json")
        assert run["resumed_slices"] >= 4
        assert recipe_hash(run["recipe"]) == row["score"]

    def test_files_and_tomograms_of_the_workspace_have_the_same_results(
        self, files, wanted, tmp_path
    ):
        (of_file,) = run_batch(files[:1], wanted, tmp_path / "out")
        workspace = Workspace()
        tomogram = workspace.add_file(files[0])
        subject = TomogramSubject(workspace.folder, tomogram.id)
        ((_, of_tomogram),) = apply_recipe([subject], wanted)
        same = ("status", "score", "surface", "membrane_fraction", "objects", "volume_um3")
        assert {name: of_file[name] for name in same} == {name: of_tomogram[name] for name in same}
        request = jobs.ReconstructRequest(score=of_file["score"], params=wanted.reconstruct)
        identity = TASKS["reconstruct"].identity(tomogram, request)
        assert recipe_hash(identity) == of_file["surface"]

    def test_the_workers_of_a_cluster_make_the_same(self, files, wanted, tmp_path, monkeypatch):
        def mapped(_scheduler, function, arguments, _progress):
            for sent in reversed(arguments):
                yield sent, function(*pickle.loads(pickle.dumps(sent)))

        here = run_batch(files, wanted, tmp_path / "here")
        monkeypatch.setattr(batch, "worker_count", lambda _: 2)
        monkeypatch.setattr(batch, "mapped", mapped)
        there = run_batch(files, wanted, tmp_path / "there", scheduler="tcp://nowhere:1")
        told = ("file", "status", "error", "score", "surface", "membrane_fraction", "faces")
        for one, other in zip(here, there, strict=True):
            assert [one.get(name) for name in told] == [other.get(name) for name in told]
        assert (tmp_path / "there" / "cell 0" / "surface.stl").is_file()

    def test_files_follow_what_they_are_made_of(self, files, wanted, tmp_path):
        out, mask = tmp_path / "out", tmp_path / "out" / "cell 0" / "mask.tif"
        (first,) = run_batch(files[:1], wanted, out)
        before = mask.read_bytes()
        higher = replace(wanted, reconstruct=replace(wanted.reconstruct, threshold=0.5))
        (second,) = run_batch(files[:1], higher, out)
        assert (second["status"], second["score"]) == ("done", first["score"])
        assert mask.read_bytes() != before
        assert second["membrane_fraction"] < first["membrane_fraction"]
        assert run_batch(files[:1], higher, out)[0] == second | {
            "status": "kept",
            "seconds": pytest.approx(0, abs=60),
        }
        # Another format alone makes no new surface.
        more = replace(higher, export=replace(higher.export, meshes=("stl", "off")))
        (third,) = run_batch(files[:1], more, out)
        assert third["status"] == "kept"
        assert (out / "cell 0" / "surface.off").is_file()


ANNOTATED = 'source = "annotation"\n[reconstruct]\nmin_voxels = 5\n[export]\nmeshes = ["ply"]\n'


def test_a_recipe_takes_annotations_in_place_of_the_network(capsys, files, tmp_path, stand_in):
    recipe, out = tmp_path / "recipe.toml", tmp_path / "out"
    recipe.write_text(ANNOTATED)
    assert Recipe.from_toml(Recipe.read(recipe).to_toml(), "it") == Recipe.read(recipe)
    for number in (0, 1):
        labels = Volume.from_array((ball((12, 24, 24), 5) > 0).astype(np.uint8) * (number + 3))
        create_annotation(tmp_path / f"cell {number}", open_volume(files[number]), labels)
    given = [tmp_path / "cell 0", tmp_path / "cell 1", files[3]]
    code, report = call(capsys, given, recipe, out)
    assert (code, statuses(report)) == (1, ["done", "done", "failed"])
    assert "is no annotation" in report["files"][2]["error"]
    assert [row["objects"] for row in report["files"][:2]] == [1, 1]
    assert (out / "cell 1" / "surface.ply").is_file()
    assert stand_in == []
    with open_annotation(tmp_path / "cell 1") as opened:
        opened.apply({"kind": "paint", "object": 9, "stroke": SPECK})
        opened.apply({"kind": "edit objects", "objects": [9], "class_name": "membrane"})
    _, report = call(capsys, given, recipe, out)
    assert statuses(report) == ["kept", "done", "failed"]
    assert report["files"][1]["objects"] == 2


SPECK = {"kind": "brush", "points": [[2, 3, 3]], "radius": 2}


def test_of_a_tomogram_the_newest_annotation_is_taken_as_it_is_now(files):
    tomogram = Workspace().add_file(files[0])
    bare = Workspace().add_file(files[1])
    for name in ("old", "new"):
        kept = add_annotation(tomogram, name)
    with kept.open() as opened:
        opened.apply({"kind": "paint", "object": 4, "stroke": SPECK})
        opened.apply({"kind": "edit objects", "objects": [4], "class_name": "membrane"})
    recipe = Recipe.from_toml(ANNOTATED, "it")
    subjects = [TomogramSubject(Workspace().folder, each.id) for each in (tomogram, bare)]
    rows = dict(apply_recipe(subjects, recipe))
    assert (rows[0]["status"], rows[0]["objects"]) == ("done", 1)
    assert "has no annotation" in rows[1]["error"]
    surface = tomogram.result("surfaces", rows[0]["surface"])
    assert surface.made_from == kept.id
    assert surface.run["annotation"]["name"] == "new"


@pytest.mark.parametrize("wrong", ["", '[reconstruct]\n[export]\nmask = "tif"\n'])
def test_annotations_give_surfaces_and_no_mask(wrong):
    with pytest.raises(InvalidParameterError, match="no mask"):
        Recipe.from_toml(f'source = "annotation"\n{wrong}', "it")
