import functools
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from deepsxt_core.jobs import runner
from deepsxt_core.settings import workspace_folder
from deepsxt_core.workspace import Workspace

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
SHAPE = (6, 24, 32)


# Streamlit reads the metadata of every installed package for each app; they stay as they are.
SCANNED = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture
def app(monkeypatch) -> AppTest:
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", SCANNED)
    # Streamlit puts the page in the place of __main__, which processes started later would run.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return AppTest.from_file(str(FRAME), default_timeout=60)


@pytest.fixture
def tomogram(tmp_path):
    """A tomogram without voxel size."""
    path = tmp_path / "cell_1.tif"
    noise = np.random.default_rng(0).normal(1000, 50, SHAPE)
    tifffile.imwrite(path, noise.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})
    return Workspace().add_file(path)


@pytest.fixture
def model() -> Path:
    """A model that can be chosen, and not loaded."""
    folder = workspace_folder() / "models" / "test-model"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.weights.h5"):
        (folder / name).write_text("{}")
    (folder / "card.md").write_text("# Card of the test model")
    return folder


@pytest.fixture
def idle_workers(monkeypatch):
    """Let jobs be submitted, and stay queued."""
    monkeypatch.setattr(runner, "start", lambda *_: None)
