"""A model from labels of one's own: fine-tuned from another, or trained from fresh weights."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from deepsxt_core.network import Model, ModelInfo, NetworkConfig, build_network, save_model
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training.datasets import TrainingSet
from deepsxt_core.training.held_back import TOLERANCE_PX, measure
from deepsxt_core.training.loop import LOG_NAME, Training, write_log
from deepsxt_core.training.panels import write_panels
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.samples import Samples
from deepsxt_core.training.splits import Split, split

logger = logging.getLogger(__name__)

PANELS_NAME = "examples.png"
_SCORE_NAMES = {
    "f1": "F1",
    "tolerant_f1": f"F1 within {TOLERANCE_PX:g} px",
    "precision": "precision",
    "recall": "recall",
    "iou": "IoU",
    "accuracy": "accuracy",
}


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out of training.

    Attributes
    ----------
    info : ModelInfo
        The new model.
    base : str
        Name of the model that it is compared with.
    scores, base_scores : dict
        Of the new model and of the base, on the same data held back.
    steps, best_step : int
        Batches learnt from, and after which of them the model was kept.
    seconds : float
        Time spent.
    continued_from : int
        Step that a broken run went on from, 0 if it ran through.
    rule : str
        How data was held back.
    """

    info: ModelInfo
    base: str
    scores: dict[str, float]
    base_scores: dict[str, float]
    steps: int
    best_step: int
    seconds: float
    continued_from: int
    rule: str

    @property
    def is_better(self) -> bool:
        """Whether its F1 on the data held back is above that of the base."""
        return self.scores["f1"] > self.base_scores["f1"]

    @property
    def verdict(self) -> str:
        """Say in one sentence whether the model is better than the base."""
        new, old = self.scores["f1"], self.base_scores["f1"]
        found = f"F1 {new:.3f} against {old:.3f} of {self.base!r} on the data held back"
        if self.is_better:
            return f"Better than its base: {found}."
        return f"Not better than its base, prefer {self.base!r}: {found}."


def finetune(
    base: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train a model further on own labels and save it as the model folder `out`.

    Beside the model lie ``training.csv``, all that was measured on the way, and ``examples.png``:
    image, label, reconstruction and prediction of data held back.

    Checkpoints lie beside `out` until it is done; the same call after a break goes on from the
    last one. What is kept is the model that was best on the data held back, also if it is worse
    than the base: its card then says so.

    Parameters
    ----------
    base : Model
        Is not changed.
    data : TrainingSet
    params : TrainingParams
    out : Path
    progress : Progress, optional

    Raises
    ------
    TrainingDataError
        If no part of the data can be held back.
    CancelledError
        If the user stops.
    """
    keras.utils.set_random_seed(params.seed)
    network = build_network(base.config)
    network.set_weights(base.network.get_weights())
    origin = {"base": base.info.sha256()}
    story = f"Fine-tuned from {base.info.name!r}"
    return _train(network, base.config, base, data, params, out, progress, origin, story)


def train(
    config: NetworkConfig,
    reference: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train a network from fresh weights; otherwise as `finetune`.

    Parameters
    ----------
    config : NetworkConfig
    reference : Model
        To compare with.
    data, params, out, progress
        As in `finetune`.
    """
    keras.utils.set_random_seed(params.seed)
    origin = {"config": config.to_dict(), "reference": reference.info.sha256()}
    network = build_network(config)
    story = "Trained from fresh weights"
    return _train(network, config, reference, data, params, out, progress, origin, story)


def _train(
    network: keras.Model,
    config: NetworkConfig,
    base: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None,
    origin: dict[str, Any],
    story: str,
) -> TrainingResult:
    parts = split(data, params.split)
    checkpoints = out.with_name(f".{out.name}.training")
    training = Training(
        network,
        _samples(data, parts, params, config.divisor),
        _unlabelled_samples(data, parts, params, config.divisor),
        _measuring(network, data, parts),
        params,
        checkpoints,
        {**origin, "data": data.fingerprint(), "params": asdict(params)},
    )
    training.run(progress or NoProgress())
    base_scores = measure(base.network, data, parts.validation)
    result = TrainingResult(
        info=ModelInfo(out.name, out, ""),
        base=base.info.name,
        scores=measure(network, data, parts.validation),
        base_scores=base_scores,
        steps=training.steps,
        best_step=training.best_step,
        seconds=training.seconds,
        continued_from=training.continued_from,
        rule=parts.rule,
    )
    card = _card(result, data, parts, params, story)
    info = save_model(out, network, config, card)
    write_log(training.rows, out / LOG_NAME)
    write_panels(network, data, parts.validation, out / PANELS_NAME)
    shutil.rmtree(checkpoints)
    logger.info("%s", result.verdict)
    return replace(result, info=info)


def _crop_px(params: TrainingParams, divisor: int) -> int:
    return max(1, params.crop_px // divisor) * divisor


def _samples(data: TrainingSet, parts: Split, params: TrainingParams, divisor: int) -> Samples:
    return Samples(
        data,
        parts.training,
        batch_size=params.batch_size,
        crop_px=_crop_px(params, divisor),
        positive_weight=params.positive_weight,
        seed=2 * params.seed,
    )


def _unlabelled_samples(
    data: TrainingSet, parts: Split, params: TrainingParams, divisor: int
) -> Samples | None:
    if not parts.unlabelled:
        return None
    return Samples(
        data,
        parts.unlabelled,
        batch_size=params.batch_size,
        crop_px=_crop_px(params, divisor),
        positive_weight=1.0,
        seed=2 * params.seed + 1,
    )


def _measuring(
    network: keras.Model, data: TrainingSet, parts: Split
) -> Callable[[], dict[str, float]]:
    return lambda: measure(network, data, parts.validation)


def _card(
    result: TrainingResult, data: TrainingSet, parts: Split, params: TrainingParams, story: str
) -> str:
    counts = data.counts()
    table = "\n".join(
        f"| {label} | {result.scores[name]:.3f} | {result.base_scores[name]:.3f} |"
        for name, label in _SCORE_NAMES.items()
    )
    names = ", ".join(source.name for source in data.sources if source.labelled)
    return f"""# {result.info.name}

{story} on own labels. {result.verdict}

| | |
|---|---|
| Trained on | {len(parts.training)} blocks of labelled slices, {len(parts.unlabelled)} unlabelled slices |
| Labelled files | {names} |
| Labels | {counts["labelled_slices"]} slices, {counts["membrane_px"]:,} membrane pixels |
| Measured on | {len(parts.validation)} blocks: {parts.rule} |
| Membranes | dark |
| Training | {result.steps} steps in {result.seconds / 60:.1f} minutes, kept after step {result.best_step}; seed {params.seed} |
| Licence | that of the data and of the base model |

At threshold 0, one orientation, on the data held back. It also chose the step that was kept, so
these numbers are a little too good; measure on data that the training never saw.

| | {result.info.name} | {result.base} |
|---|---|---|
{table}
"""  # noqa: E501
