"""What a segmentation will take, told before it starts: time, memory, disk.

Time and memory are those of the last run of the same model here, scaled to the slices asked for;
before the first run they are unknown. Disk is the most that a score can take: a byte per voxel.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from deepsxt_core.errors import DeepSXTError
from deepsxt_core.files import read_json, write_json
from deepsxt_core.room import require_quota

_KNOWN_RUNS = "speeds.json"
_SURFACES = "surfaces"
# Of a simulated cell on two cores; what a workspace has seen itself takes its place.
_SURFACE_S_PER_MEGAVOXEL = 0.6
# Metadata, the record of slabs, and what a file system rounds up.
_SLICE_OVERHEAD_BYTES = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a segmentation will take.

    Attributes
    ----------
    slices : int
        How many there are to score.
    disk_bytes, free_bytes : int
        What the score takes at most, and what is free where it goes.
    folder : Path
        Where it goes.
    seconds : float or None
        About; None before the first run of the model.
    memory_bytes, available_bytes : int or None, int
        The most that the last run held, and what this computer can give.
    device : str or None
        That `seconds` is for.
    """

    slices: int
    disk_bytes: int
    free_bytes: int
    folder: Path
    seconds: float | None = None
    memory_bytes: int | None = None
    available_bytes: int
    device: str | None = None

    def require_room(self) -> None:
        """Do nothing if disk and memory will do.

        Raises
        ------
        DeepSXTError
            If not, with the numbers and what would do; if the quota of the workspace will not.
        """
        require_quota(self.disk_bytes, self.folder)
        if self.disk_bytes > self.free_bytes:
            fitting = self.free_bytes * self.slices // self.disk_bytes
            instead = f", or segment at most {fitting} slices at once" if fitting else ""
            raise DeepSXTError(
                f"The disk is too full: {self.slices} slices need up to "
                f"{_text(self.disk_bytes)} at {self.folder}, and {_text(self.free_bytes)} are "
                f"free. Free some space{instead}."
            )
        if self.memory_bytes is not None and self.memory_bytes > self.available_bytes:
            raise DeepSXTError(
                f"The memory is too small: this model needed {_text(self.memory_bytes)} the last "
                f"time, and {_text(self.available_bytes)} are available. Close other programs, "
                "wait until other jobs have ended, or take a smaller model."
            )


def estimate(
    folder: Path,
    slices: int,
    height: int,
    width: int,
    *,
    workspace: Path | None = None,
    model_sha256: str = "",
    tiling: str = "full",
    rotations: int = 1,
    classes: int = 1,
) -> Estimate:
    """Estimate what scoring `slices` of `height` by `width` pixels into `folder` will take.

    There is a score for each of the `classes` of the model.

    Time and memory are known only if `workspace` has seen the model and the tiling before.
    """
    existing = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    known = (read_json(workspace / _KNOWN_RUNS) or {}) if workspace else {}
    last = known.get(f"{model_sha256[:20]}-{tiling}", {})
    pace = last.get("seconds_per_megapixel")
    return Estimate(
        slices=slices,
        disk_bytes=classes * slices * (height * width + _SLICE_OVERHEAD_BYTES),
        free_bytes=shutil.disk_usage(existing).free,
        folder=existing,
        seconds=pace and pace * slices * height * width / 1e6 * rotations,
        memory_bytes=last.get("peak_memory_bytes"),
        available_bytes=psutil.virtual_memory().available,
        device=last.get("device"),
    )


def remember(workspace: Path, run: Mapping[str, Any]) -> None:
    """Keep the pace and the memory of a finished segmentation, from its ``run.json``."""
    _, height, width = run["input"]["shape"]
    params = run["params"]
    path = workspace / _KNOWN_RUNS
    megapixels = height * width * params["rotations"] / 1e6
    entry = {
        "seconds_per_megapixel": run["seconds_per_slice"] / megapixels,
        "peak_memory_bytes": run["peak_memory_bytes"],
        "device": run["device"],
    }
    key = f"{run['model']['sha256'][:20]}-{params['tiling']}"
    write_json(path, (read_json(path) or {}) | {key: entry})


def surface_seconds(voxels: float, workspace: Path | None) -> float:
    """Estimate what surfaces of a score of so many voxels will take, with writing and view."""
    known = (read_json(workspace / _KNOWN_RUNS) or {}) if workspace else {}
    pace = known.get(_SURFACES, {}).get("seconds_per_megavoxel", _SURFACE_S_PER_MEGAVOXEL)
    return float(pace * voxels / 1e6)


def remember_surfaces(workspace: Path, voxels: float, seconds: float) -> None:
    """Keep the pace of surfaces that were made."""
    path = workspace / _KNOWN_RUNS
    entry = {"seconds_per_megavoxel": 1e6 * seconds / voxels}
    write_json(path, (read_json(path) or {}) | {_SURFACES: entry})


def peak_memory_bytes() -> int:
    """Return the most main memory that this process has held."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _text(size_bytes: float) -> str:
    if size_bytes < 1e8:
        return f"{size_bytes / 1e6:.2g} MB"
    return f"{size_bytes / 1e9:.2g} GB" if size_bytes < 1e10 else f"{size_bytes / 1e9:.0f} GB"
