"""What a soak looks at besides the pages: kept files, memory, processes, what is left behind."""

import hashlib
import json
import os
import threading
import time
from pathlib import Path

import psutil

from benchmarks.soak_server import Server
from deepsxt_core import jobs
from deepsxt_core.workspace import Workspace
from deepsxt_core.workspace.annotations import annotations

LOOK_S = 5.0
# A worker may live on for a moment after it has told its end; one that is killed leaves helpers.
_ORPHAN_S = 60.0
_MB = 2**20


class Kept:
    """What the app has said is there: files of sources and results, and changes of annotations."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files: dict[str, dict[Path, str]] = {}
        self._versions: dict[tuple[str, str], int] = {}

    def note(self, tomogram_id: str) -> None:
        """Remember the source of a tomogram and all its complete results."""
        folder = self._workspace.tomogram(tomogram_id).folder
        runs = folder.glob("results/*/[!.]*/run.json")
        files = [*folder.glob("source/*"), *(each for run in runs for each in _files(run.parent))]
        known = self._files.setdefault(tomogram_id, {})
        known.update({path: _digest(path) for path in files if path not in known})

    def note_version(self, tomogram_id: str, annotation_id: str, version: int) -> None:
        """Remember how many changes of an annotation were acknowledged."""
        self._versions[tomogram_id, annotation_id] = version

    def forget(self, tomogram_id: str) -> None:
        """Expect nothing any more of a tomogram that was deleted."""
        self._files.pop(tomogram_id, None)
        self._versions = {
            key: value for key, value in self._versions.items() if key[0] != tomogram_id
        }

    @property
    def files(self) -> int:
        """How many are looked after."""
        return sum(len(files) for files in self._files.values())

    def losses(self) -> list[str]:
        """Return what is gone or is another than it was."""
        found = [
            f"{path.relative_to(self._workspace.folder)} {'changed' if path.is_file() else 'gone'}"
            for files in self._files.values()
            for path, digest in files.items()
            if not path.is_file() or _digest(path) != digest
        ]
        for (tomogram_id, annotation_id), version in self._versions.items():
            made = annotations(self._workspace.tomogram(tomogram_id))
            kept = next((each for each in made if each.id == annotation_id), None)
            entries = -1
            if kept is not None:
                with kept.open() as opened:
                    entries = opened.entries
            if entries < version:
                found.append(f"annotation {annotation_id}: {entries} of {version} changes")
        return found


class Watch(threading.Thread):
    """Looks every few seconds at the server and at all processes that work in its workspace."""

    def __init__(self, server: Server, workspace: Workspace, out: Path) -> None:
        super().__init__(daemon=True)
        self.samples: list[dict] = []
        self.orphans: set[str] = set()
        self._server, self._workspace, self._out = server, workspace, out
        self._unknown: dict[int, float] = {}
        self._stop_now, self._begun = threading.Event(), time.monotonic()

    def run(self) -> None:
        """Look until `stop` is called."""
        with self._out.open("a") as out:
            while not self._stop_now.wait(LOOK_S):
                sample = self._sample()
                self.samples.append(sample)
                print(json.dumps(sample), file=out, flush=True)

    def stop(self) -> None:
        """End it."""
        self._stop_now.set()
        self.join()

    def _sample(self) -> dict:
        pid = self._server.pid
        sample: dict = {"s": round(time.monotonic() - self._begun), "server": pid}
        try:
            server = psutil.Process(pid) if pid else None
            if server is not None:
                with server.oneshot():
                    sample |= {
                        "memory_mb": round(server.memory_info().rss / _MB, 1),
                        "files": server.num_fds(),
                        "threads": server.num_threads(),
                    }
        except psutil.NoSuchProcess:
            pass
        found = working_in(self._workspace.folder)
        sample["processes"] = len(found)
        sample["disk_mb"] = round(sum(_size(path) for path in _files(self._workspace.folder)) / _MB)
        self._look_for_orphans(found)
        return sample

    def _look_for_orphans(self, found: list[psutil.Process]) -> None:
        active = {job.status.pid for job in jobs.list_jobs(self._workspace) if job.active}
        owners, now = {self._server.pid, *active}, time.monotonic()
        unknown = {}
        for process in found:
            try:
                above = {process.pid, *(parent.pid for parent in process.parents())}
                if not above & owners:
                    unknown[process.pid] = self._unknown.get(process.pid, now)
                    if now - unknown[process.pid] > _ORPHAN_S:
                        self.orphans.add(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
            except psutil.Error:
                continue
        self._unknown = unknown


def working_in(home: Path) -> list[psutil.Process]:
    """Return the processes, but for this one, whose environment names the workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("DEEPSXT_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def left_behind(home: Path, scratch: Path) -> list[str]:
    """Return half-made files of the workspace, uploads under way, and temporary files."""
    hidden = [path for path in home.rglob(".*") if not path.name.endswith(".lock")]
    uploads = [*(home / "uploads").glob("*")]
    return sorted(str(path) for path in {*hidden, *uploads, *scratch.glob("*")})


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
