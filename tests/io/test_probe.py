"""Files are opened in a process of their own, which a bad one can only hurt itself."""

import signal
import sys
import tempfile

import numpy as np
import pytest
import tifffile
from stack_files import WRITERS, make_stack

from deepsxt_core.errors import DatasetChoiceError, NotATomogramError, UnreadableFileError
from deepsxt_core.io import probe as probing
from deepsxt_core.io.limited import ProcessLimits
from deepsxt_core.io.probe import probe


def instead(monkeypatch, code):
    """Let the process do `code` in place of reading the file."""
    start = f"import sys; from pathlib import Path; from deepsxt_core.io import probe\n{code}"
    monkeypatch.setattr(probing, "COMMAND", (sys.executable, "-c", start))


@pytest.fixture
def tiff(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", make_stack(), photometric="minisblack")
    return tmp_path / "a.tif"


@pytest.mark.parametrize("kind", ["imagej", "npz-deflate"])
def test_a_good_file_passes_and_leaves_nothing(tmp_path, kind, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    WRITERS[kind][0](tmp_path / "a", make_stack())
    probe(tmp_path / "a")
    assert not list(scratch.iterdir())


def test_errors_come_back_as_they_were(tmp_path):
    with pytest.raises(UnreadableFileError, match="no file"):
        probe(tmp_path / "nowhere")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((20, 20, 3), "u1"), photometric="rgb")
    with pytest.raises(NotATomogramError, match="colours"):
        probe(tmp_path / "rgb.tif")
    with tifffile.TiffWriter(tmp_path / "two.tif") as tif:
        for depth in (3, 4):
            tif.write(np.zeros((depth, 8, 8), "u1"), photometric="minisblack")
    with pytest.raises(DatasetChoiceError) as caught:
        probe(tmp_path / "two.tif")
    assert caught.value.candidates == ("series 0", "series 1")
    probe(tmp_path / "two.tif", "series 1")


def test_a_damaged_slice_is_found(tmp_path):
    WRITERS["zstd"][0](tmp_path / "a", make_stack())
    with tifffile.TiffFile(tmp_path / "a") as tif:
        start = tif.pages[-1].dataoffsets[0]
    with (tmp_path / "a").open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 8)
    with pytest.raises(UnreadableFileError):
        probe(tmp_path / "a")


def test_a_crash_of_the_reader_is_told(tiff, monkeypatch):
    instead(monkeypatch, f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    with pytest.raises(UnreadableFileError, match=r"'a\.tif' could not be read: .* \(SIGSEGV\)"):
        probe(tiff)


def test_a_bug_of_the_reader_is_told_and_logged(tiff, monkeypatch, caplog):
    instead(monkeypatch, "probe._look = lambda *_: 1 / 0; sys.exit(probe.main(sys.argv[1:]))")
    with pytest.raises(UnreadableFileError, match="could not be read: its process"):
        probe(tiff)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("loop", ["while True: pass", "import threading; threading.Event().wait()"])
def test_a_reader_that_does_not_come_back_is_ended(tiff, monkeypatch, loop):
    instead(monkeypatch, loop)
    with pytest.raises(UnreadableFileError, match="longer than 1 s"):
        probe(tiff, limits=ProcessLimits(seconds=0.5))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_reader_that_takes_all_memory_is_ended(tiff, monkeypatch, wrapped):
    greedy = "lambda *_, **__: bytearray(1 << 29)"
    if wrapped:
        greedy = (
            'lambda *_, **__: exec(\'with blaming_file(Path("a"), "TIFF"): bytearray(1 << 29)\', '
            "globals())"
        )
    instead(
        monkeypatch,
        "from deepsxt_core.io.readers.reading import blaming_file\n"
        f"probe.open_volume = {greedy}\nsys.exit(probe.main(sys.argv[1:]))",
    )
    with pytest.raises(UnreadableFileError, match=r"more than 0\.3 GB of memory"):
        probe(tiff, limits=ProcessLimits(memory_bytes=1 << 28))
