"""Training of a model as a job; its fruit is a model in the library."""

from pathlib import Path

from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.requests import TrainRequest
from deepsxt_core.jobs.tasks.task import NETWORK, Task
from deepsxt_core.parameters import plain
from deepsxt_core.progress import Progress
from deepsxt_core.training.records import RECORD_NAME, checkpoint_steps
from deepsxt_core.workspace import Identity, Workspace
from deepsxt_core.workspace.data_roots import places_of
from deepsxt_core.workspace.results import RUN_NAME


def _identity(_workspace: Workspace, request: TrainRequest) -> Identity:
    from deepsxt_core.network import find_installed
    from deepsxt_core.training.pairing import files_fingerprint, find_pairs

    return {
        "step": "train",
        "name": request.name,
        "data": files_fingerprint(find_pairs(request.data, places_of(Path(request.data)))),
        "model_sha256": find_installed(request.base).sha256(),
        "fresh": request.fresh,
        "params": plain(request.params),
        "reading": plain(request.reading),
    }


def _check(_workspace: Workspace, request: TrainRequest) -> None:
    from deepsxt_core.network import new_model_folder

    new_model_folder(request.name)


def _run(_workspace: Workspace, request: TrainRequest, out: Path, progress: Progress) -> None:
    from deepsxt_core.network import find_installed, load_model, new_model_folder
    from deepsxt_core.network.compact import compact_config
    from deepsxt_core.network.library import installed_folder
    from deepsxt_core.training.datasets import open_training_set
    from deepsxt_core.training.finetune import finetune, train

    record = read_json(out / RECORD_NAME)
    # The model is there already if the worker died between its last two steps.
    if record is None or read_json(installed_folder(request.name) / RECORD_NAME) != record:
        folder = new_model_folder(request.name)
        found = open_training_set(
            request.data, request.reading, progress, places_of(Path(request.data))
        )
        progress.stage("Loading the model", 1, "model")
        model = load_model(find_installed(request.base).folder)
        progress.advance()
        if request.fresh:
            train(compact_config(), model, found, request.params, folder, progress, out)
        else:
            finetune(model, found, request.params, folder, progress, out)
        record = read_json(out / RECORD_NAME)
    write_json(out / RUN_NAME, record or {})


def _kept(work: Path) -> str:
    steps = checkpoint_steps(work)
    return f"{steps} step{'' if steps == 1 else 's'}" if steps else ""


TRAIN = Task(
    title="Training",
    device=NETWORK,
    identity=_identity,
    run=_run,
    check=_check,
    subject_name=lambda request: request.name,
    kept=_kept,
)
