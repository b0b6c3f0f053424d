"""A model from labels of one's own: fine-tuned from another, or trained from fresh weights."""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from deepsxt_core.files import read_json, write_json
from deepsxt_core.network import (
    Model,
    ModelInfo,
    NetworkConfig,
    build_network,
    find_model,
    save_model,
)
from deepsxt_core.network.architecture import CLASS_PART
from deepsxt_core.progress import NoProgress, Progress
from deepsxt_core.training.batches import Pair
from deepsxt_core.training.datasets import Source, TrainingSet
from deepsxt_core.training.devices import spread
from deepsxt_core.training.held_back import can_choose, glance, measure
from deepsxt_core.training.left_out import Verdict, left_out_regions, verdict
from deepsxt_core.training.loop import Training
from deepsxt_core.training.mixing import labelled_samples, unlabelled_samples
from deepsxt_core.training.outcome import TrainingResult, card
from deepsxt_core.training.panels import write_panels
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.records import (
    CHECKPOINT_NAME,
    LOG_NAME,
    PANELS_NAME,
    RECORD_NAME,
    REFERENCE_NAME,
    write_log,
)
from deepsxt_core.training.splits import Split, split, taught_by_all

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

    It has the classes of the data: what the base knows of them it goes on from, and classes that
    the data lacks are given up.

    Beside the model lie ``training.csv``, all that was measured on the way, ``examples.png``
    (image, label, reconstruction and prediction of data held back) and ``training.json``, how it
    came about.

    The checkpoint, and these files as they grow, lie in `work` until then; the same call after a
    break goes on from there. What is kept is the model that was best on the data held back where
    that is enough to choose by. Otherwise regions are left out in turn to tell whether teaching
    helps, and the model that learnt from all of them is kept, after its last step; also if it is
    worse than the base: its card then says so.

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
    progress = progress or NoProgress()
    origin = {"base": base.info.sha256()}
    config = replace(base.config, classes=data.classes)
    story = f"Fine-tuned from {base.info.name!r}"
    parts = split(data, params.split)
    regions = left_out_regions(data, parts, params)
    judged = None
    if regions:
        folder = _work(out, work)
        recipe = {**origin, "data": data.fingerprint(), "params": asdict(params)}
        short = params.within(1 / len(regions))

        def teach(part: Split, scratch: Path, told: Progress) -> keras.Model:
            network = _to_tune(base, config, params)
            samples = (
                labelled_samples(data, part, short, base.config, tomograms),
                unlabelled_samples(data, part, short, base.config),
            )
            look = partial(glance, network, data, part.validation)
            part_recipe = {**recipe, "without": part.rule}
            Training(network, *samples, look, False, short, scratch, part_recipe).run(told)
            return network

        judged = verdict(data, regions, base.network, teach, folder, recipe, progress)
        parts = taught_by_all(data, parts, f"{len(regions)} regions, each left out in turn")
    network = _to_tune(base, config, params)
    return _train(
        *(network, config, base, data, parts, params, out, progress, work, origin, story),
        tomograms,
        judged,
    )


def _to_tune(base: Model, config: NetworkConfig, params: TrainingParams) -> keras.Model:
    """Return a copy of the network of the base, with the classes of `config`.

    Those that the base does not know begin with fresh weights in the last layer.
    """
    keras.utils.set_random_seed(params.seed)
    with spread():
        network = build_network(config)
    known = base.config.classes
    same = [(n, known.index(name)) for n, name in enumerate(config.classes) if name in known]
    for variable, taught in zip(network.weights, base.network.weights, strict=True):
        values = keras.ops.convert_to_numpy(taught)
        if config.classes != known and variable.path.startswith(CLASS_PART):
            # A transposed convolution has its outputs before its inputs.
            axis = -2 if variable.path.endswith("_up_0/kernel") else -1
            new = np.moveaxis(keras.ops.convert_to_numpy(variable).copy(), axis, 0)
            for new_channel, old_channel in same:
                new[new_channel] = np.moveaxis(values, axis, 0)[old_channel]
            values = np.moveaxis(new, 0, axis)
        variable.assign(values)
    # A few small crops cannot tell the statistics of all slices: the ones of the base are better.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return network


def _work(out: Path, work: Path | None) -> Path:
    folder = work or out.with_name(f".{out.name}.training")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
        But for its classes, which are those of the data.
    reference : Model
        To compare with.
    data, params, out, progress, work
        As in `finetune`.
    """
    keras.utils.set_random_seed(params.seed)
    config = replace(config, classes=data.classes)
    origin = {"config": config.to_dict(), "reference": reference.info.sha256()}
    with spread():
        network = build_network(config)
    story = "Trained from fresh weights"
    parts = split(data, params.split)
    return _train(
        *(network, config, reference, data, parts, params, out, progress, work, origin, story)
    )


def _train(
    network: keras.Model,
    config: NetworkConfig,
    base: Model,
    data: TrainingSet,
    parts: Split,
    params: TrainingParams,
    out: Path,
    progress: Progress | None,
    work: Path | None,
    origin: dict[str, Any],
    story: str,
    tomograms: Sequence[Pair] = (),
    judged: Verdict | None = None,
) -> TrainingResult:
    folder = _work(out, work)
    recipe = {**origin, "data": data.fingerprint(), "params": asdict(params)}
    base_scores = _reference(folder, base, data, parts, recipe, judged)

    def look() -> dict[str, float]:
        write_panels(network, data, parts.validation, folder / PANELS_NAME)
        return glance(network, data, parts.validation)

    training = Training(
        network,
        labelled_samples(data, parts, params, config, tomograms),
        unlabelled_samples(data, parts, params, config),
        look,
        judged is None and can_choose(data, parts.validation),
        params,
        folder,
        recipe,
    )
    training.run(progress or NoProgress())
    result = TrainingResult(
        info=ModelInfo(out.name, out, ""),
        base=base.info.name,
        scores=judged.scores if judged else measure(network, data, parts.validation),
        base_scores=base_scores,
        regions=judged.regions if judged else (),
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
    folder: Path,
    base: Model,
    data: TrainingSet,
    parts: Split,
    recipe: dict[str, Any],
    judged: Verdict | None,
) -> dict[str, float]:
    """Measure the base, unless that is done already, and note it for who looks on.

    And whether what is looked at on the way is learnt from.
    """
    path = folder / REFERENCE_NAME
    known = read_json(path) or {}
    wanted = json.loads(json.dumps(recipe))
    if known.get("recipe") != wanted:
        sizes = {_pixel_nm(data.sources[block.source]) for block in parts.validation}
        known = {
            "name": base.info.name,
            "scores": judged.base_scores
            if judged
            else measure(base.network, data, parts.validation),
            "glance": glance(base.network, data, parts.validation),
            "pixel_nm": sizes.pop() if len(sizes) == 1 else None,
            "is_seen": judged is not None,
            "recipe": wanted,
        }
        write_json(path, known)
    return known["scores"]


def _pixel_nm(source: Source) -> float | None:
    size = source.image.voxel_size_nm
    return None if size is None else size.x
