"""What was acknowledged survives kill -9 at any instant."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from deepsxt_core.annotation import create_annotation, open_annotation
from deepsxt_core.volume import Volume
from tests.annotation.conftest import bodies, read_all

PAINTER = Path(__file__).with_name("painter.py")
KILLS = int(os.environ.get("DEEPSXT_KILLS", "5"))


def painted_until_killed(path: Path, seed: int, seconds: float) -> list[str]:
    """Let a process paint, kill it, and return what it had acknowledged."""
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(PAINTER), str(path), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        return process.stdout.read().splitlines()


@pytest.mark.slow
def test_after_kill_9_the_annotation_holds_what_was_acknowledged(tmp_path):
    tomogram, start = Volume.from_array(bodies()), Volume.from_array(bodies())
    for name in ("killed", "undisturbed"):
        create_annotation(tmp_path / name, tomogram, start)
    undisturbed = open_annotation(tmp_path / "undisturbed")
    clock = random.Random(4)
    total = 0
    for seed in range(KILLS):
        acknowledged = painted_until_killed(tmp_path / "killed", seed, clock.uniform(0.05, 0.6))
        # The very last line may be cut, and counts as not acknowledged.
        for line in acknowledged:
            if line == "undo":
                undisturbed.undo()
            elif line == "redo":
                undisturbed.redo()
            else:
                undisturbed.apply(line)
        total += len(acknowledged)
        killed = open_annotation(tmp_path / "killed")
        kept = len(list(killed.history())) - len(list(undisturbed.history()))
        assert kept in (0, 1)
        if kept:
            # On the disk, but killed before it could say so.
            *_, last = killed.history()
            if "operation" in last.head:
                undisturbed.apply(last.head["operation"])
            elif "undo" in last.head:
                undisturbed.undo()
            else:
                undisturbed.redo()
        np.testing.assert_array_equal(read_all(killed), read_all(undisturbed))
        assert killed.objects.to_json() == undisturbed.objects.to_json()
        assert (killed.can_undo, killed.can_redo) == (undisturbed.can_undo, undisturbed.can_redo)
        hidden = {path.name for path in (tmp_path / "killed").rglob(".*")}
        assert hidden <= {".writing.lock", ".editor.lock"}
    assert total > KILLS
