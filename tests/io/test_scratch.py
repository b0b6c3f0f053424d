"""What was unpacked does not outlive its process, not even one that was killed."""

import os
import subprocess
import sys
import tempfile
import time

import pytest
from stack_files import WRITERS, make_stack

from deepsxt_core.io.scratch import ScratchFolder, scratch_folder, sweep_scratch

UNPACKING = """
import sys
from deepsxt_core.io import open_volume
open_volume(sys.argv[1]).read(0, 1)
print("unpacked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_what_a_killed_process_had_unpacked_goes_with_the_next_start(tmp_path, scratch):
    WRITERS["npz-deflate"][0](tmp_path / "a.npz", make_stack())
    with subprocess.Popen(
        [sys.executable, "-c", UNPACKING, str(tmp_path / "a.npz")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(scratch)},
    ) as process:
        assert process.stdout.readline() == b"unpacked\n"
        (unpacked,) = scratch.iterdir()
        sweep_scratch()
        assert (unpacked / "owner.lock").is_file(), "its owner is alive"
        process.kill()
    assert any(path.name == "array.npy" for path in unpacked.rglob("*"))
    sweep_scratch()
    assert not list(scratch.iterdir())


def test_folders_of_others_stay(scratch, tmp_path):
    (scratch / "other").mkdir()
    (scratch / "deepsxt-scratch-just-made").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "owner.lock").touch()
    (scratch / "deepsxt-scratch-link").symlink_to(tmp_path / "elsewhere")
    sweep_scratch()
    assert len(list(scratch.iterdir())) == 3
    assert (tmp_path / "elsewhere" / "owner.lock").is_file()
    long_ago = time.time() - 7200
    os.utime(scratch / "deepsxt-scratch-just-made", (long_ago, long_ago))
    sweep_scratch()
    assert {path.name for path in scratch.iterdir()} == {"other", "deepsxt-scratch-link"}


def test_two_folders_do_not_disturb_each_other(scratch):
    held = ScratchFolder()
    with scratch_folder() as folder:
        assert held.path.is_dir()
        assert folder.is_dir()
    assert list(scratch.iterdir()) == [held.path]
    held.close()
    assert not list(scratch.iterdir())
