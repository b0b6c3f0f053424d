"""Which process is which: neither a step of the clock nor a number used again deceives it."""

from contextlib import suppress
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# psutil derives the time at which a process began from the time of boot, which moves when the
# clock is set; used alone where there is no /proc, and for records of earlier versions.
_CREATION_TOLERANCE_S = 2.0


def process_mark(pid: int) -> str | None:
    """Return what no other process has, of any number and after any restart; None if it is gone.

    On Linux the start in clock ticks since the boot (proc_pid_stat(5), field 22) with the id of
    the boot; elsewhere the time at which the process was created.
    """
    if _BOOT_ID.exists():
        fields = _stat_fields(pid)
        # The state, field 3, is Z or X for a process that has ended and was not waited for.
        if fields is None or fields[0] in "ZX":
            return None
        return f"{_BOOT_ID.read_text().strip()}/{fields[19]}"
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"created/{process.create_time()}"
    return None


def find_process(
    pid: int | None, mark: str | None, created: float | None = None
) -> psutil.Process | None:
    """Return the process of this number if it is the one that was marked, None otherwise.

    `created` is its creation in seconds since 1970, for records of earlier versions, without mark.
    """
    if pid is None:
        return None
    now = process_mark(pid)
    if now is None:
        return None
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if mark is not None:
            return process if now == mark else None
        same = created is not None and abs(process.create_time() - created) < _CREATION_TOLERANCE_S
        return process if same else None
    return None


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third on; the second may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
