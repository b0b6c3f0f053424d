"""A model from labels of one's own: fine-tuned from another, or trained from fresh weights."""

import json
import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras

from deepsxt_core.files import read_json, write_json
from deepsxt_core.network import (
    Model,
    ModelInfo,
    NetworkConfig,
    build_network,
    find_model,
    save_model,
)
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training.batches import Pair
from deepsxt_core.training.datasets import Source, TrainingSet
from deepsxt_core.training.devices import device_count, spread
from deepsxt_core.training.held_back import can_choose, glance, measure
from deepsxt_core.training.loop import Training
from deepsxt_core.training.outcome import TrainingResult, card
from deepsxt_core.training.panels import write_panels
from deepsxt_core.training.params import CROP_STEP_PX, TrainingParams
from deepsxt_core.training.records import (
    CHECKPOINT_NAME,
    LOG_NAME,
    PANELS_NAME,
    RECORD_NAME,
    REFERENCE_NAME,
    write_log,
)
from deepsxt_core.training.rehearsal import Rehearsal
from deepsxt_core.training.samples import Draws, Samples
from deepsxt_core.training.splits import Split, split

logger = logging.getLogger(__name__)


def finetune(
    base: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None = None,
    work: Path | None = None,
    tomograms: Sequence[Pair] = (),
) -> TrainingResult:
    """Train a model further on own labels and save it as the model folder `out`.

    Beside the model lie ``training.csv``, all that was measured on the way, ``examples.png``
    (image, label, reconstruction and prediction of data held back) and ``training.json``, how it
    came about.

    The checkpoint, and these files as they grow, lie in `work` until then; the same call after a
    break goes on from there. What is kept is the model that was best on the data held back where
    that is enough to choose by, otherwise the last one; also if it is worse than the base: its
    card then says so.

    Parameters
    ----------
    base : Model
        Is not changed.
    data : TrainingSet
    params : TrainingParams
    out : Path
    progress : Progress, optional
    work : Path, optional
        Kept without the checkpoint when all is done. Default: a hidden folder beside `out`, which
        is deleted.
    tomograms : sequence of (ndarray, ndarray)
        Simulated tomograms (z, y, x), membranes dark, and their truth, to rehearse beside drawn
        slices.

    Raises
    ------
    TrainingDataError
        If no part of the data can be held back.
    CancelledError
        If the user stops.
    """
    keras.utils.set_random_seed(params.seed)
    with spread():
        network = build_network(base.config)
    network.set_weights(base.network.get_weights())
    # A few small crops cannot tell the statistics of all slices: the ones of the base are better.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    origin = {"base": base.info.sha256()}
    story = f"Fine-tuned from {base.info.name!r}"
    return _train(
        network, base.config, base, data, params, out, progress, work, origin, story, tomograms
    )


def train(
    config: NetworkConfig,
    reference: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None = None,
    work: Path | None = None,
) -> TrainingResult:
    """Train a network from fresh weights; otherwise as `finetune`.

    Parameters
    ----------
    config : NetworkConfig
    reference : Model
        To compare with.
    data, params, out, progress, work
        As in `finetune`.
    """
    keras.utils.set_random_seed(params.seed)
    origin = {"config": config.to_dict(), "reference": reference.info.sha256()}
    with spread():
        network = build_network(config)
    story = "Trained from fresh weights"
    return _train(network, config, reference, data, params, out, progress, work, origin, story)


def _train(
    network: keras.Model,
    config: NetworkConfig,
    base: Model,
    data: TrainingSet,
    params: TrainingParams,
    out: Path,
    progress: Progress | None,
    work: Path | None,
    origin: dict[str, Any],
    story: str,
    tomograms: Sequence[Pair] = (),
) -> TrainingResult:
    parts = split(data, params.split)
    folder = work or out.with_name(f".{out.name}.training")
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {**origin, "data": data.fingerprint(), "params": asdict(params)}
    base_scores = _reference(folder, base, data, parts, recipe)

    def look() -> dict[str, float]:
        write_panels(network, data, parts.validation, folder / PANELS_NAME)
        return glance(network, data, parts.validation)

    training = Training(
        network,
        _samples(data, parts, params, config.divisor, tomograms),
        _unlabelled_samples(data, parts, params, config.divisor),
        look,
        can_choose(data, parts.validation),
        params,
        folder,
        recipe,
    )
    training.run(progress or NoProgress())
    result = TrainingResult(
        info=ModelInfo(out.name, out, ""),
        base=base.info.name,
        scores=measure(network, data, parts.validation),
        base_scores=base_scores,
        steps=training.steps,
        best_step=training.best_step,
        chosen=training.chooses,
        seconds=training.seconds,
        continued_from=training.continued_from,
        rule=parts.rule,
    )
    write_log(training.rows, folder / LOG_NAME)
    write_panels(network, data, parts.validation, folder / PANELS_NAME)
    write_json(folder / RECORD_NAME, result.to_json() | {"recipe": recipe, "data": data.counts()})
    made = folder / "model"
    save_model(made, network, config, card(result, data, parts, params, story))
    _publish(folder, made, out)
    if work is None:
        shutil.rmtree(folder)
    else:
        (folder / CHECKPOINT_NAME).unlink()
    logger.info("%s", result.verdict)
    return replace(result, info=find_model(out))


def _publish(folder: Path, made: Path, out: Path) -> None:
    """Let a model and the records in `folder` become the model folder `out`."""
    for name in (LOG_NAME, PANELS_NAME, RECORD_NAME):
        shutil.copyfile(folder / name, made / name)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        shutil.rmtree(out)
    made.rename(out)


def _reference(
    folder: Path, base: Model, data: TrainingSet, parts: Split, recipe: dict[str, Any]
) -> dict[str, float]:
    """Measure the base, unless that was done before a break, and note it for who looks on."""
    path = folder / REFERENCE_NAME
    known = read_json(path) or {}
    wanted = json.loads(json.dumps(recipe))
    if known.get("recipe") != wanted:
        scores = measure(base.network, data, parts.validation)
        sizes = {_pixel_nm(data.sources[block.source]) for block in parts.validation}
        known = {
            "name": base.info.name,
            "scores": scores,
            "glance": glance(base.network, data, parts.validation),
            "pixel_nm": sizes.pop() if len(sizes) == 1 else None,
            "recipe": wanted,
        }
        write_json(path, known)
    return known["scores"]


def _pixel_nm(source: Source) -> float | None:
    size = source.image.voxel_size_nm
    return None if size is None else size.x


def _samples(
    data: TrainingSet,
    parts: Split,
    params: TrainingParams,
    divisor: int,
    tomograms: Sequence[Pair],
) -> Draws:
    fitting = _fitting(params, divisor)
    simulated = min(round(params.rehearsal * fitting.batch_size), fitting.batch_size - 1)
    own = replace(fitting, batch_size=fitting.batch_size - simulated)
    if simulated == 0:
        return Samples(data, parts.training, **own.sampling())
    return Rehearsal(Samples(data, parts.training, **own.sampling()), fitting, simulated, tomograms)


def _unlabelled_samples(
    data: TrainingSet, parts: Split, params: TrainingParams, divisor: int
) -> Samples | None:
    if not parts.unlabelled:
        return None
    others = _fitting(params, divisor).sampling() | {"seed": 2 * params.seed + 1}
    return Samples(data, parts.unlabelled, **others)


def _fitting(params: TrainingParams, divisor: int) -> TrainingParams:
    """Return the parameters with crops that the network can halve as often as it does.

    Batches are rounded up to an equal part for each device.
    """
    devices = device_count()
    batch_size = math.ceil(params.batch_size / devices) * devices
    step = math.lcm(divisor, CROP_STEP_PX)
    return replace(params, batch_size=batch_size, crop_px=max(1, params.crop_px // step) * step)
