"""PyVista scenes of results, made when somebody first asks for them and kept beside the surface.

A scene is made by a process of its own (`deepsxt_core.workspace.making`) within limits of time and
memory: whatever a graphics driver, an exporter or a large file does ends that process alone. One is
made at a time; who asks meanwhile waits, and what was made is found again.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from deepsxt_core.errors import DeepSXTError, DrawingError
from deepsxt_core.export.figures import offline_page
from deepsxt_core.export.scene_params import SceneParams
from deepsxt_core.export.volume_scene import build_scene
from deepsxt_core.files import written_beside
from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import Score
from deepsxt_core.workspace.making import MakingLimits, make_by_child
from deepsxt_core.workspace.results import Result, made_with_voxel_size
from deepsxt_core.workspace.tomogram import Tomogram

SceneKind = Literal["page", "picture"]

SCENE_LIMITS = MakingLimits(timeout_s=120.0, memory_bytes=6 << 30)
"""What making a scene may cost."""

_SUFFIXES: dict[SceneKind, str] = {"page": ".html", "picture": ".png"}
_one_at_a_time = threading.Lock()


def scene_file(
    tomogram: Tomogram,
    surface: Result,
    params: SceneParams,
    kind: SceneKind = "page",
    limits: MakingLimits = SCENE_LIMITS,
) -> Path:
    """Return a scene of a surface and what it was made from, made if it is not there.

    Parameters
    ----------
    kind : {"page", "picture"}
        An HTML page that turns in a browser and asks for nothing, or a PNG picture.

    Raises
    ------
    DrawingError
        If it cannot be made here, or not within the limits.
    """

    def failure(reason: str) -> DrawingError:
        return DrawingError(f"No {kind} of the scene: {reason}")

    try:
        changed = tomogram.source.stat().st_mtime_ns
    except OSError as error:
        raise DrawingError(
            f"No scene: the file of '{tomogram.name}' cannot be read any more ({error.strerror})."
        ) from error
    content = hashlib.sha256(repr((asdict(params), changed)).encode()).hexdigest()[:16]
    path = surface.folder / "exports" / f"scene-{content}{_SUFFIXES[kind]}"
    with _one_at_a_time:
        if path.is_file():
            return path
        path.parent.mkdir(exist_ok=True)
        with written_beside(path) as beside:
            order = {
                "file": "scene",
                "tomogram": [str(tomogram.folder.parents[1]), tomogram.id],
                "result": str(surface.folder),
                "kind": kind,
                "params": asdict(params),
                "out": str(beside),
            }
            try:
                make_by_child(order, beside, limits, failure)
            except DrawingError:
                raise
            except DeepSXTError as error:
                raise failure(str(error)) from error
            if not beside.is_file():
                raise failure("its process wrote nothing (exit code 0).")
    return path


def draw(
    tomogram: Tomogram, surface: Result, *, kind: SceneKind, params: Mapping[str, Any], out: str
) -> None:
    """Make one scene, as `scene_file` orders it, in the process that was started for it.

    Raises
    ------
    DeepSXTError
        If the tomogram or the results cannot be read, or lack what the scene is to show.
    """
    wanted = SceneParams(**{**params, "plane_at": tuple(params["plane_at"])})
    score_id = surface.identity.get("score")
    region = surface.annotated_region
    if score_id is not None:
        region = tomogram.result("scores", score_id).region
    source = None if score_id is None else tomogram.surface_source(surface)
    plotter = build_scene(
        wanted,
        tomogram=made_with_voxel_size(tomogram.volume(region), surface),
        score=source if isinstance(source, Score) else None,
        surfaces=Surfaces.load(surface.folder) if wanted.surfaces else None,
    )
    if kind == "picture":
        plotter.screenshot(out)
    else:
        Path(out).write_text(offline_page(plotter, wanted.theme), encoding="utf-8")
