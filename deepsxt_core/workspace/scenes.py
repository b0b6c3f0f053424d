"""PyVista scenes of results, made when somebody first asks for them and kept beside the surface.

A scene is made by a child process (``python -m deepsxt_core.workspace.scenes``) within limits of
time and memory: whatever a graphics driver, an exporter or a large file does ends that process
alone. One is made at a time; who asks meanwhile waits, and what was made is found again.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from deepsxt_core.child_process import child_environment, signal_name
from deepsxt_core.errors import DeepSXTError, DrawingError, InvalidParameterError
from deepsxt_core.export.figures import offline_page
from deepsxt_core.export.volume_scene import SceneParams, build_scene
from deepsxt_core.files import written_beside
from deepsxt_core.geometry import VoxelSize
from deepsxt_core.io.limited import limit_process
from deepsxt_core.surface import Surfaces
from deepsxt_core.volume import Volume
from deepsxt_core.workspace.library import Tomogram, Workspace
from deepsxt_core.workspace.results import Result

COMMAND = (sys.executable, "-P", "-m", "deepsxt_core.workspace.scenes")
"""The command of the child process; `main` explains its arguments."""

SceneKind = Literal["page", "picture"]

_SUFFIXES: dict[SceneKind, str] = {"page": ".html", "picture": ".png"}
_OUT_OF_MEMORY = 3
_TOLD = 4
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneLimits:
    """What making a scene may cost.

    Attributes
    ----------
    timeout_s : float
        From the start of the process to its end.
    memory_bytes : int
        Beyond what the process has after its start; kept on Linux alone.
    """

    timeout_s: float = 120.0
    memory_bytes: int = 6 << 30

    def __post_init__(self) -> None:
        if not (self.timeout_s > 0 and self.memory_bytes > 0):
            raise InvalidParameterError(f"The limits of a scene must be above 0: got {self}.")


def scene_file(
    tomogram: Tomogram,
    surface: Result,
    params: SceneParams,
    kind: SceneKind = "page",
    limits: SceneLimits | None = None,
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
    limits = limits or SceneLimits()
    try:
        changed = tomogram.source.stat().st_mtime_ns
    except OSError as error:
        raise DrawingError(
            f"No scene: the file of '{tomogram.name}' cannot be read any more ({error.strerror})."
        ) from error
    content = hashlib.sha256(repr((asdict(params), changed)).encode()).hexdigest()[:16]
    path = surface.folder / "exports" / f"scene-{content}{_SUFFIXES[kind]}"
    with _one_at_a_time:
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            with written_beside(path) as beside:
                _made_by_child(tomogram, surface, params, kind, limits, beside)
    return path


def _made_by_child(
    tomogram: Tomogram,
    surface: Result,
    params: SceneParams,
    kind: SceneKind,
    limits: SceneLimits,
    out: Path,
) -> None:
    workspace = tomogram.folder.parents[1]
    arguments = [
        kind,
        str(workspace),
        tomogram.id,
        surface.id,
        str(out),
        json.dumps(asdict(params)),
    ]
    limiting = [str(limits.memory_bytes), str(int(limits.timeout_s) * 4 + 1)]
    try:
        ended = subprocess.run(
            [*COMMAND, *arguments, *limiting],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limits.timeout_s,
            check=False,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise DrawingError(
            f"No {kind} of the scene: making it took longer than {limits.timeout_s:g} s and was "
            "stopped."
        ) from error
    if ended.returncode or not out.is_file():
        reason = _reason(ended, limits)
        raise DrawingError(f"No {kind} of the scene: {reason}")


def _reason(ended: subprocess.CompletedProcess[str], limits: SceneLimits) -> str:
    code = ended.returncode
    if code < 0:
        return f"the process that makes it was ended by a signal ({signal_name(code)})."
    if code == _OUT_OF_MEMORY:
        return f"it needs more than {limits.memory_bytes / 1e9:.1f} GB of memory."
    if code == _TOLD:
        return ended.stdout.strip()
    last = (ended.stderr.strip().splitlines() or [f"exit code {code}"])[-1]
    return f"the process that makes it failed ({last})."


def made_with_voxel_size(volume: Volume, surface: Result) -> Volume:
    """Return a volume in the place that it had when `surface` was made.

    `volume` has the voxels that the surface's source has; its size may have been corrected since.
    """
    recipe = surface.run["recipe"]
    size = recipe["voxel_size_nm"]
    if size is None:
        return volume.with_voxel_size(None)
    z, y, x = recipe["origin_nm"]
    return replace(volume, voxel_size_nm=VoxelSize(*size), origin_nm=(z, y, x))


def _make(
    kind: SceneKind, tomogram: Tomogram, surface: Result, params: SceneParams, out: Path
) -> None:
    score_id = surface.run["recipe"]["score"]
    region = None if score_id is None else tomogram.result("scores", score_id).region
    score = None
    if score_id is not None:
        score = tomogram.score(score_id)
        score = replace(score, volume=made_with_voxel_size(score.volume, surface))
    plotter = build_scene(
        params,
        tomogram=made_with_voxel_size(tomogram.volume(region), surface),
        score=score,
        surfaces=Surfaces.load(surface.folder) if params.surfaces else None,
    )
    if kind == "picture":
        plotter.screenshot(out)
    else:
        out.write_text(offline_page(plotter, params.theme), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Make one scene, as `scene_file` asks for it; return the exit code."""
    parser = argparse.ArgumentParser(description="Make a scene of a surface.")
    parser.add_argument("kind", choices=tuple(_SUFFIXES))
    parser.add_argument("workspace", type=Path)
    parser.add_argument("tomogram")
    parser.add_argument("surface")
    parser.add_argument("out", type=Path)
    parser.add_argument("params", type=json.loads)
    parser.add_argument("memory_bytes", type=int)
    parser.add_argument("processor_s", type=int)
    given = parser.parse_args(arguments)
    limit_process(given.memory_bytes, given.processor_s)
    try:
        params = SceneParams(**given.params | {"plane_at": tuple(given.params["plane_at"])})
        tomogram = Workspace(given.workspace).tomogram(given.tomogram)
        surface = tomogram.result("surfaces", given.surface)
        _make(given.kind, tomogram, surface, params, given.out)
    except MemoryError:
        return _OUT_OF_MEMORY
    except DeepSXTError as error:
        sys.stdout.write(f"{error}\n")
        return _TOLD
    return 0


if __name__ == "__main__":
    sys.exit(main())
