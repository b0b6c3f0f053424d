"""Segmentation of a tomogram as a job."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsxt_core import settings
from deepsxt_core.files import read_json
from deepsxt_core.inference import CHECKPOINT_NAME, Checkpoint
from deepsxt_core.jobs.tasks.task import NETWORK, Params, Task, checked, required
from deepsxt_core.progress import Progress
from deepsxt_core.workflow.preflight import Estimate, estimate, remember
from deepsxt_core.workspace import Tomogram


def segment_estimate(tomogram: Tomogram, params: Params) -> Estimate:
    """Tell what a segmentation job will take; `params` as in its request.

    Raises
    ------
    DeepSXTError
        If the tomogram or the model is gone, or a parameter is out of its range.
    """
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import find_installed

    model, rest = required(params, "model", "the model to use")
    wanted = checked(SegmentParams, rest)
    depth, height, width = wanted.region.shape_of(tomogram.volume().shape)
    z0, z1 = wanted.z_range(depth)
    return estimate(
        tomogram.folder,
        z1 - z0,
        height,
        width,
        # What this computer has measured says nothing about a cluster.
        workspace=None if settings.scheduler() else _workspace_folder(tomogram),
        model_sha256=find_installed(model).sha256(),
        tiling=wanted.tiling,
        rotations=wanted.rotations,
    )


def _recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import find_installed

    model, rest = required(params, "model", "the model to use")
    return {
        "step": "segment",
        "input_sha256": tomogram.input_sha256(),
        "dataset": tomogram.dataset,
        "model_sha256": find_installed(model).sha256(),
        "params": asdict(checked(SegmentParams, rest)),
    }


def _check(tomogram: Tomogram, params: Params) -> None:
    segment_estimate(tomogram, params).require_room()


def _workspace_folder(tomogram: Tomogram) -> Path:
    return tomogram.folder.parent.parent


def _run(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import find_installed, load_model
    from deepsxt_core.workflow import segmentation

    name, rest = required(params, "model", "the model to use")
    progress.stage("Loading the model", 1, "model")
    model = load_model(find_installed(name).folder)
    progress.advance()
    segmentation.segment(
        tomogram.volume(),
        model,
        out,
        checked(SegmentParams, rest),
        progress,
        resume=True,
        input_sha256=tomogram.input_sha256(),
        scheduler=settings.scheduler(),
    )
    if settings.scheduler() is None:
        remember(_workspace_folder(tomogram), read_json(out / "run.json") or {})


def kept_slices(work: Path) -> int:
    """Return how many finished slices lie in the folder of a job that ended early."""
    checkpoint = Checkpoint.read(work / CHECKPOINT_NAME)
    return sum(slab.end - slab.first for slab in checkpoint.slabs) if checkpoint else 0


def _kept(work: Path) -> str:
    count = kept_slices(work)
    return f"{count} finished slice{'' if count == 1 else 's'}" if count else ""


SEGMENT = Task(
    title="Segmentation",
    device=NETWORK,
    recipe=_recipe,
    run=_run,
    result_kind="scores",
    check=_check,
    kept=_kept,
)
