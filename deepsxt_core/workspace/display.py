"""Display pyramids of tomograms, scores and truths: where they lie, and how they come there.

They are kept in ``tomograms/<id>/display/<version>.ome.zarr``. That of a tomogram has a version
that changes with its file, that of a score the id of the score, that of a truth one that
changes with its file. Each is made once, in the background, by a process of its own
(`deepsxt_core.workspace.making`), one at a time: whoever asks meanwhile is told how far it is.
"""

import hashlib
import re
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from deepsxt_core import access
from deepsxt_core.access import Access
from deepsxt_core.errors import BusyError, DeepSXTError, VolumeError
from deepsxt_core.files import delete_folder, read_json, write_json
from deepsxt_core.io.pyramid import build_pyramid
from deepsxt_core.progress import NoProgress
from deepsxt_core.workspace import making
from deepsxt_core.workspace.library import Workspace
from deepsxt_core.workspace.results import Result
from deepsxt_core.workspace.tomogram import Tomogram
from deepsxt_core.workspace.truths import truth_codes, truth_id

MOST_WAITING = 64
RETRY_AFTER_S = 60.0
"""How long a failure is told before the pyramid is tried again."""

_SUFFIX = ".ome.zarr"
_VERSION = re.compile(r"[0-9a-f]{12}")

State = Literal["ready", "making", "failed"]


@dataclass(frozen=True, slots=True)
class Display:
    """The pyramid of a tomogram, a score or a truth, there or not.

    Attributes
    ----------
    path : Path
        Where it lies.
    version : str
        Changes with what it shows.
    order : dict
        What the process that makes it is told.
    """

    path: Path
    version: str
    order: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How far a pyramid is.

    Attributes
    ----------
    state : {"ready", "making", "failed"}
    progress : float
        From 0 to 1.
    problem : str
        Why it failed.
    """

    state: State
    progress: float = 0.0
    problem: str = ""


def source_version(tomogram: Tomogram) -> str:
    """Return what changes whenever the voxels of a tomogram do.

    Raises
    ------
    VolumeError
        If its file is gone.
    """
    try:
        return _file_version(tomogram.source, tomogram.dataset)
    except OSError as error:
        raise VolumeError(
            f"The file of '{tomogram.name}' cannot be read any more: {error.strerror}. "
            "Put it back, or open the tomogram again."
        ) from error


def _file_version(path: Path, dataset: str | None) -> str:
    stat = path.stat()
    content = (str(path), dataset, stat.st_mtime_ns, stat.st_size)
    return hashlib.sha256(repr(content).encode()).hexdigest()[:12]


def grey_display(tomogram: Tomogram) -> Display:
    """Return the pyramid of a tomogram.

    Raises
    ------
    VolumeError
        If its file is gone.
    """
    return _display(tomogram, source_version(tomogram), None)


def score_display(tomogram: Tomogram, score: Result) -> Display:
    """Return the pyramid of a score."""
    return _display(tomogram, score.id, score.id)


def truth_display(tomogram: Tomogram, truth: Path, ignore_label: int | None = None) -> Display:
    """Return the pyramid of a truth, as `truth_codes` tells it, wherever it lies.

    Raises
    ------
    VolumeError
        If its file is gone.
    """
    try:
        version = f"{truth_id(truth)}-{_file_version(truth, None)}-judged"
    except OSError as error:
        raise VolumeError(f"'{truth.name}' cannot be read any more: {error.strerror}.") from error
    version += "" if ignore_label is None else f"-{ignore_label}"
    return _display(tomogram, version, None, truth, ignore_label)


def _display(
    tomogram: Tomogram,
    version: str,
    score_id: str | None,
    truth: Path | None = None,
    ignore_label: int | None = None,
) -> Display:
    path = tomogram.folder / "display" / f"{version}{_SUFFIX}"
    order = {
        "file": "display",
        "tomogram": [str(tomogram.folder.parents[1]), tomogram.id],
        "score": score_id,
        "truth": truth and str(truth),
        "ignore_label": ignore_label,
        "path": str(path),
    }
    return Display(path, version, order)


_lock = threading.Lock()
_turn = threading.Semaphore(1)
_under_way: set[Path] = set()
_failed: dict[Path, tuple[float, str]] = {}


def prepare(display: Display) -> Preparation:
    """Return how far a pyramid is; begin to make it if nobody has.

    Raises
    ------
    BusyError
        If too many others wait.
    """
    with _lock:
        if (display.path / "zarr.json").is_file():
            return Preparation("ready", 1.0)
        when, problem = _failed.get(display.path, (-RETRY_AFTER_S, ""))
        if time.monotonic() - when < RETRY_AFTER_S and problem:
            return Preparation("failed", problem=problem)
        if display.path not in _under_way:
            if len(_under_way) >= MOST_WAITING:
                raise BusyError(f"{MOST_WAITING} tomograms are being prepared. Try again later.")
            _under_way.add(display.path)
            known = access.found()
            threading.Thread(target=_make, args=(display, known), daemon=True).start()
    told = read_json(_progress_file(display.path)) or {}
    return Preparation("making", told.get("progress", 0.0))


def _make(display: Display, known: Access | None) -> None:
    problem = ""
    try:
        with _turn, access.given(known):
            if making.in_process:
                build(display.order)
            else:
                making.make_by_child(display.order, display.path)
    except DeepSXTError as error:
        problem = str(error)
    except BaseException:
        problem = "The planes could not be prepared; the log of the server says why."
        raise
    finally:
        with _lock:
            _under_way.discard(display.path)
            _failed.pop(display.path, None)
            if problem:
                _failed[display.path] = (time.monotonic(), problem)


def build(order: Mapping[str, Any]) -> Path:
    """Make the pyramid that was ordered, in the process that was started for it.

    Raises
    ------
    DeepSXTError
        If the tomogram, the score or the truth cannot be read.
    """
    path = Path(order["path"])
    workspace, tomogram_id = order["tomogram"]
    tomogram = Workspace(Path(workspace)).tomogram(tomogram_id)
    path.parent.mkdir(exist_ok=True)
    # Another server may share the workspace.
    with FileLock(path.parent / ".lock"):
        if (path / "zarr.json").is_file():
            return path
        _sweep(path.parent)
        progress = _Told(_progress_file(path))
        try:
            if order["truth"] is not None:
                codes = truth_codes(tomogram, Path(order["truth"]), order["ignore_label"])
                build_pyramid(codes, path, "labels", progress)
            elif order["score"] is None:
                build_pyramid(tomogram.volume(), path, "grey", progress)
                _drop_older(path)
            else:
                build_pyramid(tomogram.score(order["score"]).placed, path, "score", progress)
        finally:
            progress.path.unlink(missing_ok=True)
    return path


class _Told(NoProgress):
    """Keeps in a file how far the work is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done, self._total = 0, 1

    def stage(self, name: str, total: int, unit: str, done: int = 0) -> None:  # noqa: ARG002
        self._done, self._total = done, total
        self.advance(0)

    def advance(self, n: int = 1) -> None:
        self._done += n
        write_json(self.path, {"progress": self._done / self._total})


def _progress_file(path: Path) -> Path:
    return path.with_name(f".{path.name.removesuffix(_SUFFIX)}.progress.json")


def _sweep(folder: Path) -> None:
    """Delete what processes have left that were killed; nobody else is at work here."""
    for leftover in folder.glob(".*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)


def _drop_older(path: Path) -> None:
    """Delete the pyramids of what the file held before."""
    for other in path.parent.glob(f"*{_SUFFIX}"):
        if other != path and _VERSION.fullmatch(other.name.removesuffix(_SUFFIX)):
            delete_folder(other)
