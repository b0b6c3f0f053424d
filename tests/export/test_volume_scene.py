"""Scenes are built and drawn in a process of their own, as everywhere.

VTK's windows bring an LLVM along, and TensorFlow another one; a process with both ends in a crash.
"""

import subprocess
import sys
from pathlib import Path

CHECKS = Path(__file__).with_name("volume_scene_checks.py")


def test_scenes():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKS)]
    ended = subprocess.run(
        command, cwd=CHECKS.parents[2], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
