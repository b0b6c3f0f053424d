"""Temporary folders that do not outlive their owner, not even one that was killed.

A folder goes when its process ends. A process that is killed cannot clean up: each folder holds a
file that its owner keeps locked, and whoever makes the next one deletes those that nobody holds.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "deepsxt-scratch-"
_LOCK_NAME = "owner.lock"
# Between the making of a folder and its lock; long ago, it was left there.
_UNLOCKED_S = 3600.0


class ScratchFolder:
    """A temporary folder that exists as long as this object, or until `close`."""

    def __init__(self) -> None:
        sweep_scratch()
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
        self._lock = FileLock(Path(self._folder.name) / _LOCK_NAME)
        self._lock.acquire()
        self.path = Path(self._folder.name)

    def close(self) -> None:
        """Delete the folder with all it holds."""
        self._lock.release()
        self._folder.cleanup()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder and delete it at the end."""
    scratch = ScratchFolder()
    try:
        yield scratch.path
    finally:
        scratch.close()


def sweep_scratch() -> None:
    """Delete the temporary folders whose owners were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Others may delete the same one meanwhile.
        with suppress(OSError):
            if not folder.is_symlink() and _is_mine(folder) and not _is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_mine(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _is_held(folder: Path) -> bool:
    lock = folder / _LOCK_NAME
    if not lock.exists():
        return time.time() - folder.stat().st_mtime < _UNLOCKED_S
    try:
        with FileLock(lock, blocking=False):
            return False
    except Timeout:
        return True
