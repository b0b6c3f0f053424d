"""What each kind of job does: its recipe, its work, and the lock that it needs.

A recipe names all that the result depends on, with every default filled in, so that the same
wish is recognised however it is expressed. What a task needs from the rest of the core is
imported when it is used: pages that only look at jobs pay neither for TensorFlow nor for VTK.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from deepsxt_core.errors import InvalidParameterError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.jobs.store import JobKind
from deepsxt_core.preflight import Estimate, estimate, remember
from deepsxt_core.progress import Progress
from deepsxt_core.workspace import ResultKind, Tomogram

Params = Mapping[str, Any]

SCENE_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
"""Themes that a surface is drawn in: the page shows the one that fits its own."""


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of job.

    Attributes
    ----------
    result_kind : ResultKind
        What it makes.
    lock_name : str
        File in the workspace's jobs folder; of all jobs with the same, one works at a time.
    recipe : callable
        ``recipe(tomogram, params)`` checks the parameters and returns all that the result
        depends on.
    run : callable
        ``run(tomogram, params, out, progress)`` writes the result and, last, its ``run.json``
        into the folder `out`.
    check : callable, optional
        ``check(tomogram, params)`` raises a `DeepSXTError` if there is too little room.
    """

    result_kind: ResultKind
    lock_name: str
    recipe: Callable[[Tomogram, Params], dict[str, Any]]
    run: Callable[[Tomogram, Params, Path, Progress], None]
    check: Callable[[Tomogram, Params], None] | None = None


def _segment_recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import find_model

    model, rest = _split(params, "model", "the model to use")
    return {
        "step": "segment",
        "input_sha256": tomogram.input_sha256(),
        "dataset": tomogram.dataset,
        "model_sha256": find_model(model).sha256(),
        "params": asdict(_checked(SegmentParams, rest)),
    }


def segment_estimate(tomogram: Tomogram, params: Params) -> Estimate:
    """Tell what a segmentation job will take; `params` as in its request.

    Raises
    ------
    DeepSXTError
        If the tomogram or the model is gone, or a parameter is out of its range.
    """
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import find_model

    model, rest = _split(params, "model", "the model to use")
    checked = _checked(SegmentParams, rest)
    depth, height, width = tomogram.volume().shape
    z0, z1 = checked.z_range(depth)
    return estimate(
        tomogram.folder,
        z1 - z0,
        height,
        width,
        workspace=_workspace_folder(tomogram),
        model_sha256=find_model(model).sha256(),
        tiling=checked.tiling,
        rotations=checked.rotations,
    )


def _segment_check(tomogram: Tomogram, params: Params) -> None:
    segment_estimate(tomogram, params).require_room()


def _workspace_folder(tomogram: Tomogram) -> Path:
    return tomogram.folder.parent.parent


def _segment(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core import pipeline
    from deepsxt_core.inference import SegmentParams
    from deepsxt_core.network import load_model

    name, rest = _split(params, "model", "the model to use")
    progress.stage("Loading the model", 1, "model")
    model = load_model(name)
    progress.advance()
    pipeline.segment(
        tomogram.volume(),
        model,
        out,
        _checked(SegmentParams, rest),
        progress,
        resume=True,
        input_sha256=tomogram.input_sha256(),
    )
    remember(_workspace_folder(tomogram), read_json(out / "run.json") or {})


def _reconstruct_recipe(tomogram: Tomogram, params: Params) -> dict[str, Any]:
    from deepsxt_core.surface import ReconstructParams

    score, rest = _split(params, "score", "the result to start from")
    voxel_size_nm = tomogram.score(score).volume.voxel_size_nm
    return {
        "step": "reconstruct",
        "score": score,
        "voxel_size_nm": voxel_size_nm,
        "params": asdict(_checked(ReconstructParams, rest)),
    }


def _reconstruct(tomogram: Tomogram, params: Params, out: Path, progress: Progress) -> None:
    from deepsxt_core import pipeline
    from deepsxt_core.surface import ReconstructParams
    from deepsxt_core.surface.scene import write_scene

    begun = time.monotonic()
    score, rest = _split(params, "score", "the result to start from")
    checked = _checked(ReconstructParams, rest)
    surfaces = pipeline.reconstruct(tomogram.score(score), checked, progress)
    surfaces.save(out)
    scenes = {}
    progress.stage("Drawing", len(SCENE_THEMES), "view")
    for theme in SCENE_THEMES:
        html, picture = out / f"scene-{theme}.html", out / f"scene-{theme}.png"
        scene = write_scene(surfaces, html, picture, theme=theme)
        scenes[theme] = {
            "html": scene.html and scene.html.name,
            "picture": scene.picture and scene.picture.name,
            "faces_shown": scene.faces_shown,
            "note": scene.note,
        }
        progress.advance()
    seconds = round(time.monotonic() - begun, 3)
    run = {"params": asdict(checked), "scenes": scenes, "seconds": seconds}
    write_json(out / "run.json", run)


def _split(params: Params, name: str, meaning: str) -> tuple[str, dict[str, Any]]:
    rest = dict(params)
    value = rest.pop(name, None)
    if not isinstance(value, str):
        raise InvalidParameterError(f"The job needs '{name}', {meaning}: got {value!r}.")
    return value, rest


def _checked(params_type: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    try:
        return params_type(**values)
    except TypeError as error:
        raise InvalidParameterError(f"A parameter of the job is not known: {error}.") from error


TASKS: dict[JobKind, Task] = {
    # Two locks: a surface takes seconds on the processor and must not wait for hours behind a
    # segmentation that holds the accelerator.
    "segment": Task("scores", "network.lock", _segment_recipe, _segment, _segment_check),
    "reconstruct": Task("surfaces", "surface.lock", _reconstruct_recipe, _reconstruct),
}
