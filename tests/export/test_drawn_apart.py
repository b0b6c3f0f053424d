"""Scenes and films of surfaces are drawn in a process of their own, as everywhere.

VTK's windows bring an LLVM along, and TensorFlow another one; a process with both ends in a crash.
"""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("checks", ["volume_scene_checks.py", "film_checks.py"])
def test_what_is_drawn(checks):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / checks)]
    ended = subprocess.run(
        command, cwd=HERE.parents[1], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
