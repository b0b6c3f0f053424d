"""``deepsxt train | finetune``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from deepsxt_core.cli.opening import native_stderr_silenced
from deepsxt_core.cli.options import Outcome, command
from deepsxt_core.files import safe_name
from deepsxt_core.network import DEFAULT_MODEL, load_model, new_model_folder
from deepsxt_core.progress import Progress
from deepsxt_core.training.datasets import open_training_set
from deepsxt_core.training.left_out import left_out_regions, sentences
from deepsxt_core.training.params import TrainingParams
from deepsxt_core.training.reading import DataParams
from deepsxt_core.training.splits import SplitParams, split

Name = Annotated[str | None, Parameter(help="Of the new model; left out, that of the folder.")]
Check = Annotated[
    bool, Parameter(help="Only check the data and tell how it is split.", negative="")
]


@command
def finetune(
    data: Path,
    /,
    *,
    base: str = DEFAULT_MODEL,
    name: Name = None,
    check: Check = False,
    reading: DataParams,
    splitting: Annotated[dict[str, Any], SplitParams],
    training: Annotated[dict[str, Any], TrainingParams],
    progress: Progress,
) -> Outcome:
    """Train a model further on own labels.

    Parameters
    ----------
    data
        Folder of NAME.tif with NAME.labels.tif, or without.
    base
        Name or folder of the model to start from.
    """
    params = _params(training, splitting)
    return _train(data, base, name, check, reading, params, progress, fresh=False)


@command
def train(
    data: Path,
    /,
    *,
    base: str = DEFAULT_MODEL,
    name: Name = None,
    check: Check = False,
    reading: DataParams,
    splitting: Annotated[dict[str, Any], SplitParams],
    training: Annotated[dict[str, Any], TrainingParams],
    progress: Progress,
) -> Outcome:
    """Train a compact model from fresh weights.

    Parameters
    ----------
    data
        Folder of NAME.tif with NAME.labels.tif, or without.
    base
        Name or folder of a model to compare with.
    """
    params = _params(training, splitting)
    return _train(data, base, name, check, reading, params, progress, fresh=True)


def _params(training: dict[str, Any], splitting: dict[str, Any]) -> TrainingParams:
    if training.get("steps") is not None:
        # Steps alone are a budget too.
        training = {"minutes": None, **training}
    if "seed" in training:
        splitting = {**splitting, "seed": training["seed"]}
    return TrainingParams(**training, split=SplitParams(**splitting))


def _train(
    folder: Path,
    base_name: str,
    name: str | None,
    check: bool,
    reading: DataParams,
    params: TrainingParams,
    progress: Progress,
    *,
    fresh: bool,
) -> Outcome:
    name = safe_name(name or folder.resolve().name)
    out = None if check else new_model_folder(name)
    data = open_training_set(folder, reading, progress)
    parts = split(data, params.split)
    regions = [] if fresh else [one.name for one in left_out_regions(data, parts, params)]
    report: dict[str, Any] = {
        "data": data.counts(),
        "classes": list(data.classes),
        "held_back": parts.rule,
        "training_blocks": len(parts.training),
        "validation_blocks": len(parts.validation),
        "regions": regions,
    }
    if out is None:
        return Outcome([*_data_text(report), *_plan_text(regions, params)], report)
    with native_stderr_silenced():
        from deepsxt_core.network.compact import compact_config
        from deepsxt_core.training import finetune as loops

        base = load_model(base_name)
    if fresh:
        result = loops.train(compact_config(), base, data, params, out, progress)
    else:
        result = loops.finetune(base, data, params, out, progress)
    lines = [
        *_data_text(report),
        *sentences(result.regions),
        f"{result.steps} steps in {result.seconds / 60:.1f} minutes, {result.choice}",
        result.verdict,
        f"Model  {result.info.folder}",
    ]
    return Outcome(
        lines,
        report
        | {
            "name": result.info.name,
            "folder": str(result.info.folder),
            "base": result.base,
            "steps": result.steps,
            "best_step": result.best_step,
            "chosen": result.chosen,
            "seconds": round(result.seconds, 1),
            "continued_from": result.continued_from,
            "scores": result.scores,
            "base_scores": result.base_scores,
            "better": result.is_better,
            "regions": [asdict(one) for one in result.regions],
        },
    )


def _plan_text(regions: list[str], params: TrainingParams) -> list[str]:
    """Return how long it takes to leave regions out, if any are."""
    if not regions:
        return []
    short = params.within(1 / len(regions))
    each = f"{short.minutes:.3g} minutes" if short.minutes else f"{short.steps} steps"
    return [
        f"{len(regions)} regions are left out in turn instead, {each} each and measuring: "
        f"{', '.join(regions)}. Then the model learns from all."
    ]


def _data_text(report: dict[str, Any]) -> list[str]:
    data = report["data"]
    return [
        f"{data['files']} files: {data['labelled_slices']} labelled and "
        f"{data['unlabelled_slices']} unlabelled slices, {data['membrane_px']:,} pixels of "
        f"{', '.join(report['classes'])}",
        f"Measured on {report['validation_blocks']} blocks: {report['held_back']}",
    ] + ([f"Inverted: {', '.join(data['inverted'])}"] if data["inverted"] else [])
