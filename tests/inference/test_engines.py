"""Engines: they agree, the faster one scores, and what was measured is kept."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, DeepSXTError, InvalidParameterError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.inference import Predictor, SegmentParams, engines, kept_graphs
from deepsxt_core.inference.engines import Compiled, compiled, fastest
from deepsxt_core.network import (
    Model,
    NetworkConfig,
    build_network,
    load_legacy_weights,
    load_model,
    open_model,
    save_model,
    score_network,
)
from deepsxt_core.network.config import BlockConfig
from deepsxt_core.volume import Volume
from deepsxt_core.workflow import segmentation
from tests.cancelling import StopAfter
from tests.models import small_config, small_network
from tests.tolerances import SCORE_ATOL

if find_spec("openvino") is None:
    pytest.skip("OpenVINO has nothing for this computer", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def model_of(network, sha256="f" * 64):
    return Model(SimpleNamespace(sha256=lambda: sha256), network.deepsxt_config, network)


@pytest.fixture(scope="module")
def tiny():
    return model_of(build_network(small_config(1)))


def openvino_score(network):
    from deepsxt_core.inference.openvino_graph import network_graph
    from deepsxt_core.inference.openvino_runtime import compile_graph

    return compile_graph(network_graph(score_network(network)))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Keep measurements out of the user's folder, and let them decide."""
    monkeypatch.delenv("DEEPSXT_ENGINE")
    monkeypatch.setattr(engines.settings, "cache_folder", lambda: tmp_path / "cache")
    engines._chosen.clear()
    return tmp_path / "cache" / "engines.json"


@pytest.mark.parametrize("name", ["published_width16", "variant_leaky_avgpool"])
def test_openvino_scores_as_the_published_network(name):
    network = build_network(NetworkConfig.from_json(GOLDEN / f"{name}.json"))
    load_legacy_weights(network, GOLDEN / f"{name}.h5")
    arrays = np.load(GOLDEN / f"{name}.npz")
    score = openvino_score(network)
    for shape in ("square", "rect"):
        found = score(arrays[f"x_{shape}"])
        np.testing.assert_allclose(found, arrays[f"label_{shape}"][..., 0], rtol=0, atol=SCORE_ATOL)


def odd_config(*, factor, kernel, pooling, activation, add):
    """A small network with what the published one does not have."""
    config = small_config(4)
    block = BlockConfig(activation=activation, dropout_rate=0.2, batch_norm=activation != "linear")
    coder = replace(
        config.encoder,
        kernel_sizes=(kernel, kernel),
        block=block,
        add_instead_of_concat=add,
        use_skip_connections=True,
    )
    neck = replace(config.neck, n_filters=4, kernel_sizes=(1, 2), add_instead_of_concat=add)
    return replace(
        config,
        encoder=coder,
        image_decoder=coder,
        label_decoder=coder,
        neck=neck,
        pooling=pooling,
        pooling_factor=factor,
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"factor": 3, "kernel": 2, "pooling": "max", "activation": "softplus", "add": True},
        {"factor": 2, "kernel": 5, "pooling": "average", "activation": "linear", "add": False},
        {"factor": 4, "kernel": 1, "pooling": "average", "activation": "relu", "add": True},
    ],
)
def test_openvino_scores_as_keras_whatever_the_configuration(odd):
    network = build_network(odd_config(**odd))
    rng = np.random.default_rng(0)
    for weight in network.weights:
        match weight.path.rpartition("/")[2]:
            case "kernel":
                # Each layer's output is about as large as its input.
                values = rng.normal(0, 1.5 * np.prod(weight.shape[:-1]) ** -0.5, weight.shape)
            case "gamma" | "moving_variance":
                values = rng.uniform(0.5, 1, weight.shape)
            case _:
                values = rng.normal(0, 0.1, weight.shape)
        weight.assign(values)
    tiles = rng.normal(size=(2, 7 * odd["factor"], 9 * odd["factor"], 1)).astype(np.float32)
    own, other = compiled(network).score(tiles), openvino_score(network)(tiles)
    assert other.shape == tiles.shape[:3]
    assert own.std() > 1e-3
    np.testing.assert_allclose(other, own, rtol=0, atol=1e-3 * own.std())


def test_slices_above_and_below_and_a_stem_are_translated():
    network = build_network(small_config(3, context=1, stem_factor=2))
    tiles = np.random.default_rng(1).normal(size=(2, 24, 32, 3)).astype(np.float32)
    own, other = compiled(network).score(tiles), openvino_score(network)(tiles)
    assert own.shape == other.shape == (2, 24, 32)
    np.testing.assert_allclose(other, own, rtol=0, atol=SCORE_ATOL)


def test_threads_score_at_once():
    score = openvino_score(build_network(small_config(2)))
    tiles = np.random.default_rng(0).normal(size=(8, 1, 64, 64, 1)).astype(np.float32)
    alone = [score(each) for each in tiles]
    together = [None] * len(tiles)

    def put(i):
        together[i] = score(tiles[i])

    threads = [threading.Thread(target=put, args=(i,)) for i in range(len(tiles))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(together, alone)


def test_importing_openvino_reports_to_nobody(tmp_path):
    """A stand-in for the package that reports leaves a file where it is imported."""
    package = tmp_path / "openvino_telemetry"
    (package / "backend").mkdir(parents=True)
    told = f"import pathlib; pathlib.Path({str(tmp_path / 'told')!r}).touch(); raise ImportError"
    (package / "__init__.py").write_text(told)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "HOME": str(tmp_path)}
    for code, reported in (
        ("import openvino", True),
        ("import deepsxt_core.inference.openvino_runtime, openvino.tools.ovc", False),
    ):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        assert (tmp_path / "told").exists() is reported
        (tmp_path / "told").unlink(missing_ok=True)
    assert not (tmp_path / "intel").exists()


def engine(name, shift=0.0, device="CPU"):
    return Compiled(lambda tiles: np.zeros_like(tiles[..., 0]) + np.float32(shift), device, name)


@pytest.fixture
def measured(monkeypatch):
    """Two engines that say how long they take; a list counts the measurements."""
    taken, found, calls = {}, {}, []
    monkeypatch.setattr(engines._Others, "share", lambda _: 0.1)

    def compile_it(name):
        each = found[name]
        if isinstance(each, Exception):
            raise each
        return each

    def timed(score, _tiles):
        calls.append(score)
        wall = next(seconds for name, seconds in taken.items() if found[name].score is score)
        return wall, 1 / wall

    def prepare(own, other, **seconds):
        found.update(tensorflow=own, openvino=other)
        taken.update(seconds)
        return calls

    monkeypatch.setattr(engines, "compiled", lambda _: compile_it("tensorflow"))
    monkeypatch.setattr(engines, "on_openvino", lambda *_: compile_it("openvino"))
    monkeypatch.setattr(engines, "_timed", timed)
    return prepare


@pytest.mark.parametrize(
    ("other", "seconds", "expected"),
    [
        (engine("openvino"), {"tensorflow": 2, "openvino": 1}, "openvino"),
        (engine("openvino"), {"tensorflow": 1, "openvino": 2}, "tensorflow"),
        (engine("openvino", shift=0.01), {"tensorflow": 2, "openvino": 1}, "tensorflow"),
        (engine("openvino", shift=np.nan), {"tensorflow": 2, "openvino": 1}, "tensorflow"),
        (RuntimeError("no such instruction"), {}, "tensorflow"),
    ],
)
def test_the_faster_engine_scores_if_it_agrees(measured, tiny, other, seconds, expected):
    measured(engine("tensorflow"), other, **seconds)
    assert fastest(tiny).engine == expected


def test_a_gpu_is_left_to_keras_unmeasured(measured, kept, tiny):
    calls = measured(engine("tensorflow", device="H200"), engine("openvino"))
    assert fastest(tiny).engine == "tensorflow"
    assert calls == []
    assert not kept.exists()


def test_what_was_measured_is_known_again(measured, kept, tiny):
    calls = measured(engine("tensorflow"), engine("openvino"), tensorflow=2, openvino=1)
    fastest(tiny)
    before = len(calls)
    assert before > 0
    (entry,) = read_json(kept).values()
    assert entry["seconds"] == {"tensorflow": 2, "openvino": 1}
    assert fastest(model_of(tiny.network)).engine == "openvino"
    assert len(calls) == before
    fastest(model_of(tiny.network, "0" * 64))
    assert len(calls) == 2 * before


def test_on_a_busy_machine_the_processor_decides_and_that_is_kept_for_a_day(
    measured, kept, tiny, monkeypatch
):
    calls = measured(engine("tensorflow"), engine("openvino"), tensorflow=2, openvino=3)
    monkeypatch.setattr(engines._Others, "share", lambda _: 0.5)
    assert fastest(tiny).engine == "openvino"
    before = len(calls)
    assert fastest(model_of(tiny.network)).engine == "openvino"
    assert len(calls) == before
    entries = read_json(kept)
    next(iter(entries.values()))["measured"] -= 90_000
    write_json(kept, entries)
    fastest(model_of(tiny.network))
    assert len(calls) == 2 * before


def test_bfloat16_is_tried_where_it_was_measured_to_gain(measured, tiny, monkeypatch):
    from deepsxt_core.inference import openvino_runtime

    monkeypatch.setattr(openvino_runtime, "has_bfloat16", lambda: True)
    for number, (seconds, expected) in enumerate([(0.5, True), (0.95, False)]):
        exact, rough = engine("openvino"), engine("openvino")
        measured(exact, rough, tensorflow=1, openvino=seconds)
        both = {"float32": exact, "bfloat16": rough}
        monkeypatch.setattr(engines, "on_openvino", lambda _, name, both=both: both[name])
        model = model_of(tiny.network, str(number) * 64)
        assert engines.gains_by_bfloat16(model) is expected


def test_a_model_is_translated_once_and_then_scored_without_keras(monkeypatch, tmp_path):
    save_model(tmp_path / "model", small_network(), small_config(2), "")
    monkeypatch.setenv("DEEPSXT_ENGINE", "openvino")
    slices = np.random.default_rng(0).normal(size=(1, 32, 32)).astype(np.float32)
    expected = Predictor(load_model(tmp_path / "model")).score(slices)
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from deepsxt_core import settings\n"
        "settings.cache_folder = lambda: Path(sys.argv[1])\n"
        "from deepsxt_core.inference import Predictor\n"
        "from deepsxt_core.network import open_model\n"
        "predictor = Predictor(open_model(sys.argv[2]), precision='float32')\n"
        "np.save(sys.argv[4], predictor.score(np.load(sys.argv[3])))\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules), 'was loaded'\n"
    )
    np.save(tmp_path / "slices.npy", slices)
    arguments = [tmp_path / name for name in ("cache", "model", "slices.npy", "scores.npy")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), expected)
    (graph,) = (tmp_path / "cache" / "graphs").glob("*.xml")
    graph.write_text("damaged")
    again = Predictor(open_model(tmp_path / "model")).score(slices)
    np.testing.assert_array_equal(again, expected)
    monkeypatch.setattr(kept_graphs, "MOST_KEPT", 1)
    save_model(tmp_path / "other", build_network(small_config(3)), small_config(3), "")
    Predictor(open_model(tmp_path / "other"))
    (kept_one,) = (tmp_path / "cache" / "graphs").glob("*.xml")
    assert kept_one != graph


def test_a_resumed_run_goes_on_with_its_engine(monkeypatch, tmp_path):
    save_model(tmp_path / "model", small_network(), small_config(2), "")
    model = load_model(tmp_path / "model")
    values = np.random.default_rng(0).normal(size=(2, 1024, 1024)).astype(np.float32)
    monkeypatch.setattr(engines, "_choose", lambda *_: "openvino")
    arguments = (Volume.from_array(values), model, tmp_path / "out", SegmentParams(rotations=1))
    with pytest.raises(CancelledError):
        segmentation.segment(*arguments, StopAfter(1))
    engines._chosen.clear()
    monkeypatch.setattr(engines, "_choose", None)
    segmentation.segment(*arguments, resume=True)
    record = read_json(tmp_path / "out" / "run.json")
    assert record["engine"] == "openvino"
    assert record["resumed_slices"] > 0


def test_a_folder_that_cannot_be_written_harms_nothing(measured, kept, tiny):
    kept.parent.write_text("a file")
    measured(engine("tensorflow"), engine("openvino"), tensorflow=2, openvino=1)
    assert fastest(tiny).engine == "openvino"


def test_without_openvino_keras_scores(monkeypatch, tiny):
    monkeypatch.setattr(engines, "_has_openvino", lambda: False)
    assert fastest(tiny, "openvino").engine == "tensorflow"
    monkeypatch.setenv("DEEPSXT_ENGINE", "openvino")
    with pytest.raises(DeepSXTError, match="pip install openvino"):
        fastest(tiny)


def test_the_environment_and_what_scored_before_decide(monkeypatch, tiny):
    monkeypatch.setattr(engines, "_choose", None)
    for name in ("tensorflow", "openvino"):
        assert fastest(tiny, name).engine == name
    monkeypatch.setenv("DEEPSXT_ENGINE", "keras")
    assert fastest(tiny, "openvino").engine == "tensorflow"
    monkeypatch.setenv("DEEPSXT_ENGINE", "openvino")
    assert fastest(tiny).engine == "openvino"
    monkeypatch.setenv("DEEPSXT_ENGINE", "fastest")
    with pytest.raises(InvalidParameterError, match="DEEPSXT_ENGINE"):
        fastest(tiny)


def test_a_network_that_learns_is_scored_as_it_is_now(monkeypatch):
    """OpenVINO has a copy of the weights: a network in training is not for it."""
    monkeypatch.setenv("DEEPSXT_ENGINE", "openvino")
    network = build_network(small_config(2))
    slices = np.random.default_rng(0).normal(size=(1, 32, 32)).astype(np.float32)
    before = Predictor(network).score(slices)
    network.set_weights([w + 0.3 for w in network.get_weights()])
    assert Predictor(network).engine == "tensorflow"
    assert np.abs(Predictor(network).score(slices) - before).max() > 1e-3


def test_a_run_tells_its_engine(monkeypatch, tmp_path):
    save_model(tmp_path / "model", small_network(), small_config(2), "")
    model = load_model(tmp_path / "model")
    volume = Volume.from_array(np.random.default_rng(0).normal(size=(2, 32, 32)))
    for name in ("keras", "openvino"):
        monkeypatch.setenv("DEEPSXT_ENGINE", name)
        segmentation.segment(volume, model, tmp_path / name, SegmentParams())
    records = [read_json(tmp_path / name / "run.json") for name in ("keras", "openvino")]
    assert [record["engine"] for record in records] == ["tensorflow", "openvino"]
    assert records[0]["positive_fraction"] == pytest.approx(records[1]["positive_fraction"])
