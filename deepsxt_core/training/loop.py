"""The training itself: step after step within a budget, with checkpoints to go on from."""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from deepsxt_core.errors import CancelledError, InvalidParameterError
from deepsxt_core.files import written_beside
from deepsxt_core.progress import Progress
from deepsxt_core.training.devices import spread
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.records import CHECKPOINT_NAME, LOG_NAME, Row, write_log
from deepsxt_core.training.samples import Draws
from deepsxt_core.training.trainee import Trainee

logger = logging.getLogger(__name__)

MEASURING_SHARE = 0.2
"""Of a budget of time, what measuring on the way may take beside it."""

_WARM_UP = 0.03
# The first steps of Adam are as large as any and know least; a budget of time may jump over 3 %.
_WARM_UP_STEPS = 10


class Training:
    """A network being trained.

    Parameters
    ----------
    network : keras.Model
        From `build_network`, inside `spread`; its weights are changed.
    labelled : Draws
    unlabelled : Draws or None
        Where there are some, their batches alternate with labelled ones.
    measure : callable
        Returns the scores of the network on what is held back, with ``"f1"`` among them.
    chooses : bool
        Whether these scores choose the weights that are kept, and when patience is at its end;
        otherwise the last weights are kept, and only the budget ends the training.
    params : TrainingParams
    folder : Path
        For checkpoint and log; made if it does not exist.
    recipe : dict
        All that the result depends on: a checkpoint of another recipe is not continued.

    Attributes
    ----------
    rows : list of dict
        What was measured, oldest first; the first is of step 0, before training.
    best_step : int
        After which the network was best on what is held back, or the last one.
    chooses : bool
        As given.
    continued_from : int
        Step of the checkpoint that was found, 0 without one.
    """

    def __init__(
        self,
        network: keras.Model,
        labelled: Draws,
        unlabelled: Draws | None,
        measure: Callable[[], dict[str, float]],
        chooses: bool,
        params: TrainingParams,
        folder: Path,
        recipe: dict[str, Any],
    ) -> None:
        self.rows: list[Row] = []
        self.best_step = 0
        self.continued_from = 0
        self._network = network
        self._labelled, self._unlabelled = labelled, unlabelled
        self._measure = measure
        self.chooses = chooses
        self._params = params
        self._folder = folder
        self._recipe = json.loads(json.dumps(recipe))
        self._best: list[np.ndarray] = []
        self._step = 0
        self._before_s = 0.0
        self._measuring_s = 0.0
        self._began = time.monotonic()
        with spread():
            self._trainee = Trainee(network.inputs, network.outputs, name="trainee")
            self._trainee.with_unlabelled = unlabelled is not None
            self._optimizer = keras.optimizers.AdamW(
                params.learning_rate, weight_decay=1e-4, clipnorm=1.0
            )
            self._optimizer.build(self._trainee.trainable_variables)
            self._trainee.compile(self._optimizer)

    @property
    def seconds(self) -> float:
        """Time spent, that before a break included."""
        return self._before_s + time.monotonic() - self._began

    @property
    def training_seconds(self) -> float:
        """Time spent without measuring: what a budget of time is for."""
        return self.seconds - self._measuring_s

    @property
    def steps(self) -> int:
        """Batches learnt from."""
        return self._step

    def run(self, progress: Progress) -> None:
        """Train until the budget is spent, then load the weights that are kept.

        Raises
        ------
        CancelledError
            If the user stops; a checkpoint is written first, and the same call goes on from it.
        InvalidParameterError
            If the loss is no longer finite.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._restore()
        if not self.rows:
            self._note(float("nan"), self._measured())
        ticks = _Ticks(progress, self._params, self._budget_spent())
        with ThreadPoolExecutor(1) as drawing:
            try:
                self._train(drawing, ticks)
            except (CancelledError, KeyboardInterrupt):
                self._save()
                raise
        if self.chooses:
            self._network.set_weights(self._best)

    def _train(self, drawing: ThreadPoolExecutor, ticks: "_Ticks") -> None:
        upcoming = drawing.submit(self._draw, self._step)
        losses: list[float] = []
        spent = self._budget_spent()
        while spent < 1 or not self._step:
            image, truth = upcoming.result()
            upcoming = drawing.submit(self._draw, self._step + 1)
            self._optimizer.learning_rate = self._params.learning_rate * _rate(spent, self._step)
            self._trainee.reset_metrics()
            with spread():
                losses.append(float(self._trainee.train_on_batch(image, truth)))
            self._step += 1
            # Asked once a step: time that runs out in between would leave the last step unmeasured.
            spent = self._budget_spent()
            if spent >= 1 or self._measurement_due():
                self._check(losses)
                losses.clear()
                if self._is_exhausted():
                    logger.info("No better measurement in %s: stopping.", self._params.patience)
                    break
            elif self._step % self._params.validation_steps == 0:
                self._save()
            ticks.show(spent)

    def _draw(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        if self._unlabelled is None:
            batch, has_labels = self._labelled.draw(step), True
        else:
            has_labels = step % 2 == 0
            batch = (self._labelled if has_labels else self._unlabelled).draw(step // 2)
        kind = np.full_like(batch.weight[..., :1], has_labels)
        return batch.image, np.concatenate([batch.target, batch.weight, kind], axis=-1)

    def _budget_spent(self) -> float:
        """Return the part of the budget that is spent, 1 or more at the end."""
        params = self._params
        parts = [self._step / params.steps] if params.steps else []
        if params.minutes:
            parts.append(self.training_seconds / (60 * params.minutes))
        return max(parts)

    def _measurement_due(self) -> bool:
        """Whether it is time to measure, and a budget of time has some left for it."""
        if self._step % self._params.validation_steps:
            return False
        if not self._params.minutes:
            return True
        return self._measuring_s <= MEASURING_SHARE * self.training_seconds

    def _measured(self) -> dict[str, float]:
        begun = time.monotonic()
        scores = self._measure()
        self._measuring_s += time.monotonic() - begun
        return scores

    def _check(self, losses: Sequence[float]) -> None:
        loss = math.fsum(losses) / len(losses)
        if not math.isfinite(loss):
            raise InvalidParameterError(
                f"The loss is no longer finite after {self._step} steps. Lower learning_rate: "
                f"it is {self._params.learning_rate:g}."
            )
        scores = self._measured()
        self._note(loss, scores)
        if not self.chooses:
            self.best_step = self._step  # so that patience never ends
        elif not self._best or self.rows[-1]["f1"] > self.rows[self._best_row()]["f1"]:
            self._best = self._network.get_weights()
            self.best_step = self._step
        self._save()

    def _best_row(self) -> int:
        return next(i for i, row in enumerate(self.rows) if row["step"] == self.best_step)

    def _is_exhausted(self) -> bool:
        patience = self._params.patience
        return patience is not None and len(self.rows) - 1 - self._best_row() >= patience

    def _note(self, loss: float, scores: dict[str, float]) -> None:
        self.rows.append(
            {"step": self._step, "seconds": round(self.seconds, 1), "loss": round(loss, 6)}
        )
        self.rows[-1] |= {name: round(value, 5) for name, value in scores.items()}
        logger.info("Step %d: loss %.4f, F1 %.3f held back", self._step, loss, scores["f1"])
        write_log(self.rows, self._folder / LOG_NAME)

    def _save(self) -> None:
        state = {
            "recipe": self._recipe,
            "step": self._step,
            "best_step": self.best_step,
            "seconds": self.seconds,
            "measuring_seconds": self._measuring_s,
            "rows": self.rows,
        }
        arrays = {"state": np.array(json.dumps(state))}
        arrays |= {f"network_{i}": v for i, v in enumerate(map(_array, self._network.variables))}
        arrays |= {f"best_{i}": v for i, v in enumerate(self._best)}
        arrays |= {
            f"optimizer_{i}": v for i, v in enumerate(map(_array, self._optimizer.variables))
        }
        with written_beside(self._folder / CHECKPOINT_NAME) as partial:
            np.savez(partial, **arrays)  # type: ignore[arg-type]

    def _restore(self) -> None:
        path = self._folder / CHECKPOINT_NAME
        if not path.is_file():
            return
        with np.load(path) as found:
            state = json.loads(str(found["state"]))
            if state["recipe"] != self._recipe:
                logger.info("The checkpoint belongs to other data or parameters: starting anew.")
                return
            for name, variables in (
                ("network", self._network.variables),
                ("optimizer", self._optimizer.variables),
            ):
                for i, variable in enumerate(variables):
                    variable.assign(found[f"{name}_{i}"])
            count = sum(name.startswith("best_") for name in found.files)
            self._best = [found[f"best_{i}"] for i in range(count)]
        self.rows = state["rows"]
        self.best_step = state["best_step"]
        self._step = self.continued_from = state["step"]
        self._before_s = state["seconds"]
        self._measuring_s = state["measuring_seconds"]
        self._began = time.monotonic()
        logger.info("Going on from step %d.", self._step)


class _Ticks:
    """Turns the part of the budget that is spent into steps or seconds of a `Progress`."""

    def __init__(self, progress: Progress, params: TrainingParams, spent: float) -> None:
        by_time = params.minutes is not None
        self._total = round(60 * params.minutes) if params.minutes else params.steps or 1
        self._total = max(1, self._total)
        self._shown = self._reached(spent)
        self._progress = progress
        progress.stage("Training", self._total, "second" if by_time else "step", self._shown)

    def _reached(self, spent: float) -> int:
        return round(min(1.0, spent) * self._total)

    def show(self, spent: float) -> None:
        reached = self._reached(spent)
        self._progress.advance(reached - self._shown)
        self._shown = reached


def _rate(spent: float, step: int) -> float:
    """Return the learning rate against its highest, for a part of the budget."""
    rise = 0.05 + 0.95 * min(1.0, spent / _WARM_UP, step / _WARM_UP_STEPS)
    fall = min(1.0, max(0.0, spent - _WARM_UP) / (1 - _WARM_UP))
    return rise * 0.5 * (1 + math.cos(math.pi * fall))


def _array(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable))
