"""Files made on demand: once each, by processes of their own, and told of when they die."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deepsxt_core.errors import BusyError, DeepSXTError, InvalidParameterError, WriteError
from deepsxt_core.workspace import making

pytestmark = pytest.mark.making


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Return a function that lets a script stand in for the process; it counts its starts."""

    def stand_in(script: str):
        path = tmp_path / "stand_in.py"
        path.write_text(
            "import json, os, sys, time, pathlib\n"
            "order = json.loads(sys.stdin.readline())['order']\n"
            f"with open({str(tmp_path / 'starts')!r}, 'a') as log: log.write('x')\n" + script
        )
        monkeypatch.setattr(making, "COMMAND", (sys.executable, str(path)))

    return stand_in


def starts(tmp_path) -> int:
    return len((tmp_path / "starts").read_text())


def make(path: Path) -> Path:
    return making.made(path, {"file": "stand-in", "path": str(path)}, None)


WRITES = "pathlib.Path(order['path']).write_text('made')"


def test_equal_requests_make_one_file(tmp_path, child):
    child("time.sleep(0.5);" + WRITES)
    path = tmp_path / "a.txt"
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(make, [path] * 8)) == [path] * 8
    assert starts(tmp_path) == 1
    assert make(path).read_text() == "made"
    assert starts(tmp_path) == 1


def test_few_are_made_at_once_and_all_get_theirs(tmp_path, child):
    child(
        f"busy = pathlib.Path({str(tmp_path)!r}, f'busy-{{os.getpid()}}'); busy.touch();"
        "time.sleep(0.3);"
        "assert len(list(busy.parent.glob('busy-*'))) <= 2;"
        "busy.unlink();" + WRITES
    )
    paths = [tmp_path / f"{n}.txt" for n in range(7)]
    with ThreadPoolExecutor(7) as threads:
        assert list(threads.map(make, paths)) == paths


def test_beyond_the_queue_nothing_is_begun(tmp_path, child, monkeypatch):
    monkeypatch.setattr(making, "MOST_WAITING", 1)
    child("sys.stdin.read()")

    def stopped():
        with pytest.raises(WriteError):
            make(tmp_path / "a")

    waiting = threading.Thread(target=stopped)
    limits = making.MakingLimits(timeout_s=2)
    monkeypatch.setattr(making, "MakingLimits", lambda: limits)
    waiting.start()
    while not making._at_work:
        time.sleep(0.01)
    with pytest.raises(BusyError, match="Try again"):
        make(tmp_path / "b")
    waiting.join()


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        ("os.kill(os.getpid(), 11)", WriteError, "SIGSEGV"),
        ("os.kill(os.getpid(), 9)", WriteError, "SIGKILL"),
        ("sys.exit(3)", WriteError, "memory"),
        ("raise OSError('a bug')", WriteError, "a bug"),
        ("sys.stdin.read()", WriteError, "longer than 1 s"),
        (
            "print(json.dumps({'error': 'InvalidParameterError', 'message': 'No.'})); sys.exit(4)",
            InvalidParameterError,
            "No.",
        ),
    ],
)
def test_the_death_of_a_process_is_told_to_all_who_wait(
    tmp_path, child, monkeypatch, script, kind, told
):
    limits = making.MakingLimits(timeout_s=1)
    if "read" in script:
        monkeypatch.setattr(making, "MakingLimits", lambda: limits)
    child(script)

    def fails(_):
        with pytest.raises(kind, match=told):
            make(tmp_path / "a.txt")

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(fails, range(3)))
    assert not (tmp_path / "a.txt").exists()
    child(WRITES)
    assert make(tmp_path / "a.txt").is_file()


@pytest.mark.skipif(os.name == "nt", reason="processes are ended as POSIX does it")
def test_a_process_ends_with_the_server(tmp_path):
    """A request that takes long: its input is closed when the server dies, however it dies."""
    fifo = tmp_path / "run.json"
    os.mkfifo(fifo)  # reading it takes until somebody writes
    order = {"file": "surface", "result": str(tmp_path), "name": "surface.stl"}
    request = {"order": order, "limits": {"memory_bytes": 4 << 30, "seconds": 60}}
    process = subprocess.Popen(making.COMMAND, stdin=subprocess.PIPE)
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    process.stdin.close()
    assert process.wait(10) == 1


def exports(tmp_path, *names: str) -> list[Path]:
    """Make files of 1000 bytes in results of two tomograms, each used a second after the last."""
    paths = []
    for n, name in enumerate(names):
        folder = tmp_path / "tomograms" / f"t{n % 2}" / "results" / "surfaces" / "r" / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(bytes(1000))
        used = time.time() - 10 * making.KEPT_AFTER_USE_S + n
        os.utime(path, (used, used))
        paths.append(path)
    return paths


def test_what_was_not_used_for_longest_is_evicted(tmp_path, child, monkeypatch):
    monkeypatch.setenv("DEEPSXT_EXPORTS_GB", "2.5e-6")
    a, b, c = exports(tmp_path, "a", "b", "c")
    make(a)  # used just now
    child(WRITES)
    make(c.with_name("d"))
    assert [path.exists() for path in (a, b, c)] == [True, False, True]
    make(c.with_name("e"))
    assert a.stat().st_mtime < time.time() - making.KEPT_AFTER_USE_S, "its making is not its use"


def test_what_may_be_on_its_way_is_never_evicted(tmp_path, child, monkeypatch):
    monkeypatch.setenv("DEEPSXT_EXPORTS_GB", "0")
    (a,) = exports(tmp_path, "a")
    make(a)
    child(WRITES)
    made = make(a.with_name("b"))
    assert a.exists()
    assert made.exists()


def test_limits_must_be_limits():
    with pytest.raises(DeepSXTError, match="above 0"):
        making.MakingLimits(timeout_s=0)
