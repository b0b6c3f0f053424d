import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.progress import NoProgress
from deepsxt_core.training import loop
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.records import CHECKPOINT_NAME, LOG_NAME
from tests.training.conftest import draw
from tests.training.stand_in_training import PARAMS, prepare, read_log
from tests.waiting import wait_until


class StopAfter:
    """A progress that raises after so many steps of the training, those before a break included."""

    def __init__(self, steps, error):
        self.left = steps
        self.error = error

    def stage(self, _name, _total, _unit, done=0):
        self.left -= done

    def advance(self, n=1):
        self.left -= n
        if self.left <= 0:
            raise self.error


class PowerCutError(BaseException):
    """Nothing can be saved when it comes."""


@pytest.fixture
def mixed(folder):
    """Labelled and unlabelled images: both losses take part."""
    folder.add_drawn("a", "b")
    folder.add("c", draw(7)[0])
    return folder.path


def run(data, folder, params=PARAMS, progress=None, *, chooses=True):
    training = prepare(data, folder, params, chooses=chooses)
    training.run(progress or NoProgress())
    return training


def assert_same_weights(one, two):
    for a, b in zip(one.network.get_weights(), two.network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("labelled_only", [True, False])
def test_training_learns(mixed, tmp_path, labelled_only):
    if labelled_only:
        (mixed / "c.tif").unlink()

    training = run(mixed, tmp_path / "out", replace(PARAMS, steps=120, validation_steps=40))

    assert max(row["f1"] for row in training.rows) > max(0.8, training.rows[0]["f1"])
    assert training.rows[-1]["loss"] < training.rows[1]["loss"]


def test_the_best_weights_are_kept_and_all_measurements_logged(mixed, tmp_path):
    training = run(mixed, tmp_path / "out")

    log = read_log(tmp_path / "out" / LOG_NAME)
    assert list(log) == [0, 4, 8, 12]
    del log[0]
    assert training.best_step == max(log, key=log.get)
    assert training._measure()["f1"] == pytest.approx(max(log.values()), abs=1e-4)


def ever_worse(training):
    """Let it measure less each time, so that the first measurement is the best one."""
    training._measure = lambda: {"f1": 1 / (2 + training.steps)}
    return training


def test_without_a_choice_the_last_weights_are_kept_and_patience_does_not_end_it(mixed, tmp_path):
    params = replace(PARAMS, patience=1)
    chosen = ever_worse(prepare(mixed, tmp_path / "chosen", params))
    chosen.run(NoProgress())
    last = ever_worse(prepare(mixed, tmp_path / "last", params, chooses=False))
    last.run(NoProgress())

    assert (chosen.steps, chosen.best_step) == (8, 4)
    assert (last.steps, last.best_step) == (12, 12)
    with np.load(tmp_path / "last" / CHECKPOINT_NAME) as found:
        for i, variable in enumerate(last.network.variables):
            np.testing.assert_array_equal(variable, found[f"network_{i}"])


@pytest.mark.parametrize("chooses", [True, False])
@pytest.mark.parametrize("error", [CancelledError("stop"), PowerCutError()])
def test_going_on_after_a_break_gives_the_same_weights(mixed, tmp_path, error, chooses):
    whole = run(mixed, tmp_path / "whole", chooses=chooses)
    with pytest.raises(type(error)):
        run(mixed, tmp_path / "broken", progress=StopAfter(7, error), chooses=chooses)

    broken = run(mixed, tmp_path / "broken", chooses=chooses)

    assert broken.continued_from == (7 if isinstance(error, CancelledError) else 4)
    assert (broken.steps, broken.best_step) == (whole.steps, whole.best_step)
    assert_same_weights(broken, whole)


def start(data, folder, steps, **environment):
    """Return the same training as a process of its own."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "tests.training.stand_in_training", data, folder, steps]
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path} | environment,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_train_too(mixed, tmp_path, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")

    with start(mixed, tmp_path / "out", 120, KERAS_BACKEND=backend) as process:
        assert process.wait() == 0

    log = read_log(tmp_path / "out" / LOG_NAME)
    assert max(log.values()) > max(0.8, log[0])


def test_two_devices_learn_what_one_does(mixed, tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    for devices in (1, 2):
        flags = f"--xla_force_host_platform_device_count={devices}"
        folder = tmp_path / str(devices)
        with start(mixed, folder, 12, KERAS_BACKEND="jax", XLA_FLAGS=flags) as process:
            assert process.wait() == 0

    with (np.load(tmp_path / "1" / CHECKPOINT_NAME) as one,
          np.load(tmp_path / "2" / CHECKPOINT_NAME) as two):  # fmt: skip
        for name in (name for name in one.files if name.startswith("network_")):
            np.testing.assert_allclose(one[name], two[name], rtol=1e-3, atol=1e-4)


def test_a_killed_process_goes_on_to_the_same_weights(mixed, tmp_path):
    with start(mixed, tmp_path / "killed", 2000) as process:
        checkpoint = tmp_path / "killed" / CHECKPOINT_NAME
        wait_until(lambda: checkpoint.is_file() or process.poll() is not None)
        process.kill()
    assert checkpoint.is_file()
    reached = max(read_log(tmp_path / "killed" / LOG_NAME))
    assert 4 <= reached < 2000

    killed = prepare(mixed, tmp_path / "killed", replace(PARAMS, steps=2000))
    with pytest.raises(CancelledError):
        killed.run(StopAfter(reached + 10, CancelledError("stop")))
    whole = prepare(mixed, tmp_path / "whole", replace(PARAMS, steps=2000))
    with pytest.raises(CancelledError):
        whole.run(StopAfter(reached + 10, CancelledError("stop")))

    assert killed.continued_from >= 4
    assert killed.steps == whole.steps == reached + 10
    assert_same_weights(killed, whole)


def test_a_checkpoint_of_another_recipe_is_not_continued(mixed, tmp_path):
    with pytest.raises(CancelledError):
        run(mixed, tmp_path / "out", progress=StopAfter(7, CancelledError("stop")))

    assert run(mixed, tmp_path / "out", replace(PARAMS, seed=1)).continued_from == 0


def test_training_ends_when_it_gets_no_better(mixed, tmp_path):
    params = replace(PARAMS, steps=400, learning_rate=1e-9, patience=2, validation_steps=1)

    training = run(mixed, tmp_path / "out", params)

    assert training.steps < 400
    assert training.steps - training.best_step == 2


def test_a_budget_of_time_ends_training_after_a_step_at_least(mixed, tmp_path):
    training = run(mixed, tmp_path / "out", replace(PARAMS, steps=None, minutes=1e-9))

    assert training.steps == training.best_step == 1


def test_the_last_step_is_measured_whenever_time_runs_out(mixed, tmp_path):
    for asked in range(3, 7):
        training = prepare(mixed, tmp_path / str(asked), PARAMS, chooses=False)
        times = iter([0.5] * asked)
        training._budget_spent = lambda times=times: next(times, 1.0)
        training.run(NoProgress())

        assert training.steps == training.best_step == training.rows[-1]["step"]


def test_a_loss_that_is_not_finite_is_told(mixed, tmp_path):
    with pytest.raises(InvalidParameterError, match="learning_rate"):
        run(mixed, tmp_path / "out", replace(PARAMS, learning_rate=1e38))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"minutes": None}, "minutes or steps"),
        ({"minutes": 0.0}, "minutes"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"crop_px": 8}, "crop_px"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, name):
    with pytest.raises(InvalidParameterError, match=name):
        TrainingParams(**wrong)


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize("measuring_s", [0.5, 100.0])
def test_a_budget_of_time_is_for_training(mixed, tmp_path, monkeypatch, measuring_s):
    """However slow measuring is, the steps that fit into the budget are made."""
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    training = prepare(mixed, tmp_path, replace(PARAMS, minutes=0.5, steps=None))
    measure, step = training._measure, training._trainee.train_on_batch

    def slow_measure():
        clock.now += measuring_s
        return measure()

    def slow_step(*batch):
        clock.now += 1.0
        return step(*batch)

    monkeypatch.setattr(training, "_measure", slow_measure)
    monkeypatch.setattr(training._trainee, "train_on_batch", slow_step)
    training.run(NoProgress())
    assert training.steps == 30
    on_the_way = len(training.rows) - 2
    assert on_the_way * measuring_s <= loop.MEASURING_SHARE * 30 + measuring_s
    assert on_the_way == (0 if measuring_s == 100 else 7)
