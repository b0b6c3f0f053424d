import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deepsxt_core.cli.main import main
from deepsxt_core.errors import CancelledError
from deepsxt_core.network import ModelInfo, list_models, load_model, save_model
from deepsxt_core.progress import NoProgress
from deepsxt_core.training import held_back
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.finetune import finetune
from deepsxt_core.training.held_back import can_choose, count_regions
from deepsxt_core.training.left_out import LeftOut, sentences, verdict
from deepsxt_core.training.outcome import TrainingResult
from deepsxt_core.training.regions import regions
from deepsxt_core.training.splits import Block, SplitParams, split
from tests.models import small_config, small_network
from tests.training.conftest import PairFolder, draw
from tests.training.stand_in_training import PARAMS, read_log


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "base"
    save_model(folder, small_network(), small_config(2), "")
    return load_model(folder)


def call(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    return code, capsys.readouterr()


def test_a_finetuned_model_is_saved_with_its_card_and_the_base_is_not_changed(base, tmp_path):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b")
    before = base.network.get_weights()

    result = finetune(base, open_training_set(folder.path), PARAMS, tmp_path / "mine")

    for a, b in zip(before, base.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    loaded = load_model(tmp_path / "mine")
    assert loaded.config == base.config
    assert not np.array_equal(loaded.network.get_weights()[0], before[0])
    assert result.verdict in loaded.info.card
    assert "| F1 | {f1:.3f} |".format(**result.scores) in loaded.info.card
    assert not list(tmp_path.glob(".mine*"))
    with Image.open(tmp_path / "mine" / "examples.png") as panels:
        # Two strips of 96 × 32 px, four times, in frames of 4 px.
        assert panels.size == (4 * (32 + 8), 2 * (96 + 8))
    log = read_log(tmp_path / "mine" / "training.csv")
    assert result.base_scores["f1"] == pytest.approx(log[0], abs=1e-4)
    assert result.scores["f1"] == pytest.approx(log[result.best_step], abs=1e-4)


@pytest.mark.parametrize("enough", [True, False])
def test_the_step_is_chosen_only_where_enough_is_held_back(base, tmp_path, monkeypatch, enough):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b")
    data = open_training_set(folder.path)
    if enough:
        seen = count_regions(data, split(data).validation)
        monkeypatch.setattr(held_back, "_ENOUGH_REGIONS", seen)

    result = finetune(base, data, PARAMS, tmp_path / "mine")

    log = read_log(tmp_path / "mine" / "training.csv")
    del log[0]
    card = load_model(tmp_path / "mine").info.card
    record = json.loads((tmp_path / "mine" / "training.json").read_text())
    assert result.chosen == record["chosen"] == enough
    assert result.choice in card and result.choice == record["choice"]
    assert result.best_step == (max(log, key=log.get) if enough else 12)
    assert ("a little too good" in card) == enough


def test_regions_are_counted_by_what_they_show_and_not_by_pixels(folder):
    label = np.zeros((12, 300, 300), bool)
    label[:, 10:20] = label[:, 270:280] = True
    folder.add("a", np.ones(label.shape, np.float32) * ~label, label)
    data = open_training_set(folder.path)
    slices = [Block(0, z, 0, 300, 0, 300) for z in range(12)]

    # Membranes in the upper and lower of three rows of three; eight slices are one region.
    assert count_regions(data, slices[:1]) == count_regions(data, slices[:8]) == 6
    assert count_regions(data, slices[7:9]) == 12
    assert not can_choose(data, slices)


@pytest.mark.parametrize(
    ("f1", "word"), [(0.7, "Better than"), (0.5, "Worse than"), (0.6, "No better")]
)
def test_a_worse_model_says_so(tmp_path, f1, word):
    info = ModelInfo("mine", tmp_path, "")
    result = TrainingResult(info, "base", {"f1": f1}, {"f1": 0.6}, 10, 5, True, 1.0, 0, "")

    assert result.verdict.startswith(word)
    assert f"{f1:.3f} against 0.600 of 'base'" in result.verdict


def test_the_command_puts_the_model_into_the_library(capsys, base, folder):
    folder.add_drawn("a", "b")
    command = [
        "finetune", folder.path, "--base", base.info.folder, "--name", "mine",
        "--steps", "2", "--crop-px", "32", "--batch-size", "2", "--json",
    ]  # fmt: skip

    code, printed = call(capsys, *command)

    assert code == 0
    report = json.loads(printed.out)
    assert "mine" in [info.name for info in list_models()]
    assert (report["name"], report["steps"], report["data"]["labelled_slices"]) == ("mine", 2, 2)
    assert report["better"] == (report["scores"]["f1"] > report["base_scores"]["f1"])

    code, printed = call(capsys, *command)
    assert code == 1
    assert "already" in printed.err


def test_the_check_of_the_command_trains_nothing(capsys, folder):
    folder.add_drawn("a", "b")

    code, printed = call(capsys, "train", folder.path, "--check", "--json")

    assert code == 0
    assert json.loads(printed.out)["validation_blocks"] == 2
    assert [info.name for info in list_models()] == ["deepsxt-compact", "deepsxt-quick"]


def test_the_command_tells_of_bad_data_in_one_line(capsys, folder):
    image, label = draw(0)
    folder.add("bad", image, label[:-6])

    code, printed = call(capsys, "train", folder.path)

    assert code == 1
    assert "bad.labels.tif" in printed.err.splitlines()[-1]


def test_regions_are_left_out_in_turn_and_the_model_learns_from_all(base, tmp_path):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b")
    data, work = open_training_set(folder.path), tmp_path / "work"

    result = finetune(base, data, replace(PARAMS, regions=2, steps=2), tmp_path / "mine", work=work)

    record = json.loads((tmp_path / "mine" / "training.json").read_text())
    assert [one["name"] for one in record["regions"]] == ["a", "b"]
    assert not result.chosen and not list(work.glob("region-*"))
    for number, one in enumerate(result.regions):
        whole = [Block(number, 0, 0, 96, 0, 128)]
        assert one.base_scores == held_back.measure(base.network, data, whole)
    assert "2 regions, each left out in turn" in load_model(tmp_path / "mine").info.card


def test_after_a_break_only_missing_regions_are_measured(base, tmp_path):
    folder = PairFolder(tmp_path / "data")
    folder.add_drawn("a", "b", "c")
    data = open_training_set(folder.path)
    found, taught = regions(data, SplitParams(), 3), []

    def judge():
        def teach(part, scratch, _progress):
            scratch.mkdir()
            taught.append(part.rule)
            if len(taught) == 2:
                raise CancelledError
            return base.network

        return verdict(data, found, base.network, teach, tmp_path, {"seed": 0}, NoProgress())

    with pytest.raises(CancelledError):
        judge()
    (tmp_path / "region-1").rmdir()
    result = judge()
    assert taught == ["a", "b", "b", "c"]
    blocks = [block for region in found for block in region.split.validation]
    assert result.scores == result.base_scores == held_back.measure(base.network, data, blocks)


def region(name: str, new: float, old: float) -> LeftOut:
    return LeftOut(name, {"f1": new}, {"f1": old})


@pytest.mark.parametrize(
    ("f1", "word"), [(0.7, "Better than"), (0.5, "Worse than"), (0.6, "No better")]
)
def test_regions_that_got_worse_are_told_as_plainly(tmp_path, f1, word):
    pair = (region("a", 0.5, 0.6), region("b", 0.7, 0.6))
    info = ModelInfo("mine", tmp_path, "")
    result = TrainingResult(info, "base", {"f1": f1}, {"f1": 0.6}, 10, 10, False, 1.0, 0, "", pair)
    assert result.verdict.startswith(word)
    assert "2 regions, each left out in turn (1 better, 1 worse)" in result.verdict
    assert [sentence.rsplit(" ", 1)[1] for sentence in sentences(pair)] == ["worse", "better"]
