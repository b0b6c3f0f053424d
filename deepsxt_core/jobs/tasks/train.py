"""Training of a model as a job; its fruit is a model in the library."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.tasks.task import NETWORK, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.training.records import RECORD_NAME, checkpoint_steps
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.data_roots import places_of

if TYPE_CHECKING:
    from deepsxt_core.training.datasets import DataParams
    from deepsxt_core.training.params import TrainingParams


def _parsed(params: Params) -> "tuple[str, str, str, bool, TrainingParams, DataParams]":
    """Return name, folder of the data, base, whether from fresh weights, and the parameters."""
    from deepsxt_core.training.datasets import DataParams
    from deepsxt_core.training.params import TrainingParams

    name, rest = required(params, "name", "what the new model is called")
    data, rest = required(rest, "data", "a folder of images and labels")
    base, rest = required(rest, "base", "the model to start from or to compare with")
    fresh = rest.pop("fresh", False)
    training = TrainingParams.from_json(rest.pop("params", {}))
    reading = checked(DataParams, rest.pop("reading", {}))
    if rest:
        raise InvalidParameterError(f"A parameter of the job is not known: {', '.join(rest)}.")
    return name, data, base, bool(fresh), training, reading


def _recipe(_workspace: Workspace, params: Params) -> dict[str, Any]:
    from deepsxt_core.network import find_installed
    from deepsxt_core.training.datasets import files_fingerprint, find_pairs

    name, data, base, fresh, training, reading = _parsed(params)
    return {
        "step": "train",
        "name": name,
        "data": files_fingerprint(find_pairs(data, places_of(Path(data)))),
        "model_sha256": find_installed(base).sha256(),
        "fresh": fresh,
        "params": asdict(training),
        "reading": asdict(reading),
    }


def _check(_workspace: Workspace, params: Params) -> None:
    from deepsxt_core.network import new_model_folder

    new_model_folder(_parsed(params)[0])


def _run(_workspace: Workspace, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.network import find_installed, load_model, new_model_folder
    from deepsxt_core.network.compact import compact_config
    from deepsxt_core.network.library import installed_folder
    from deepsxt_core.training.datasets import open_training_set
    from deepsxt_core.training.finetune import finetune, train

    name, data, base, fresh, training, reading = _parsed(params)
    record = read_json(out / RECORD_NAME)
    # The model is there already if the worker died between its last two steps.
    if record is None or read_json(installed_folder(name) / RECORD_NAME) != record:
        folder = new_model_folder(name)
        found = open_training_set(data, reading, progress, places_of(Path(data)))
        progress.stage("Loading the model", 1, "model")
        model = load_model(find_installed(base).folder)
        progress.advance()
        if fresh:
            train(compact_config(), model, found, training, folder, progress, out)
        else:
            finetune(model, found, training, folder, progress, out)
        record = read_json(out / RECORD_NAME)
    write_json(out / "run.json", record or {})


def _kept(work: Path) -> str:
    steps = checkpoint_steps(work)
    return f"{steps} step{'' if steps == 1 else 's'}" if steps else ""


TRAIN = Task(
    title="Training",
    device=NETWORK,
    recipe=_recipe,
    run=_run,
    check=_check,
    subject_name=lambda params: str(params.get("name", "")),
    kept=_kept,
)
