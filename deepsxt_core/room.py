"""What a workspace takes on the disk, and may take at most."""

import math
import os
import threading
import time
from pathlib import Path

from deepsxt_core import settings
from deepsxt_core.errors import NoRoomError

_REMEMBERED_S = 10.0

_lock = threading.Lock()
_counted: dict[Path, tuple[float, int]] = {}


def used_bytes(folder: Path, remembered_s: float = _REMEMBERED_S) -> int:
    """Return the bytes of all files below a folder, as counted at most some seconds ago."""
    with _lock:
        when, known = _counted.get(folder, (-math.inf, 0))
        if time.monotonic() - when < remembered_s:
            return known
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # It has just been deleted.
    with _lock:
        _counted[folder] = time.monotonic(), total
    return total


def require_quota(n_bytes: int = 0, folder: Path | None = None) -> None:
    """Do nothing if the quota of the workspace leaves so much and is not used up, or there is none.

    Parameters
    ----------
    n_bytes : int
        That are to be written.
    folder : Path, optional
        Where to. The quota does not hold outside of the workspace.

    Raises
    ------
    NoRoomError
        If it does not leave so much.
    """
    quota = settings.quota_bytes()
    if quota is None:
        return
    home = settings.workspace_folder()
    if folder is not None and not folder.resolve().is_relative_to(home):
        return
    left = max(0, quota - used_bytes(home))
    if max(n_bytes, 1) > left:
        needed = f", and this needs {_text(n_bytes)}" if n_bytes else ""
        raise NoRoomError(
            f"{_text(left)} are left of the {_text(quota)} that this workspace may take{needed}. "
            "Delete what you do not need any more, also from the trash, or ask for more room."
        )


def _text(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.3g} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.2g} MB"
