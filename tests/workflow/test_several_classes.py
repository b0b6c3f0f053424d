"""A model of several classes: one pass, and one ordinary score for each of them."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from deepsxt_core.cli.main import main
from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.evaluation import EvaluateParams
from deepsxt_core.inference import SegmentParams, predict_slice
from deepsxt_core.inference.openvino_graph import network_graph
from deepsxt_core.inference.openvino_runtime import compile_graph
from deepsxt_core.io import SCORE_NAME, open_score, write_tiff
from deepsxt_core.network import (
    NetworkConfig,
    build_network,
    load_model,
    save_model,
    score_network,
)
from deepsxt_core.network.architecture import CLASS_PART
from deepsxt_core.surface import ReconstructParams
from deepsxt_core.surface.measure.slices import measure_slice
from deepsxt_core.volume import Labels, Mask, Score, Tag, Volume, VoxelSize
from deepsxt_core.workflow import pipeline, rerun, segmentation, steps
from deepsxt_core.workflow.class_folders import class_folders
from deepsxt_core.workflow.producing import Place, produce
from deepsxt_core.workflow.recipe import Recipe
from deepsxt_core.workflow.recipe_words import in_words
from deepsxt_core.workspace import Workspace, recipe_hash
from tests.cancelling import StopAfter
from tests.models import small_config

CLASSES = ("membrane", "cell nucleus", "droplet")
SIZE = VoxelSize(20, 10, 10)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(5)
    return build_network(replace(small_config(2), classes=CLASSES))


@pytest.fixture(scope="module")
def alone(network):
    """Return a network for each class, with what that of all knows of it."""
    found = []
    for number in range(len(CLASSES)):
        one = build_network(small_config(2))
        for mine, shared in zip(one.weights, network.weights, strict=True):
            values = keras.ops.convert_to_numpy(shared)
            last = mine.path.startswith(CLASS_PART)
            mine.assign(values[..., number : number + 1] if last else values)
        found.append(one)
    return found


@pytest.fixture(scope="module")
def model(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "several"
    save_model(folder, network, network.deepsxt_config, "")
    return load_model(folder)


@pytest.fixture
def volume():
    return Volume.from_array(
        np.random.default_rng(0).normal(size=(7, 22, 30)).astype(np.float32), SIZE
    )


def test_a_configuration_names_classes_and_the_published_layout_none():
    config = replace(small_config(), classes=CLASSES)
    assert NetworkConfig.from_dict(config.to_dict()) == config
    assert "classes" not in small_config().to_dict()
    assert small_config().classes == ("membrane",)


@pytest.mark.parametrize("classes", [(), ("a", "A"), ("../a",), ("",), tuple("abcdefgh")])
def test_names_that_classes_cannot_have_are_refused(classes):
    with pytest.raises(InvalidParameterError):
        replace(small_config(), classes=classes)


def test_a_size_counts_the_channels(network):
    from deepsxt_core.network.size import NetworkSize

    assert NetworkSize.of(network.deepsxt_config).parameters == network.count_params()


@pytest.mark.parametrize(("tiling", "rotations"), [("full", 8), ("compat", 1)])
def test_one_pass_scores_each_class_as_a_network_of_its_own(network, alone, tiling, rotations):
    image = np.random.default_rng(1).normal(size=(23, 41))
    options = {"tiling": tiling, "rotations": rotations, "tile_px": 16, "stride_px": 8}
    scores = predict_slice(network, image, **options)
    assert scores.shape == (*image.shape, len(CLASSES))
    for number, one in enumerate(alone):
        np.testing.assert_allclose(
            scores[..., number], predict_slice(one, image, **options), rtol=0, atol=1e-6
        )


def test_openvino_scores_them_as_keras(network):
    tiles = np.random.default_rng(2).normal(size=(2, 16, 20, 1)).astype(np.float32)
    score = compile_graph(network_graph(score_network(network)))(tiles)
    expected = network(tiles, training=False)[1]
    np.testing.assert_allclose(score, expected, rtol=0, atol=1e-5)


def test_scores_lie_side_by_side_and_a_break_changes_nothing(model, alone, volume, tmp_path):
    params = SegmentParams(z0=1, invert=False)
    segmentation.segment(volume, model, tmp_path / "whole", params)
    with pytest.raises(CancelledError):
        segmentation.segment(volume, model, tmp_path / "broken", params, StopAfter(3))
    segmentation.segment(volume, model, tmp_path / "broken", params, resume=True)

    places = class_folders(tmp_path / "whole", CLASSES)
    resumed = class_folders(tmp_path / "broken", CLASSES)
    for name, (_, one), (_, two) in zip(CLASSES, places, resumed, strict=True):
        score, again = open_score(one / SCORE_NAME), open_score(two / SCORE_NAME)
        assert (score.class_name, score.first_slice, score.volume.shape) == (name, 1, (6, 22, 30))
        np.testing.assert_array_equal(score.volume.read(0, 6), again.volume.read(0, 6))
        run, other = (json.loads((folder / "run.json").read_text()) for folder in (one, two))
        assert run["class"] == name
        assert run["positive_fraction"] == other["positive_fraction"]
        assert run["voxels_sha256"] == other["voxels_sha256"]
        assert other["resumed_slices"] > 0
    single = segmentation.segment(
        volume, replace(model, config=small_config(2), built=alone[1]), tmp_path / "one", params
    )
    assert single.class_name is None
    gap = np.abs(
        single.volume.read(0, 6).astype(int)
        - open_score(places[1][1] / SCORE_NAME).volume.read(0, 6)
    )
    assert gap.max() <= 1


def test_in_the_workspace_each_class_is_a_result(model, volume, tmp_path):
    write_tiff(volume, tmp_path / "cell.tif")
    workspace = Workspace(tmp_path / "home")
    tomogram = workspace.add_file(tmp_path / "cell.tif")
    params = SegmentParams()
    identity = steps.segment_identity(tomogram, model.info, params)
    place = Place.of_result(tomogram, "scores", identity, "job")
    assert steps.score_estimate(tomogram, model.info, params, workspace.folder).disk_bytes == (
        3 * 7 * (22 * 30 + 8192)
    )

    produce(place, "job", lambda out: steps.make_score(
        tomogram, lambda: model, params, out, StopAfter(10**6)
    ))  # fmt: skip

    results = tomogram.readable_results("scores")
    assert results[0].id == place.result_id
    nucleus = next(result for result in results if result.class_name == "cell nucleus")
    assert place.of_class("cell nucleus").final == nucleus.folder
    recipe = Recipe.from_runs(nucleus.run, None)
    assert Recipe.from_toml(recipe.to_toml(), "r") == recipe
    assert recipe.class_name == "cell nucleus"
    assert "several' (cell nucleus)" in in_words(recipe)[0]
    assert {result.class_name for result in results} == set(CLASSES)
    first = next(result for result in results if result.class_name == CLASSES[0])
    assert first.id == place.result_id == recipe_hash(identity)
    assert not (first.folder / "classes").exists()
    for result in results:
        assert tomogram.todays_score(result.id).class_name == result.class_name
        assert result.file_name("score.tif") == f"{result.class_name}_score.tif"


def ball(class_name=None, value=255):
    z, y, x = np.ogrid[:16, :20, :20]
    inside = (z - 8) ** 2 + (y - 10) ** 2 + (x - 10) ** 2 < 36
    codes = np.where(inside, value, 0).astype(np.uint8)
    return Score(Volume.from_array(codes, VoxelSize(10, 10, 10)), class_name=class_name)


def test_objects_are_called_after_their_class_and_have_no_error_bars_of_membranes():
    rows = pipeline.measure(ball("nucleus"), ReconstructParams(min_voxels=0)).objects
    assert [(row.name, row.class_name, row.measured) for row in rows] == [
        ("nucleus 1", "nucleus", "body")
    ]
    assert rows[0].volume_error is None
    (row,) = pipeline.measure(ball(), ReconstructParams(min_voxels=0)).objects
    assert (row.name, row.class_name, row.measured) == (None, None, "membrane")
    assert row.volume_error is not None
    single = replace(ball("nucleus"), volume=Volume.from_array(ball().volume.read(8, 9)))
    assert measure_slice(single, ReconstructParams(min_voxels=0)).table()["class"] == ["nucleus"]


def test_a_score_is_compared_with_what_is_of_its_class():
    values = (ball().volume.read(0, 16) > 0).astype(np.uint8) * 2
    values[:3] = 1
    truth = Mask(Volume.from_array(values))
    assert pipeline.evaluate(ball(), truth, EvaluateParams(true_labels=(2,))).report()["f1"] == 1
    assert pipeline.evaluate(ball(), truth).report()["f1"] < 1

    tags = {1: Tag("a", "membrane", "#000000"), 2: Tag("b", "nucleus", "#000000")}
    nothing = np.zeros(values.shape, bool)
    annotated = Labels(truth.volume, tags, lambda z0, z1: nothing[z0:z1])
    assert pipeline.evaluate(ball("nucleus"), annotated).report()["f1"] == 1
    with pytest.raises(InvalidParameterError, match="no object of that class: it has membrane"):
        pipeline.evaluate(ball("droplet"), annotated)


def test_the_command_line_tells_each_class(capsys, model, volume, tmp_path, monkeypatch):
    monkeypatch.setattr(rerun, "open_model", lambda _: model)
    path, out = tmp_path / "t.tif", tmp_path / "out"
    write_tiff(volume, path)

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, capsys.readouterr()

    command = ("run", path, "--out", out, "--model", model.info.folder, "--threshold", "-1")
    code, printed = call(*command, "--min-voxels", "0", "--json")
    assert code == 0
    report = json.loads(printed.out)
    told = [report, *report["classes"]]
    assert [one["segment"]["class"] for one in told] == list(CLASSES)
    for (_, folder), one in zip(class_folders(out, CLASSES), told, strict=True):
        assert (folder / "surface.stl").is_file() and (folder / "mask.tif").is_file()
        assert one["reconstruct"]["files"] == [str(folder / "surface.stl")]
    recipe = tmp_path / "recipe.toml"
    for class_name, ends in (("droplet", 0), ("mitochondrion", 1)):
        recipe.write_text(f'[segment]\nmodel = "{model.info.folder}"\nclass = "{class_name}"\n')
        command_of_batch = (
            "batch",
            path,
            "--recipe",
            recipe,
            "--out",
            tmp_path / "batch",
            "--json",
        )
        code, printed = call(*command_of_batch)
        assert code == ends
        (row,) = json.loads(printed.out)["files"]
        assert ("finds membrane, cell nucleus, droplet" in (row["error"] or "")) == bool(ends)
    assert (tmp_path / "batch" / "t" / "classes" / "droplet" / SCORE_NAME).is_dir()
    code, printed = call(*command, "--objects", "1")
    assert code == 1 and "several classes" in printed.err
    _, printed = call("rerun", out / "classes" / "droplet" / "run.json", "--json")
    assert json.loads(printed.out)["same"]
    assert "membrane, cell nucleus, droplet" in call("models", "info", model.info.folder)[1].out
